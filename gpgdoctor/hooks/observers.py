"""The support script that called, and what else it runs at the same time: observers, not the cause.

sos runs pkcs11-tool and pcsc_scan beside its other plugins (sos/report/plugins/smartcard.py): they hold the reader
for as long as the report takes, and would be named as what keeps scdaemon from it.
"""

from __future__ import annotations

from gpgdoctor.collect import processes
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.system import proc
from gpgdoctor.system.record import replace

APPORT = ("apport-cli", "apport-gtk", "apport-kde", "apport-bug", "ubuntu-bug")
CALLERS = frozenset(("sos", "sosreport", "supportconfig", "reportbug", *APPORT))


def mark_callers(facts: Facts) -> Facts:
    """The facts, with everything that the calling script started marked as ours."""
    callers = {pid for pid in proc.ancestors() if processes.name_of(pid) in CALLERS}
    if not callers:
        return facts
    described = tuple(
        replace(process, ours=process.ours or bool(callers & proc.ancestors(process.pid)))
        for process in known_or(facts.processes, ())
    )
    return replace(facts, processes=described)
