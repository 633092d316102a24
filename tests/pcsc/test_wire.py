"""The bytes of pcsc-lite's protocol, as literals: what libpcsclite sends and pcscd answers on a PC."""

from __future__ import annotations

import struct
import sys

import pytest

from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.wire import Command, Malformed, ReaderState
from tests.support.talk import encode_state

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the literals are little-endian")

CONNECT_BODY = (
    bytes.fromhex("78563412")
    + b"A Reader 00 00".ljust(128, b"\0")
    + bytes.fromhex("01000000 03000000 00000000 00000000 00000000")
)


def test_a_request_is_a_header_and_a_body() -> None:
    assert wire.request(Command.VERSION, major=4, minor=4) == bytes.fromhex(
        "0c000000 11000000 04000000 04000000 00000000"
    )
    assert wire.request(Command.READERS_STATE) == bytes.fromhex("00000000 12000000")


def test_a_connect_is_read_field_by_field() -> None:
    command, size = wire.header(bytes.fromhex("98000000 04000000"))
    body = wire.LAYOUTS[command].decode(CONNECT_BODY)
    assert (command, size) == (Command.CONNECT, 152)
    assert body.text == "A Reader 00 00"
    assert body["hContext"] == 0x12345678
    assert (body["dwShareMode"], body["dwPreferredProtocols"], body["rv"]) == (1, 3, 0)


def test_a_connect_is_written_as_it_is_read() -> None:
    written = wire.LAYOUTS[Command.CONNECT].encode(
        hContext=0x12345678, szReader=b"A Reader 00 00", dwShareMode=1, dwPreferredProtocols=3
    )
    assert written == CONNECT_BODY


@pytest.mark.parametrize(
    ("command", "size"),
    [
        (Command.ESTABLISH_CONTEXT, 12),
        (Command.RELEASE_CONTEXT, 8),
        (Command.CONNECT, 152),
        (Command.RECONNECT, 24),
        (Command.DISCONNECT, 12),
        (Command.BEGIN_TRANSACTION, 8),
        (Command.END_TRANSACTION, 12),
        (Command.TRANSMIT, 32),
        (Command.CONTROL, 24),
        (Command.STATUS, 8),
        (Command.CANCEL, 8),
        (Command.GET_ATTRIB, 280),
        (Command.SET_ATTRIB, 280),
        (Command.VERSION, 12),
    ],
)
def test_the_bodies_are_as_long_as_those_of_pcsc_lite(command: Command, size: int) -> None:
    assert wire.LAYOUTS[command].size == size


@pytest.mark.parametrize(
    "header", ["00000000 00000000", "0c000000 18000000", "0d000000 11000000", "ffffffff 04000000", "0c000000 03000000"]
)
def test_what_pcscd_would_not_take_is_no_message(header: str) -> None:
    with pytest.raises(Malformed):
        wire.header(bytes.fromhex(header))


def test_a_wait_had_a_body_up_to_4_3() -> None:
    assert wire.header(bytes.fromhex("08000000 13000000")) == (Command.WAIT_STATE_CHANGE, 8)
    assert wire.header(bytes.fromhex("00000000 13000000")) == (Command.WAIT_STATE_CHANGE, 0)


def test_a_readers_state_takes_184_bytes() -> None:
    record = (
        b"Yubico YubiKey OTP+FIDO+CCID 00 00".ljust(128, b"\0")
        + bytes.fromhex("02000000 34000000 ffffffff")
        + bytes.fromhex("3bfd1300").ljust(33, b"\xee")
        + bytes(3)
        + bytes.fromhex("04000000 02000000")
    )
    assert len(record) == wire.STATE_BYTES == 184
    (reader,) = wire.reader_states(record + bytes(184) * 15)
    assert reader == ReaderState(
        name="Yubico YubiKey OTP+FIDO+CCID 00 00",
        event_counter=2,
        state=0x34,
        sharing=-1,
        atr=bytes.fromhex("3bfd1300"),
        protocol=2,
    )
    assert wire.reader_states(encode_state(reader)) == (reader,)


def test_a_card_that_was_not_powered_up_yet_has_no_atr() -> None:
    record = b"R".ljust(140, b"\0") + bytes(36) + struct.pack("=II", 34, 0)
    assert wire.reader_states(record)[0].atr == b""


def test_a_name_of_any_bytes_comes_back_as_it_was() -> None:
    name = wire.name_of(b"\xff\xfeR\0rest")
    reader = ReaderState(name=name, event_counter=0, state=0, sharing=0, atr=b"", protocol=0)
    assert encode_state(reader)[:4] == b"\xff\xfeR\0"


def test_half_a_state_is_no_state() -> None:
    with pytest.raises(Malformed):
        wire.reader_states(bytes(185))
