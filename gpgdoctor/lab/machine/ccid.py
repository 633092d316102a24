"""A card reader of one slot as USB's smart card class has it (CCID 1.1), with a card of the lab in it."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from gpgdoctor.lab.card import POWER_OFF, POWER_ON, Card

MESSAGE = struct.Struct("<BIBBBBB")  # type, length, slot, sequence and three bytes that depend on the type
ICC_MUTE = 0xFE
FAILED = 0x40
# CCID 1.1, 6.2.3, for T=1: as the card's ATR has it, checksum by exclusive or, no clock stop, IFSC 254.
PARAMETERS_T1 = bytes.fromhex("1810007500FE00")
CLOCK_AND_RATE = struct.pack("<II", 4000, 307200)


class Ask(IntEnum):
    SET_PARAMETERS, POWER_ON, POWER_OFF, GET_STATUS = 0x61, 0x62, 0x63, 0x65
    SECURE, GET_PARAMETERS, RESET_PARAMETERS, APDU, SET_CLOCK = 0x69, 0x6C, 0x6D, 0x6F, 0x73
    ESCAPE = 0x6B


class Answer(IntEnum):
    DATA, STATUS, PARAMETERS, ESCAPE, CLOCK = range(0x80, 0x85)


class Slot:
    """``card`` None: the reader has none to insert. ``mute``: there is one, and it does not answer."""

    def __init__(self, card: Card | None, *, mute: bool, inserted: bool, log: Path) -> None:
        self._card = card
        self._mute = mute
        self._log = log
        self._powered = False
        self._pending = b""
        self.inserted = inserted
        self.answer: Callable[[bytes], None] = lambda _: None
        self.notify: Callable[[bytes], None] = lambda _: None

    def insert(self) -> None:
        self.inserted = True
        self.tell_state()

    def remove(self) -> None:
        self.inserted = False
        self._power(False)
        self.tell_state()

    def tell_state(self) -> None:
        """NotifySlotChange: the slot's state, and that it has changed."""
        self.notify(bytes([0x50, 0x02 | self.inserted]))

    def unplugged(self) -> None:
        self._pending = b""
        self._power(False)

    def receive(self, data: bytes) -> None:
        """What the host writes: messages, however they are cut."""
        self._pending += data
        while len(self._pending) >= MESSAGE.size:
            length = MESSAGE.unpack_from(self._pending)[1]
            end = MESSAGE.size + length
            if len(self._pending) < end:
                return
            message, self._pending = self._pending[:end], self._pending[end:]
            self._obey(message)

    def _obey(self, message: bytes) -> None:
        kind, body = message[0], message[MESSAGE.size :]
        if kind == Ask.POWER_ON:
            self._power_on(message)
        elif kind == Ask.POWER_OFF:
            self._power(False)
            self._say(Answer.STATUS, message)
        elif kind == Ask.GET_STATUS:
            self._say(Answer.STATUS, message)
        elif kind == Ask.APDU:
            self._transmit(message, body)
        elif kind in (Ask.SET_PARAMETERS, Ask.GET_PARAMETERS, Ask.RESET_PARAMETERS):
            self._say(Answer.PARAMETERS, message, PARAMETERS_T1, last=1)
        elif kind == Ask.SET_CLOCK:
            self._say(Answer.CLOCK, message, CLOCK_AND_RATE)
        else:
            kinds = {Ask.ESCAPE: Answer.ESCAPE, Ask.SECURE: Answer.DATA}
            self._say(kinds.get(Ask(kind), Answer.STATUS) if kind in list(Ask) else Answer.STATUS, message, error=0)

    def _power_on(self, message: bytes) -> None:
        if self._card is None or not self.inserted or self._mute:
            return self._say(Answer.DATA, message, error=ICC_MUTE)
        self._power(True)
        return self._say(Answer.DATA, message, self._card.atr())

    def _transmit(self, message: bytes, apdu: bytes) -> None:
        if self._card is None or not self._powered:
            return self._say(Answer.DATA, message, error=ICC_MUTE)
        answered = self._card.answer(apdu)
        self._note(f"apdu {apdu.hex()} {answered.hex()}")
        return self._say(Answer.DATA, message, answered)

    def _power(self, on: bool) -> None:
        if self._card is not None and on != self._powered:
            self._card.event(POWER_ON if on else POWER_OFF)
            self._note("power-on" if on else "power-off")
        self._powered = on

    def _say(self, kind: Answer, message: bytes, data: bytes = b"", *, error: int | None = None, last: int = 0) -> None:
        _, _, slot, sequence, *_ = MESSAGE.unpack_from(message)
        state = 2 if not self.inserted else 0 if self._powered else 1
        status = state | (FAILED if error is not None else 0)
        self.answer(MESSAGE.pack(kind, len(data), slot, sequence, status, error or 0, last) + data)

    def _note(self, what: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{time.time():.6f} {what}\n")
