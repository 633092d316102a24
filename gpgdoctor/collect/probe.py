"""The child that talks to pcscd, so that a call that never returns costs a process and nothing else.

A program of its own: ``python -m gpgdoctor.collect.probe FD``. It imports pyscard at once, and waits on stdin
for one line of JSON with what to do; what it learns it writes to FD, a line of JSON for each fact as it comes.
Its parent kills it at the deadline. pyscard's thin layer is used: the high-level classes power the card off
under other programs when they disconnect (smartcard/pcsc/PCSCCardConnection.py).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

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
    out = os.fdopen(int(sys.argv[1]), "wb", buffering=0)
    lock = threading.Lock()

    def tell(**fact: Any) -> None:
        with lock:
            out.write(json.dumps(fact).encode() + b"\n")

    scard = _import_scard(tell)
    order = json.loads(sys.stdin.readline() or "{}")
    if order.get("driver"):
        tell(driver=_load(order["driver"]))
    if order.get("look") and scard is not None:
        _look(scard, order, tell)
    tell(done=True)
    os._exit(0)  # a thread may still be blocked in a connect


def _import_scard(tell: Any) -> Any:
    try:
        import smartcard.scard as scard
    except ImportError as error:
        tell(library={"name": "pyscard", "reason": str(error)})
        return None
    # pyscard loads the library when it is imported, and says nothing but a line on stdout where it cannot.
    loaded = _mapped("libpcsclite")
    name = "libpcsclite.so.1"
    tell(library={"name": loaded or name, "reason": None if loaded else _load(name)["reason"] or "not loaded"})
    return scard


def _mapped(name: str) -> str | None:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            return next((line.split(None, 5)[5].strip() for line in maps if name in line), None)
    except OSError:
        return name


def _load(name: str) -> dict[str, str | None]:
    import ctypes

    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        return {"name": name, "reason": str(error)}
    offers = hasattr(library, "SCardEstablishContext")
    return {"name": name, "reason": None if offers else "it has no SCardEstablishContext, so it is not PC/SC"}


def _look(scard: Any, order: dict[str, Any], tell: Any) -> None:
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    tell(establish=code & 0xFFFFFFFF)
    if code != 0:
        return
    # The list first: library 2.5 against an older pcscd loses its context otherwise (winscard_clnt.c).
    code, names = scard.SCardListReaders(context, [])
    code &= 0xFFFFFFFF
    tell(list=code, names=[] if code == SCARD_E_NO_READERS_AVAILABLE else names)
    if code != 0 or not names:
        return
    first = _states(scard, context, names, tell, "states")
    held = [name for name, state in first.items() if state & HELD]
    if not held:
        return
    time.sleep(SECOND_LOOK_AFTER_S)
    later = _states(scard, context, names, tell, "later")
    if order.get("probe"):
        _probe_all(scard, [name for name in held if later.get(name, 0) & HELD], order["blocked_after_s"], tell)


def _states(scard: Any, context: Any, names: list[str], tell: Any, key: str) -> dict[str, int]:
    unaware = [(name, scard.SCARD_STATE_UNAWARE) for name in names]
    code, states = scard.SCardGetStatusChange(context, 0, unaware)
    found = [[name, state, bytes(atr).hex()] for name, state, atr in states] if code == 0 else []
    tell(**{key: found, "code": code & 0xFFFFFFFF})
    return {name: state for name, state, _ in found}


def _probe_all(scard: Any, names: list[str], blocked_after_s: float, tell: Any) -> None:
    started = time.monotonic()
    stages = dict.fromkeys(names, "blocked")
    threads = [threading.Thread(target=_probe, args=(scard, name, stages, tell), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, blocked_after_s - (time.monotonic() - started)))
    for name, stage in stages.items():
        if stage in ("blocked", "stuck"):
            tell(probe=name, outcome=stage, code=0, seconds=time.monotonic() - started)


def _probe(scard: Any, name: str, stages: dict[str, str], tell: Any) -> None:
    """Connect without a protocol, and leave the card alone: it is neither powered nor reset, and no APDU is sent."""
    started = time.monotonic()
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if code == 0:
        code, card, _ = scard.SCardConnect(context, name, scard.SCARD_SHARE_DIRECT, 0)
        if code == 0:
            # Its driver may hang here, if we are the last one (pcsc-lite src/winscard.c, SCardDisconnect).
            stages[name] = "stuck"
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
        scard.SCardReleaseContext(context)
    code &= 0xFFFFFFFF
    stages[name] = OUTCOMES.get(code, "failed")
    tell(probe=name, outcome=stages[name], code=code, seconds=time.monotonic() - started)


if __name__ == "__main__":
    main()
