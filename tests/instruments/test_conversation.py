"""What goes over the wire, told as calls of PC/SC: in every version of the protocol, however the bytes are cut."""

from __future__ import annotations

import pytest

from gpgdoctor.instruments.trace.events import Call, Ended, NotUnderstood, Waiting
from gpgdoctor.pcsc import names, wire
from gpgdoctor.pcsc.wire import Command
from tests.support.talk import CARD, CONTEXT, READER, Talk, state

MINORS = (2, 3, 4, 5, 6)


def bytewise(data: bytes) -> list[bytes]:
    return [data[number : number + 1] for number in range(len(data))]


def in_sevens(data: bytes) -> list[bytes]:
    return [data[number : number + 7] for number in range(0, len(data), 7)]


def a_whole_session(talk: Talk) -> None:
    talk.establish()
    talk.states(state(sharing=1))
    talk.wait(state())
    talk.stop_waiting()
    talk.connect()
    talk.states(state(sharing=1))
    talk.simple(Command.STATUS, hCard=CARD)
    talk.simple(Command.BEGIN_TRANSACTION, hCard=CARD)
    talk.transmit(bytes.fromhex("00A4040006D27600012401"))
    talk.simple(Command.END_TRANSACTION, hCard=CARD, dwDisposition=0)
    talk.simple(Command.DISCONNECT, hCard=CARD, dwDisposition=1)
    talk.simple(Command.RELEASE_CONTEXT, hContext=CONTEXT)
    talk.conversation.end(talk.now_s, by_pcscd=False)


@pytest.mark.parametrize("cut", [lambda data: [data], in_sevens, bytewise])
@pytest.mark.parametrize("minor", MINORS)
def test_a_session_is_told_call_by_call(minor: int, cut: object) -> None:
    talk = Talk(minor, cut=cut)  # type: ignore[arg-type]
    a_whole_session(talk)
    listing = "SCardListReaders" if minor > 3 else "SCardListReaders or SCardGetStatusChange"
    assert talk.names == [
        "SCardEstablishContext",
        listing,
        "SCardGetStatusChange",
        "SCardConnect",
        "SCardStatus",
        "SCardBeginTransaction",
        "SCardTransmit",
        "SCardEndTransaction",
        "SCardDisconnect",
        "SCardReleaseContext",
    ]
    assert len(talk.events) == len(talk.calls), "nothing but calls: all was understood, and nothing is left open"


def test_a_line_has_names_and_numbers() -> None:
    talk = Talk()
    talk.establish()
    talk.states(state(sharing=1))
    talk.connect(share=1, code=0x8010000B)
    connect = talk.lines[-1]
    assert "prog (42)" in connect
    assert f'SCardConnect szReader "{READER}"' in connect
    assert "dwShareMode SCARD_SHARE_EXCLUSIVE" in connect
    assert "dwPreferredProtocols SCARD_PROTOCOL_T0|SCARD_PROTOCOL_T1" in connect
    assert "-> SCARD_E_SHARING_VIOLATION (0x8010000B)" in connect
    assert f'SCardListReaders "{READER}" (1 connected) -> SCARD_S_SUCCESS (0x00000000)' in talk.lines[1]


def test_no_reader_is_what_the_library_makes_of_an_empty_list() -> None:
    talk = Talk()
    talk.establish()
    talk.states()
    talk.conversation.look(talk.now_s + 1)
    assert talk.calls[-1].code == names.NO_READERS_AVAILABLE


@pytest.mark.parametrize("minor", MINORS)
def test_a_wait_that_is_woken(minor: int) -> None:
    talk = Talk(minor)
    talk.establish()
    talk.wait(state())
    talk.conversation.look(talk.now_s + 1)
    waiting = talk.events[-1]
    assert isinstance(waiting, Waiting)
    assert waiting.for_change
    talk.signal()
    if minor > 3:
        talk.wait(state(sharing=-1))
        talk.stop_waiting()
    assert talk.names[1:] == ["SCardGetStatusChange"]
    assert talk.calls[-1].remark == "woken by a change"


@pytest.mark.parametrize("minor", (4, 5, 6))
def test_a_signal_that_crosses_the_stop_is_its_answer(minor: int) -> None:
    talk = Talk(minor)
    talk.establish()
    talk.wait(state())
    talk.signal()
    talk.ask(Command.STOP_WAITING)  # pcscd answers nothing: nobody is on its list any more
    talk.connect()
    assert talk.names == ["SCardEstablishContext", "SCardConnect"]
    talk.conversation.end(talk.now_s, by_pcscd=False)
    assert "SCardGetStatusChange" in talk.names


def test_a_cancelled_wait_has_the_code_that_pcscd_sends() -> None:
    talk = Talk()
    talk.establish()
    talk.wait(state())
    talk.signal(names.CANCELLED)
    assert talk.calls[-1].code == names.CANCELLED


