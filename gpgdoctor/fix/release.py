"""Makes scdaemon let go of a reader, so that pcscd can have it, before anything is written."""

from __future__ import annotations

import time

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.facts import known_or
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.looking import look
from gpgdoctor.fix.restart import await_no_pinentry, restart, running
from gpgdoctor.plan.restarts import restart_of
from gpgdoctor.system.deadline import Deadline

# pcscd looks by itself only when a device comes or goes (src/hotplug_libudev.c); a tick of hotplug polling is 1 s.
LISTED_DEADLINE_S = 5.0
REPLUG_DEADLINE_S = 60.0
POLL_S = 0.5


def give_reader_to_pcscd(diagnosis: Diagnosis, homedir: str | None, io: Console, *, may_ask: bool) -> bool:
    """Stop scdaemon and wait until PC/SC lists another reader; raises NotRestarted where scdaemon does not end.

    A pcscd that sleeps is woken, as scdaemon will do with disable-ccid.
    """
    before = running(diagnosis.facts)
    listed = _listed(diagnosis)
    await_no_pinentry(before, io.tell)
    restart(restart_of("scdaemon", diagnosis.facts), before, io.tell)
    if _is_listed(homedir, listed, LISTED_DEADLINE_S):
        return True
    if not may_ask:
        return False
    io.tell(f"Unplug the reader and plug it in again, within {REPLUG_DEADLINE_S:.0f} s.")
    return _is_listed(homedir, listed, REPLUG_DEADLINE_S)


def _is_listed(homedir: str | None, before: set[str], wait_s: float) -> bool:
    deadline = Deadline(wait_s)
    while not _listed(look(homedir, wake=True)) - before:
        if not deadline.left():
            return False
        time.sleep(POLL_S)
    return True


def _listed(diagnosis: Diagnosis) -> set[str]:
    return {reader.name for reader in known_or(diagnosis.facts.readers, ())}
