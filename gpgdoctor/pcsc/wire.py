"""The messages between libpcsclite and pcscd, as bytes.

A private protocol of pcsc-lite, in the machine's own byte order; its version is 4:2 to 4:6 since 2012.
Source: pcsc-lite src/winscard_msg.h, src/winscard_svc.c, src/readers.h (before 2.5: src/eventhandler.h), at 1.8.8
(4:2), 1.8.22 (4:3), 1.9.9 (4:4), 2.3.3 (4:5) and 2.5.1 (4:6).

A request is a header and a body; an answer is the same body without a header, with `rv` filled in. The messages
about readers' states have no body, and answers of their own.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

from gpgdoctor.system.record import Record

MAJOR: Final = 4
OLDEST_MINOR, NEWEST_MINOR = 2, 6

READER_NAME_BYTES: Final = 128
ATTRIBUTE_BYTES: Final = 264
ATR_BYTES: Final = 33
OLD_LIST_LENGTH: Final = 16  # PCSCLITE_MAX_READERS_CONTEXTS; from 4:6 on pcscd says how many it has
READERS_LIMIT: Final = 1024  # more records than any pcscd was ever told to keep
PAYLOAD_LIMIT_BYTES: Final = 4 + 3 + (1 << 16) + 3 + 2  # MAX_BUFFER_SIZE_EXTENDED

HEADER: Final = struct.Struct("=II")
SIGNAL: Final = struct.Struct("=II")  # timeOut, rv
NUMBER: Final = struct.Struct("=i")
_STATE: Final = struct.Struct(f"={READER_NAME_BYTES}sIIi{ATR_BYTES}s3xII")
STATE_BYTES: Final = _STATE.size


class Command(IntEnum):
    ESTABLISH_CONTEXT = 0x01
    RELEASE_CONTEXT = 0x02
    LIST_READERS = 0x03
    CONNECT = 0x04
    RECONNECT = 0x05
    DISCONNECT = 0x06
    BEGIN_TRANSACTION = 0x07
    END_TRANSACTION = 0x08
    TRANSMIT = 0x09
    CONTROL = 0x0A
    STATUS = 0x0B
    CANCEL = 0x0D
    GET_ATTRIB = 0x0F
    SET_ATTRIB = 0x10
    VERSION = 0x11
    READERS_STATE = 0x12
    WAIT_STATE_CHANGE = 0x13
    STOP_WAITING = 0x14
    READER_EVENTS = 0x15
    READERS_STATE_SIZE = 0x16
    READERS_STATE_ARRAY = 0x17


class Malformed(Exception):
    """Bytes that are no message of this protocol; the message says what is wrong with them."""


class Layout:
    """The body of one message: its fields in order, four bytes each, but for one that is text or data."""

    def __init__(self, *fields: str, signed: tuple[str, ...] = (), long: tuple[str, int] | None = None) -> None:
        self.fields = fields
        self.long = long[0] if long else None
        codes = [f"{long[1]}s" if long and it == long[0] else "i" if it in signed else "I" for it in fields]
        self._struct = struct.Struct("=" + "".join(codes))
        self.size = self._struct.size

    def decode(self, data: bytes | bytearray | memoryview) -> Body:
        """The fields of a body; raises Malformed where it is too short."""
        if len(data) < self.size:
            raise Malformed(f"a body of {len(data)} bytes, {self.size} are expected")
        values = dict(zip(self.fields, self._struct.unpack_from(data), strict=True))
        long = values.pop(self.long) if self.long else b""
        return Body(numbers=values, long=long)

    def encode(self, **values: int | bytes) -> bytes:
        """A body; what is not given is 0 or empty."""
        return self._struct.pack(*(values.get(name, b"" if name == self.long else 0) for name in self.fields))


class Body(Record):
    numbers: dict[str, int]
    long: bytes  # a reader's name, or an attribute

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    @property
    def text(self) -> str:
        return name_of(self.long)


_CARD = ("hCard",)
LAYOUTS: Final[dict[Command, Layout]] = {
    Command.ESTABLISH_CONTEXT: Layout("dwScope", "hContext", "rv"),
    Command.RELEASE_CONTEXT: Layout("hContext", "rv"),
    Command.CONNECT: Layout(
        "hContext",
        "szReader",
        "dwShareMode",
        "dwPreferredProtocols",
        "hCard",
        "dwActiveProtocol",
        "rv",
        signed=_CARD,
        long=("szReader", READER_NAME_BYTES),
    ),
    Command.RECONNECT: Layout(
        "hCard", "dwShareMode", "dwPreferredProtocols", "dwInitialization", "dwActiveProtocol", "rv", signed=_CARD
    ),
    Command.DISCONNECT: Layout("hCard", "dwDisposition", "rv", signed=_CARD),
    Command.BEGIN_TRANSACTION: Layout("hCard", "rv", signed=_CARD),
    Command.END_TRANSACTION: Layout("hCard", "dwDisposition", "rv", signed=_CARD),
    Command.TRANSMIT: Layout(
        "hCard",
        "ioSendPciProtocol",
        "ioSendPciLength",
        "cbSendLength",
        "ioRecvPciProtocol",
        "ioRecvPciLength",
        "pcbRecvLength",
        "rv",
        signed=_CARD,
    ),
    Command.CONTROL: Layout(
        "hCard", "dwControlCode", "cbSendLength", "cbRecvLength", "dwBytesReturned", "rv", signed=_CARD
    ),
    Command.STATUS: Layout("hCard", "rv", signed=_CARD),
    Command.CANCEL: Layout("hContext", "rv"),
    Command.GET_ATTRIB: Layout(
        "hCard", "dwAttrId", "pbAttr", "cbAttrLen", "rv", signed=_CARD, long=("pbAttr", ATTRIBUTE_BYTES)
    ),
    Command.SET_ATTRIB: Layout(
        "hCard", "dwAttrId", "pbAttr", "cbAttrLen", "rv", signed=_CARD, long=("pbAttr", ATTRIBUTE_BYTES)
    ),
    Command.VERSION: Layout("major", "minor", "rv", signed=("major", "minor")),
}
# Without a body, but for two of them, which had an unused one up to 4:3.
STATE_COMMANDS: Final = frozenset(
    {
        Command.READERS_STATE,
        Command.WAIT_STATE_CHANGE,
        Command.STOP_WAITING,
        Command.READER_EVENTS,
        Command.READERS_STATE_SIZE,
        Command.READERS_STATE_ARRAY,
    }
)
_ONCE_WITH_BODY: Final = frozenset({Command.WAIT_STATE_CHANGE, Command.STOP_WAITING})


def header(data: bytes | bytearray | memoryview) -> tuple[Command, int]:
    """The command and the size of the body that follows; raises Malformed for what pcscd would not take either."""
    size, number = HEADER.unpack_from(data)
    try:
        command = Command(number)
    except ValueError:
        raise Malformed(f"unknown command {number}") from None
    if size not in body_sizes(command):
        raise Malformed(f"{command.name} with {size} bytes")
    return command, size


def body_sizes(command: Command) -> tuple[int, ...]:
    """How long a request's body may be, in bytes."""
    if command in STATE_COMMANDS:
        return (0, SIGNAL.size) if command in _ONCE_WITH_BODY else (0,)
    layout = LAYOUTS.get(command)
    return (layout.size,) if layout else ()


