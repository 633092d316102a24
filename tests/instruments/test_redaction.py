"""Never a PIN, never data: in no form of a command, in text or in JSON."""

from __future__ import annotations

import json

import pytest

from gpgdoctor.instruments.trace.apdu import shown, status_word
from gpgdoctor.instruments.trace.jsonlines import line as json_line
from gpgdoctor.instruments.trace.summary import Summary
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Command
from tests.support.talk import CARD, Talk, state

PIN, NEW_PIN = b"495173", b"82649173"
HEX = [pin.hex() for pin in (PIN, NEW_PIN)]


def short(header: str, data: bytes, le: bytes = b"") -> bytes:
    return bytes.fromhex(header) + bytes([len(data)]) + data + le


def extended(header: str, data: bytes) -> bytes:
    return bytes.fromhex(header) + b"\0" + len(data).to_bytes(2, "big") + data + b"\0\0"


COMMANDS = {
    "verify": short("00200081", PIN),
    "verify, chained": short("10200081", PIN),
    "verify, rest of a chain": short("00200081", PIN[3:]),
    "verify, extended": extended("00200081", PIN),
    "verify by tag": short("00210081", b"\x5f\x1f\x06" + PIN),
    "verify, padded": short("00200080", PIN.ljust(8, b"\xff")),
    "verify, proprietary class": short("80200081", PIN),
    "verify, another channel": short("01200081", PIN),
    "verify, secure messaging": short("0C200081", PIN),
    "verify, higher channel": short("40200081", PIN),
    "verify, cut off": bytes.fromhex("0020008106") + PIN[:4],
    "verify, lying about its length": bytes.fromhex("00200081FF") + PIN,
    "change": short("00240081", PIN + NEW_PIN),
    "change, extended and chained": extended("10240083", PIN + NEW_PIN),
    "reset with a code": short("002C0081", PIN + NEW_PIN),
    "reset by the admin": short("002C0281", NEW_PIN),
    "resetting code": short("00DA00D3", PIN),
    "put data": short("00DB3FFF", b"\x53\x06" + PIN),
    "envelope": short("00C20000", short("00200081", PIN)),
    "envelope, odd": short("00C30000", short("00200081", PIN)),
    "unlock by a proprietary command": short("00FA0000", PIN),
    "select by name": short("00A40400", PIN),
    "select by name, as text": short("00A40400", b"A" + PIN),
    "select, a byte in front that may begin a name": short("00A40400", b"\xa0" + PIN),
    "select, as a national name": short("00A40400", b"\xd2" + PIN),
    "select, as a proprietary name": short("00A40400", b"\xf0" + PIN),
    "select, as an object identifier": short("00A40400", b"\xe8" + PIN),
    "select, in BCD": short("00A40400", bytes.fromhex("a0" + PIN.decode() + "ffff")),
    "select, behind a real name": short("00A40400", bytes.fromhex("D27600012401") + PIN),
    "select, behind a registered one": short("00A40400", bytes.fromhex("A000000999") + PIN),
    "select, UTF-16": short("00A40400", PIN.decode().encode("utf-16")),
    "select, padded with ff": short("00A40400", b"\xff" * 4 + PIN),
    "select, chained": short("10A40400", PIN),
    "select by path": short("00A40800", PIN),
    "no command at all": PIN,
    "no command, longer": PIN + NEW_PIN,
    "signature": short("002A9E9A", PIN),
}


def told(talk: Talk) -> str:
    summary = Summary()
    for event in talk.events:
        summary.take(event)
    texts = [*talk.lines, *map(json_line, talk.events)]
    for program in summary.programs:
        texts += [*program.lines(), json.dumps(program.as_json())]
    return "\n".join(texts)


def assert_no_pin(text: str) -> None:
    squeezed = text.replace(" ", "").lower()
    for pin in (PIN, NEW_PIN):
        assert pin.decode() not in squeezed
        assert pin.hex() not in squeezed
        assert pin[:4].hex() not in squeezed, "not a part of it either"