def test_a_cancel_comes_on_a_connection_of_its_own() -> None:
    talk = Talk()
    talk.simple(Command.CANCEL, hContext=CONTEXT)
    assert talk.names == ["SCardCancel"]


def test_the_older_version_of_the_two_counts() -> None:
    talk = Talk(6)
    talk.ask(Command.VERSION, major=4, minor=6)
    talk.answer(Command.VERSION, major=4, minor=4, rv=names.SERVICE_STOPPED)
    talk.ask(Command.VERSION, major=4, minor=4)
    talk.answer(Command.VERSION, major=4, minor=4)
    talk.minor = 4
    talk.ask(Command.ESTABLISH_CONTEXT, dwScope=2)
    talk.answer(Command.ESTABLISH_CONTEXT, dwScope=2, hContext=CONTEXT)
    talk.wait(state())
    talk.stop_waiting()
    assert talk.names == ["SCardEstablishContext", "SCardGetStatusChange"]
    assert talk.calls[0].remark == "protocol 4:4"


def test_a_library_that_gives_up_over_the_version() -> None:
    talk = Talk(5)
    talk.ask(Command.VERSION, major=4, minor=5)
    talk.answer(Command.VERSION, major=4, minor=4, rv=names.SERVICE_STOPPED)
    talk.conversation.end(talk.now_s, by_pcscd=False)
    (call,) = talk.calls
    assert (call.name, call.code) == ("SCardEstablishContext", names.SERVICE_STOPPED)
    assert call.remark == "the library speaks 4:5, pcscd 4:4"


def test_pcscd_that_closes_without_a_word() -> None:
    talk = Talk()
    talk.ask(Command.VERSION, major=4, minor=4)
    talk.conversation.end(talk.now_s, by_pcscd=True)
    (ended,) = talk.events
    assert isinstance(ended, Ended)
    assert ended.unanswered == ("SCardEstablishContext",)


def test_a_call_that_is_not_answered_is_told_of_once() -> None:
    talk = Talk()
    talk.establish()
    talk.ask(Command.CONNECT, hContext=CONTEXT, szReader=READER.encode(), dwShareMode=1, dwPreferredProtocols=3)
    talk.conversation.look(talk.now_s + 0.4)
    assert len(talk.events) == 1
    for later_s in (0.6, 0.7, 3.0):
        talk.conversation.look(talk.now_s + later_s)
    assert len(talk.events) == 2
    assert "not answered after 0.5 s: another program is in a transaction, or an operation is running" in talk.lines[-1]
    assert talk.conversation.waits_for_exclusive


@pytest.mark.parametrize(
    ("share", "transaction", "what"),
    [(1, False, "pcscd resets the card"), (2, True, "pcscd resets the card"), (2, False, "the card is left as it is")],
)
def test_what_becomes_of_a_card_that_nobody_disconnects(share: int, transaction: bool, what: str) -> None:
    talk = Talk()
    talk.establish()
    talk.connect(share=share)
    if transaction:
        talk.simple(Command.BEGIN_TRANSACTION, hCard=CARD)
    talk.conversation.end(talk.now_s, by_pcscd=False)
    assert what in talk.lines[-1]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff" * 8,
        wire.HEADER.pack(12, 0x99),
        wire.HEADER.pack(11, Command.VERSION),
        wire.request(Command.TRANSMIT, hCard=CARD, cbSendLength=1 << 30),
    ],
)
def test_what_is_not_understood_is_said_once_and_nothing_after_it(nonsense: bytes) -> None:
    talk = Talk()
    talk.establish()
    talk.from_client(nonsense)
    talk.connect()
    talk.from_pcscd(b"anything")
    assert [type(event) for event in talk.events] == [Call, NotUnderstood]


def test_an_answer_without_a_question() -> None:
    talk = Talk()
    talk.establish()
    talk.from_pcscd(bytes(8))
    assert isinstance(talk.events[-1], NotUnderstood)


@pytest.mark.parametrize("length", [0, -1, 1 << 20])
def test_a_senseless_number_of_readers(length: int) -> None:
    talk = Talk(6)
    talk.establish()
    talk.ask(Command.READERS_STATE_SIZE)
    talk.from_pcscd(wire.NUMBER.pack(length))
    assert isinstance(talk.events[-1], NotUnderstood)


def test_the_reader_tells_which_code_is_for_pins() -> None:
    talk = Talk()
    talk.establish()
    talk.connect()
    talk.control(names.GET_FEATURE_REQUEST, b"", bytes.fromhex("0604 42330006 1204 42330012"))
    talk.control(0x42330006, b"\x00\x00\x82123456")
    assert "CM_IOCTL_GET_FEATURE_REQUEST (0x42000D48)" in talk.lines[-2]
    assert "FEATURE_VERIFY_PIN_DIRECT (0x42330006), data not shown" in talk.lines[-1]
