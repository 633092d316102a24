"""The child that talks to pcscd, so that a call that never returns costs a process and nothing else.

A program of its own: ``python -m gpgdoctor.collect.probe FD SECONDS``. It imports pyscard at once, and waits on
stdin for two lines of JSON: how to look, and which library to load after that. What it learns it writes to FD, a
line of JSON for each fact as it comes. Its parent kills it at the deadline; after SECONDS it ends in any case.

pyscard's thin layer is used: the high-level classes power the card off under other programs when they disconnect
(smartcard/pcsc/PCSCCardConnection.py).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

LIBRARY = "libpcsclite.so.1"
SECOND_LOOK_AFTER_S = 0.2
HELD = 0x0080 | 0x0100  # SCARD_STATE_EXCLUSIVE, SCARD_STATE_INUSE

SCARD_E_UNKNOWN_READER, SCARD_E_SHARING_VIOLATION, SCARD_E_READER_UNAVAILABLE = 0x80100009, 0x8010000B, 0x80100017
SCARD_E_NO_READERS_AVAILABLE, SCARD_W_SECURITY_VIOLATION = 0x8010002E, 0x8010006A
OUTCOMES = {
    0: "ok",
    SCARD_E_SHARING_VIOLATION: "refused",
    SCARD_E_UNKNOWN_READER: "gone",
    SCARD_E_READER_UNAVAILABLE: "gone",
    SCARD_W_SECURITY_VIOLATION: "denied",
}


def main() -> None:
    pipe, limit_s = int(sys.argv[1]), float(sys.argv[2])
    # Also in the middle of a call that never returns, and where nobody is left to kill us.
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    out = os.fdopen(pipe, "wb", buffering=0)
    lock = threading.Lock()

    def tell(**fact: Any) -> None:
        with lock:
            out.write(json.dumps(fact).encode() + b"\n")

    scard = _import_scard(tell)
    order = _next_order()
    if order.get("look") and scard is not None:
        _look(Pyscard(scard), order, tell)
    tell(looked=True)
    # Whoever wrote it may have put anything there; what it does to this process, it does after the look.
    driver = _next_order().get("driver")
    if driver:
        tell(driver=_load(driver))
    tell(done=True)
    os._exit(0)  # a thread may still be blocked in a connect


def _next_order() -> dict[str, Any]:
    order: dict[str, Any] = json.loads(sys.stdin.readline() or "{}")
    return order


def _import_scard(tell: Any) -> Any:
    try:
        import smartcard.scard as scard
    except ImportError as error:
        tell(library={"name": "pyscard", "reason": str(error)})
        return None
    # pyscard loads the library when it is imported, and says nothing but a line on stdout where it cannot.
    loaded = _mapped()
    reason = None if loaded else _load(LIBRARY)["reason"] or "not loaded"
    tell(library={"name": loaded or LIBRARY, "reason": reason})
    return scard


def _mapped() -> str | None:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            return next((line.split(None, 5)[5].strip() for line in maps if "libpcsclite" in line), None)
    except OSError:
        return LIBRARY


def _load(name: str) -> dict[str, str | None]:
    import ctypes

    if "/" in name and not os.path.isfile(name):
        there = os.path.exists(name)
        return {"name": name, "reason": "it is not a regular file" if there else "there is no such file"}
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        return {"name": name, "reason": str(error)}
    offers = hasattr(library, "SCardEstablishContext")
    return {"name": name, "reason": None if offers else "it has no SCardEstablishContext, so it is not PC/SC"}


class Pyscard:
    """The same of pyscard, its thin layer."""

    def __init__(self, scard: Any) -> None:
        self._scard = scard

    def establish(self) -> tuple[int, Any]:
        code, context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_SYSTEM)
        return code & 0xFFFFFFFF, context

    def readers(self, context: Any) -> tuple[int, list[str]]:
        """Raises where a name is not ASCII: the other library has to be taken then."""
        code, names = self._scard.SCardListReaders(context, [])
        "".join(names).encode("ascii")
        return code & 0xFFFFFFFF, list(names)

    def states(self, context: Any, names: list[str]) -> tuple[int, list[tuple[str, int, str]]]:
        unaware = [(name, self._scard.SCARD_STATE_UNAWARE) for name in names]
        code, states = self._scard.SCardGetStatusChange(context, 0, unaware)
        return code & 0xFFFFFFFF, [(name, state, bytes(atr).hex()) for name, state, atr in states]

    def connect(self, context: Any, name: str) -> tuple[int, Any]:
        """Without a protocol, and without touching the card."""
        code, card, _ = self._scard.SCardConnect(context, name, self._scard.SCARD_SHARE_DIRECT, 0)
        return code & 0xFFFFFFFF, card

    def disconnect(self, card: Any) -> None:
        self._scard.SCardDisconnect(card, self._scard.SCARD_LEAVE_CARD)

    def release(self, context: Any) -> None:
        self._scard.SCardReleaseContext(context)


def _look(pcsc: Any, order: dict[str, Any], tell: Any) -> None:
    tell(asked=True)
    code, context = pcsc.establish()
    tell(establish=code)
    if code != 0:
        return None
    try:
        # The list first: library 2.5 against an older pcscd loses its context otherwise (winscard_clnt.c).
        code, names = pcsc.readers(context)
    except (UnicodeError, SystemError):
        from gpgdoctor.collect.pcsclite import Pcsclite

        return _look(Pcsclite(_mapped() or LIBRARY), order, tell)
    tell(list=code, names=[] if code == SCARD_E_NO_READERS_AVAILABLE else names)
    if code != 0 or not names:
        return None
    first = _states(pcsc, context, names, tell, "states")
    held = [name for name, state in first.items() if state & HELD]
    if not held:
        return None
    time.sleep(SECOND_LOOK_AFTER_S)
    later = _states(pcsc, context, names, tell, "later")
    if order.get("probe"):
        _probe_all(pcsc, [name for name in held if later.get(name, 0) & HELD], order["blocked_after_s"], tell)
    return None


def _states(pcsc: Any, context: Any, names: list[str], tell: Any, key: str) -> dict[str, int]:
    code, states = pcsc.states(context, names)
    tell(**{key: states if code == 0 else [], "code": code})
    return {name: state for name, state, _ in states} if code == 0 else {}


def _probe_all(pcsc: Any, names: list[str], blocked_after_s: float, tell: Any) -> None:
    started = time.monotonic()
    stages = dict.fromkeys(names, "blocked")
    threads = [threading.Thread(target=_probe, args=(pcsc, name, stages, tell), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, blocked_after_s - (time.monotonic() - started)))
    for name, stage in stages.items():
        if stage in ("blocked", "stuck"):
            tell(probe=name, outcome=stage, code=0, seconds=time.monotonic() - started)


def _probe(pcsc: Any, name: str, stages: dict[str, str], tell: Any) -> None:
    """Connect without a protocol, and leave the card alone: it is neither powered nor reset, and no APDU is sent."""
    started = time.monotonic()
    code, context = pcsc.establish()
    if code == 0:
        code, card = pcsc.connect(context, name)
        if code == 0:
            # Its driver may hang here, if we are the last one (pcsc-lite src/winscard.c, SCardDisconnect).
            stages[name] = "stuck"
            pcsc.disconnect(card)
        pcsc.release(context)
    stages[name] = OUTCOMES.get(code, "failed")
    tell(probe=name, outcome=stages[name], code=code, seconds=time.monotonic() - started)


if __name__ == "__main__":
    main()