def request(command: Command, **values: int | bytes) -> bytes:
    """A whole request, without the payload that TRANSMIT and CONTROL bring along."""
    body = LAYOUTS[command].encode(**values) if command in LAYOUTS else b""
    return HEADER.pack(len(body), command) + body


class ReaderState(Record):
    """One entry of pcscd's list of readers."""

    name: str
    event_counter: int
    state: int
    """Bits of pcsclite.h (SCARD_PRESENT is 0x0004), not those of SCardGetStatusChange."""
    sharing: int
    """How many connections there are; -1: one, exclusive."""
    atr: bytes
    protocol: int


def reader_states(data: bytes | bytearray | memoryview) -> tuple[ReaderState, ...]:
    """The readers in an answer; empty entries are left out. Raises Malformed where the last one is cut off."""
    if len(data) % STATE_BYTES:
        raise Malformed(f"{len(data)} bytes are no whole number of reader states")
    found = []
    for name, counter, state, sharing, atr, atr_length, protocol in _STATE.iter_unpack(data):
        if name[0]:
            found.append(
                ReaderState(
                    name=name_of(name),
                    event_counter=counter,
                    state=state,
                    sharing=sharing,
                    # Longer than an ATR can be: a card is in, and was not powered up yet (READER_NOT_INITIALIZED).
                    atr=atr[:atr_length] if atr_length <= ATR_BYTES else b"",
                    protocol=protocol,
                )
            )
    return tuple(found)


def name_of(field: bytes) -> str:
    """A name out of a field that NUL ends; bytes that are no UTF-8 come back as they were from encode()."""
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
