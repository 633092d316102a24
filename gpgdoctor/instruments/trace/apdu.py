"""What may be shown of a command to a card: its header and its name, never its data.

A PIN travels in many forms: in plain, in chained and in extended commands, wrapped in an ENVELOPE, as the new value
of a RESET RETRY COUNTER, as a resetting code in a PUT DATA, or typed at a reader of its own. So nothing of the data
is shown, and of most commands not even how many bytes they are: the length of a PIN is part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gpgdoctor.instruments.trace.applets import applet_name
from gpgdoctor.system.record import Record

HEADER_BYTES: Final = 4
# ISO/IEC 7816-4 keeps these classes for later, and digits as text are among them: no card command begins so.
RESERVED_CLASSES: Final = range(0x20, 0x40)
SELECT: Final = 0xA4
BY_NAME: Final = 0x04

# ISO/IEC 7816-4, -8 and -9; OpenPGP card 3.4; PIV; YubiKey.
INSTRUCTIONS: Final[Mapping[int, str]] = {
    0x04: "DEACTIVATE FILE",
    0x0E: "ERASE BINARY",
    0x20: "VERIFY",
    0x21: "VERIFY",
    0x22: "MANAGE SECURITY ENVIRONMENT",
    0x24: "CHANGE REFERENCE DATA",
    0x25: "CHANGE REFERENCE DATA",
    0x2A: "PERFORM SECURITY OPERATION",
    0x2C: "RESET RETRY COUNTER",
    0x2D: "RESET RETRY COUNTER",
    0x44: "ACTIVATE FILE",
    0x46: "GENERATE KEY",
    0x47: "GENERATE KEY",
    0x70: "MANAGE CHANNEL",
    0x82: "EXTERNAL AUTHENTICATE",
    0x84: "GET CHALLENGE",
    0x86: "GENERAL AUTHENTICATE",
    0x87: "GENERAL AUTHENTICATE",
    0x88: "INTERNAL AUTHENTICATE",
    0xA4: "SELECT",
    0xA5: "SELECT DATA",
    0xB0: "READ BINARY",
    0xB1: "READ BINARY",
    0xB2: "READ RECORD",
    0xC0: "GET RESPONSE",
    0xC2: "ENVELOPE",
    0xC3: "ENVELOPE",
    0xCA: "GET DATA",
    0xCB: "GET DATA",
    0xD6: "UPDATE BINARY",
    0xDA: "PUT DATA",
    0xDB: "PUT DATA",
    0xE6: "TERMINATE DF",
}
# Of these the last two header bytes name an object; their data are never secret.
_LENGTH_IS_HARMLESS: Final = frozenset({0x2A, 0x22, 0x88, 0xA4, 0xB0, 0xB2, 0xC0, 0xCB})
PIN_INSTRUCTIONS: Final = frozenset({0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D})


class Shown(Record):
    """A command as it may be shown."""

    header: str | None
    """Four bytes in hex; None where they are none of a card's command."""
    name: str | None
    """What the instruction is called, with "chained" or "secure messaging" where that is so."""
    applet: str | None = None
    """Of a SELECT by name: the digits of the name that are known."""
    applet_name: str | None = None
    data: str | None = None
    """That there is data which is not shown, and of harmless commands how much."""

    @property
    def text(self) -> str:
        applet = f"{self.applet} ({self.applet_name})" if self.applet_name else self.applet
        return ", ".join(filter(None, (" ".join(filter(None, (self.header, self.name, applet))), self.data)))


def shown(command: bytes) -> Shown:
    """What may be shown of a command APDU; never raises."""
    if len(command) < HEADER_BYTES or command[0] in RESERVED_CLASSES:
        return Shown(header=None, name=None, data="no card command, not shown")
    cla, ins, p1, _ = command[:HEADER_BYTES]
    header = command[:HEADER_BYTES].hex(" ").upper()
    data = _data(command)
    is_plain = _is_plain(cla)
    if ins == SELECT and p1 == BY_NAME and data and is_plain:
        return _select(header, data)
    return Shown(header=header, name=_named(cla, ins), data=_masked(ins, data, is_plain=is_plain))


def _named(cla: int, ins: int) -> str | None:
    name = INSTRUCTIONS.get(ins)
    if not _is_interindustry(cla):
        return name  # a proprietary class, which mostly keeps the numbers
    extras = [word for bit, word in ((0x10, "chained"), (0x0C, "secure messaging")) if cla & bit]
    return " ".join(filter(None, (name, f"({', '.join(extras)})" if extras else "")))


def _is_interindustry(cla: int) -> bool:
    return cla < 0x20


def _is_plain(cla: int) -> bool:
    """Whether the data are a whole command's own, neither encrypted nor a piece of several."""
    return not cla & 0x1C if _is_interindustry(cla) else not cla & 0x20


def _data(command: bytes) -> bytes:
    """The data of a short or an extended command, as far as they are there; b"" where it brings none."""
    if len(command) <= HEADER_BYTES + 1:
        return b""
    length = command[HEADER_BYTES]
    if length == 0:
        if len(command) <= HEADER_BYTES + 3:
            return b""
        return command[7 : 7 + int.from_bytes(command[5:7], "big")] or command[7:]
    return command[5 : 5 + length]


def _select(header: str, data: bytes) -> Shown:
    digits, name = applet_name(data)
    rest = len(data) - len(digits) // 2
    if not digits:
        return Shown(header=header, name="SELECT", data=f"{len(data)} bytes not shown")
    return Shown(
        header=header,
        name="SELECT",
        applet=digits,
        applet_name=name,
        data=f"{rest} more bytes not shown" if rest else None,
    )


def _masked(ins: int, data: bytes, *, is_plain: bool) -> str | None:
    if not data:
        return None
    if ins in PIN_INSTRUCTIONS:
        return "PIN not shown"
    if ins in _LENGTH_IS_HARMLESS and is_plain:
        return f"{len(data)} bytes not shown"
    return "data not shown"


def status_word(answer: bytes) -> str:
    """The last two bytes of an answer, its result; "" where it is shorter."""
    return answer[-2:].hex().upper() if len(answer) >= 2 else ""
