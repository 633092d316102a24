"""Any bytes, in both directions, cut anywhere: the decoder never raises, and bytes never come out of it."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from gpgdoctor.instruments.trace.jsonlines import line as json_line
from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.wire import Command
from tests.support.talk import CARD, Talk, state

SECRET = b"\x93\x51\x47\x88\x62\x19"
EXAMPLES = 2000 if os.environ.get("CI") else 300

commands = st.sampled_from(list(wire.LAYOUTS))
numbers = st.integers(0, 0xFFFFFFFF)
any_bytes = st.binary(max_size=400)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A message as a library might send it, or nearly."""
    command = draw(st.sampled_from(list(Command)))
    layout = wire.LAYOUTS.get(command)
    body = (
        draw(st.binary(min_size=layout.size, max_size=layout.size))
        if layout
        else draw(st.sampled_from([b"", bytes(8)]))
    )
    size = draw(st.sampled_from([len(body), len(body), len(body), len(body) + 1]))
    return wire.HEADER.pack(size, command) + body + draw(st.binary(max_size=20))


pieces = st.lists(st.tuples(st.booleans(), st.one_of(any_bytes, requests())), max_size=20)


@settings(max_examples=EXAMPLES, deadline=None)
@given(minor=st.integers(-1, 8), pieces=pieces)
def test_nothing_makes_the_decoder_raise(minor: int, pieces: list[tuple[bool, bytes]]) -> None:
    talk = Talk(minor)
    talk.establish()
    for is_client, data in pieces:
        (talk.from_client if is_client else talk.from_pcscd)(data)
        talk.conversation.look(talk.now_s + 1)
    talk.conversation.end(talk.now_s, by_pcscd=True)
    assert all(text.isprintable() and len(text) <= 1000 for text in talk.lines)
    assert all(json_line(event).isascii() for event in talk.events)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    header=st.binary(min_size=4, max_size=4),
    before=st.binary(max_size=12),
    after=st.binary(max_size=12),
    long_form=st.booleans(),
    answer=st.binary(max_size=30),
)
def test_a_secret_comes_out_of_no_command(
    header: bytes, before: bytes, after: bytes, long_form: bool, answer: bytes
) -> None:
    data = before + SECRET + after
    length = b"\0" + len(data).to_bytes(2, "big") if long_form else bytes([len(data)])
    talk = Talk()
    talk.establish()
    talk.states(state())
    talk.connect()
    talk.transmit(header + length + data, answer + SECRET + b"\x90\x00")
    talk.control(int.from_bytes(header, "big"), data, answer + SECRET)
    text = "\n".join([*talk.lines, *map(json_line, talk.events)]).replace(" ", "").upper()
    assert talk.names[-2:] == ["SCardTransmit", "SCardControl"]
    assert SECRET.hex().upper() not in text
    assert str(int.from_bytes(SECRET, "big")) not in text


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(cuts=st.lists(st.integers(1, 200), min_size=1, max_size=8), minor=st.integers(2, 6))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int], minor: int) -> None:
    def cut(data: bytes) -> list[bytes]:
        found, place, number = [], 0, 0
        while place < len(data):
            found.append(data[place : place + cuts[number % len(cuts)]])
            place += cuts[number % len(cuts)]
            number += 1
        return found

    def told(talk: Talk) -> list[tuple[str, object, object]]:
        talk.establish()
        talk.wait(state(sharing=2))
        talk.stop_waiting()
        talk.states(state(sharing=1))
        talk.connect()
        talk.transmit(bytes.fromhex("00A4040006D27600012401"), b"x" * 300)
        talk.simple(Command.DISCONNECT, hCard=CARD, dwDisposition=2)
        return [(call.name, call.arguments, call.code) for call in talk.calls]

    assert told(Talk(minor, cut=cut)) == told(Talk(minor))