def with_a_card() -> Talk:
    talk = Talk()
    talk.establish()
    talk.states(state())
    talk.connect()
    return talk


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_pin_is_not_shown(command: bytes) -> None:
    talk = with_a_card()
    talk.transmit(command)
    talk.ask(Command.TRANSMIT, command, hCard=CARD, cbSendLength=len(command), pcbRecvLength=258)
    talk.conversation.look(talk.now_s + 1)
    assert len(talk.lines) == 5, "the call, and the one that waits for its answer"
    assert_no_pin(told(talk))


@pytest.mark.parametrize("kind", [name for name in COMMANDS if name.startswith(("verify", "change", "reset", "put"))])
def test_of_a_pin_not_even_the_length_is_shown(kind: str) -> None:
    first, command = COMMANDS[kind][:4], COMMANDS[kind]
    assert shown(command).text == shown(first + b"\x02" + b"ab").text


@pytest.mark.parametrize("header", ["00200081", "10240083", "002C0081", "00DA00D3", "00C20000", "00FA0000"])
def test_lines_of_pins_of_two_lengths_do_not_differ(header: str) -> None:
    assert shown(short(header, b"1234")) == shown(short(header, b"12345678901234"))


def test_an_answer_is_never_shown() -> None:
    talk = with_a_card()
    talk.transmit(bytes.fromhex("00CA006E00"), PIN + b"\x90\x00")
    assert "SW 9000, 6 bytes not shown" in talk.lines[-1]
    assert_no_pin(told(talk))


def test_a_pinpad_and_an_escape_are_not_shown() -> None:
    talk = with_a_card()
    talk.control(names.GET_FEATURE_REQUEST, b"", bytes.fromhex("0604 42330006 0704 42330007 1304 42000001"))
    for code in (0x42330006, 0x42330007, 0x42000001, 0x12345678):
        talk.control(code, b"\x00\x00\x82\x04\x00" + short("00200081", PIN), PIN)
    text = told(talk)
    assert_no_pin(text)
    assert "FEATURE_VERIFY_PIN_DIRECT" in text
    assert "FEATURE_MODIFY_PIN_DIRECT" in text
    assert "FEATURE_CCID_ESC_COMMAND" in text


def test_an_attribute_is_not_shown() -> None:
    talk = with_a_card()
    talk.ask(Command.SET_ATTRIB, hCard=CARD, dwAttrId=0x7A007, pbAttr=PIN, cbAttrLen=len(PIN))
    talk.answer(Command.SET_ATTRIB, hCard=CARD, dwAttrId=0x7A007, pbAttr=PIN, cbAttrLen=len(PIN))
    assert talk.calls[-1].name == "SCardSetAttrib"
    assert_no_pin(told(talk))


def test_bytes_that_are_not_understood_are_not_shown() -> None:
    talk = with_a_card()
    talk.from_client(PIN + NEW_PIN)
    assert talk.conversation.is_lost
    assert_no_pin(told(talk))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("D27600012401", "00 A4 04 00 SELECT D27600012401 (OpenPGP)"),
        ("D27600012401030400060123456700", "00 A4 04 00 SELECT D27600012401 (OpenPGP), 9 more bytes not shown"),
        ("A000000308", "00 A4 04 00 SELECT A000000308 (PIV)"),
        ("A000000999010203", "00 A4 04 00 SELECT A000000999, 3 more bytes not shown"),
        ("F00102030405", "00 A4 04 00 SELECT, 6 bytes not shown"),
    ],
)
def test_of_a_name_only_what_is_known_is_shown(data: str, text: str) -> None:
    assert shown(short("00A40400", bytes.fromhex(data))).text == text


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("00CA006E00", "00 CA 00 6E GET DATA"),
        ("0020008200", "00 20 00 82 VERIFY"),
        ("00B0000000", "00 B0 00 00 READ BINARY"),
        ("00A4000C023F00", "00 A4 00 0C SELECT, 2 bytes not shown"),
        ("FFCA000000", "FF CA 00 00 GET DATA"),
        ("001D0000", "00 1D 00 00"),
        ("0020", "no card command, not shown"),
        ("", "no card command, not shown"),
    ],
)
def test_headers_are_shown_with_what_they_are(command: str, text: str) -> None:
    assert shown(bytes.fromhex(command)).text == text


def test_a_status_word_is_the_last_two_bytes() -> None:
    assert status_word(bytes.fromhex("0102039000")) == "9000"
    assert status_word(b"\x90") == ""
