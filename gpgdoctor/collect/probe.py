"""The child that talks to pcscd, so that a call that never returns costs a process and nothing else.

A program of its own (see system/inside.py). It imports pyscard at once and waits for two orders: how to look, and
which library to load afterwards. It sends each fact as soon as it has it. Its parent kills it at the deadline.

Before it connects to a shared reader it checks whether other programs are waiting: its own connect would wait, too.

pyscard's thin layer is used: the high-level classes power the card off under other programs when they disconnect
(smartcard/pcsc/PCSCCardConnection.py).
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from gpgdoctor.system import proc
from gpgdoctor.system.deadline import stretched
from gpgdoctor.system.inside import Parent

LIBRARY = "libpcsclite.so.1"
SECOND_LOOK_AFTER_S = 0.2
CONNECT_TIMEOUT_S, COUNT_TIMEOUT_S = 0.5, 0.2
STACK_BYTES = 1 << 18  # of each probing thread: there may be many readers, and memory is limited
EXCLUSIVE, INUSE = 0x0080, 0x0100  # SCARD_STATE_...

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
    parent = Parent()
    scard = _import_scard(parent)
    order = parent.next_order()
    if order.get("connect"):
        parent.tell(refused=_connect(order["connect"]))
    if order.get("look") and scard is not None:
        try:
            _look(Pyscard(scard), order, parent)
        except (UnicodeError, SystemError):  # pyscard wants ASCII names, and fails for the whole list
            parent.tell(stage="unreadable")
    parent.tell(stage="looked")
    # The library may be anything; whatever it does to this process, it does after the look.
    driver = parent.next_order().get("driver")
    if driver:
        parent.tell(driver=_load(driver))
    parent.tell(stage="done")
    os._exit(0)  # a thread may still be blocked in a connect


def _import_scard(parent: Parent) -> Any:
    try:
        import smartcard.scard as scard
    except ImportError as error:
        parent.tell(library={"name": "pyscard", "reason": str(error)})
        return None
    # pyscard loads the library at import; where it cannot, it only prints a line.
    loaded = proc.mapped("libpcsclite")
    reason = None if loaded else _load(LIBRARY)["reason"]
    parent.tell(library={"name": loaded or LIBRARY, "reason": reason})
    return scard


def _connect(path: str) -> int:
    """The errno of connecting to a socket that nobody seems to listen on; 0 where somebody does."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(stretched(CONNECT_TIMEOUT_S))
        try:
            attempt.connect(path)
        except OSError as error:
            return error.errno or 1
    return 0


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
    """Six functions of PC/SC, with the codes as it defines them: unsigned, 32 bits."""

    def __init__(self, scard: Any) -> None:
        self._scard = scard

    def establish(self) -> tuple[int, Any]:
        code, context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_SYSTEM)
        return code & 0xFFFFFFFF, context

    def readers(self, context: Any) -> tuple[int, list[str]]:
        """Raises UnicodeError or SystemError where pyscard cannot pass on a name."""
        code, names = self._scard.SCardListReaders(context, [])
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


def _look(pcsc: Pyscard, order: dict[str, Any], parent: Parent) -> None:
    parent.tell(stage="asked")
    code, context = pcsc.establish()
    parent.tell(establish=code)
    if code != 0:
        return
    # The list first: library 2.5 against an older pcscd loses its context otherwise (winscard_clnt.c).
    code, names = pcsc.readers(context)
    parent.tell(listed=code, names=[] if code == SCARD_E_NO_READERS_AVAILABLE else names)
    if code != 0 or not names:
        return
    first = _states(pcsc, context, names, parent, "states")
    if not any(state & (EXCLUSIVE | INUSE) for state in first.values()):
        return
    waiting = _wait_and_see(first, order)
    later = _states(pcsc, context, names, parent, "later")
    if order.get("protocol") is not None:
        _count_handles(order["socket"], order["protocol"], parent)
    shared = [name for name in names if _may_be_probed(first.get(name, 0)) and _may_be_probed(later.get(name, 0))]
    if waiting is not None and len(shared) == 1:
        parent.tell(waiting=waiting)
        if waiting:
            return  # a probe would only wait, too
    if order.get("probe"):
        _probe_all(pcsc, shared, order["blocked_after_s"], parent)


def _wait_and_see(first: dict[str, int], order: dict[str, Any]) -> int | None:
    """Wait a moment, and count the programs that wait for another's transaction; None where that is not visible.

    With several shared readers nobody could tell which one they wait for.
    """
    if not order.get("pcscd") or sum(map(_may_be_probed, first.values())) != 1:
        time.sleep(SECOND_LOOK_AFTER_S)
        return None
    began_s = time.monotonic()
    from gpgdoctor.collect.transactions import Threads
    from gpgdoctor.facts import known_or
    from gpgdoctor.system.deadline import Deadline

    least_s = SECOND_LOOK_AFTER_S - (time.monotonic() - began_s)
    return known_or(Threads(order["pcscd"]).waiting(order["socket"], least_s, Deadline(order["see_s"])), None)


def _count_handles(path: str, minor: int, parent: Parent) -> None:
    """Report how many connections pcscd counts on each reader: PC/SC itself has no call for that."""
    from gpgdoctor.pcsc.connection import Connection, NoAnswer
    from gpgdoctor.pcsc.wire import Malformed

    try:
        with Connection(path, COUNT_TIMEOUT_S, minor=minor) as pcscd:
            parent.tell(handles=[[reader.name, reader.sharing] for reader in pcscd.reader_states()])
    except (NoAnswer, Malformed):
        parent.tell(handles=[])


def _may_be_probed(state: int) -> bool:
    """Not an EXCLUSIVE reader: it would refuse, and pcscd would log that like any other refusal."""
    return bool(state & INUSE) and not state & EXCLUSIVE


def _states(pcsc: Pyscard, context: Any, names: list[str], parent: Parent, key: str) -> dict[str, int]:
    code, states = pcsc.states(context, names)
    parent.tell(**{key: states if code == 0 else []})
    return {name: state for name, state, _ in states} if code == 0 else {}


def _probe_all(pcsc: Pyscard, names: list[str], blocked_after_s: float, parent: Parent) -> None:
    started = time.monotonic()
    outcomes = dict.fromkeys(names, "blocked")
    threading.stack_size(STACK_BYTES)
    threads = [threading.Thread(target=_probe, args=(pcsc, name, outcomes, parent), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, blocked_after_s - (time.monotonic() - started)))
    for name, outcome in outcomes.items():
        if outcome in ("blocked", "stuck"):
            parent.tell(probe=[name, outcome, 0, time.monotonic() - started])


def _probe(pcsc: Pyscard, name: str, outcomes: dict[str, str], parent: Parent) -> None:
    """Connect without a protocol and leave the card alone: it is not powered, not reset, and gets no APDU."""
    started = time.monotonic()
    code, context = pcsc.establish()
    if code == 0:
        code, card = pcsc.connect(context, name)
        if code == 0:
            # The driver may hang here if ours is the last connection (pcsc-lite src/winscard.c, SCardDisconnect).
            outcomes[name] = "stuck"
            pcsc.disconnect(card)
        pcsc.release(context)
    outcomes[name] = OUTCOMES.get(code, "failed")
    parent.tell(probe=[name, outcomes[name], code, time.monotonic() - started])


if __name__ == "__main__":
    main()
