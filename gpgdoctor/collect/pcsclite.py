"""Five functions of libpcsclite with readers' names as bytes, for names that pyscard cannot pass on.

pyscard wants names in ASCII (SCardGetStatusChange) or UTF-8 (SCardListReaders), and raises for the whole list
where one is not. Layout: pcsc-lite src/PCSC/winscard.h and pcsclite.h.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

MAX_ATR_SIZE = 33
SCARD_SHARE_DIRECT, SCARD_LEAVE_CARD = 3, 0
LIST_LIMIT_BYTES = 1 << 20


class _ReaderState(ctypes.Structure):
    _fields_ = (
        ("szReader", ctypes.c_char_p),
        ("pvUserData", ctypes.c_void_p),
        ("dwCurrentState", ctypes.c_ulong),
        ("dwEventState", ctypes.c_ulong),
        ("cbAtr", ctypes.c_ulong),
        ("rgbAtr", ctypes.c_ubyte * MAX_ATR_SIZE),
    )


class Pcsclite:
    """The library, with the codes as PC/SC defines them: unsigned, 32 bits."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)

    def establish(self) -> tuple[int, Any]:
        context = ctypes.c_long()
        code = self._library.SCardEstablishContext(ctypes.c_ulong(2), None, None, ctypes.byref(context))
        return code & 0xFFFFFFFF, context

    def readers(self, context: Any) -> tuple[int, list[str]]:
        size = ctypes.c_ulong(0)
        code = self._library.SCardListReaders(context, None, None, ctypes.byref(size)) & 0xFFFFFFFF
        if code or not 0 < size.value < LIST_LIMIT_BYTES:
            return code, []
        names = ctypes.create_string_buffer(size.value)
        code = self._library.SCardListReaders(context, None, names, ctypes.byref(size)) & 0xFFFFFFFF
        return code, [os.fsdecode(name) for name in names.raw[: size.value].split(b"\0") if name]

    def states(self, context: Any, names: list[str]) -> tuple[int, list[tuple[str, int, str]]]:
        states = (_ReaderState * len(names))()
        for state, name in zip(states, names, strict=True):
            state.szReader = os.fsencode(name)
        code = self._library.SCardGetStatusChange(context, ctypes.c_ulong(0), states, ctypes.c_ulong(len(names)))
        found = [
            (name, state.dwEventState, bytes(state.rgbAtr[: min(state.cbAtr, MAX_ATR_SIZE)]).hex())
            for state, name in zip(states, names, strict=True)
        ]
        return code & 0xFFFFFFFF, found

    def connect(self, context: Any, name: str) -> tuple[int, Any]:
        """Without a protocol, and without touching the card."""
        card, protocol = ctypes.c_long(), ctypes.c_ulong()
        code = self._library.SCardConnect(
            context,
            os.fsencode(name),
            ctypes.c_ulong(SCARD_SHARE_DIRECT),
            ctypes.c_ulong(0),
            ctypes.byref(card),
            ctypes.byref(protocol),
        )
        return code & 0xFFFFFFFF, card

    def disconnect(self, card: Any) -> None:
        self._library.SCardDisconnect(card, ctypes.c_ulong(SCARD_LEAVE_CARD))

    def release(self, context: Any) -> None:
        self._library.SCardReleaseContext(context)
