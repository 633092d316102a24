"""`gpgdoctor report`: what `check` finds, as Markdown for a bug report, redacted."""

from __future__ import annotations

import os
import sys

from gpgdoctor.commands.output import complain, written
from gpgdoctor.facts import Facts
from gpgdoctor.system.record import Record

UNWRITTEN, USAGE = 1, 2


class ReportOptions(Record):
    homedir: str | None
    probe: bool
    timeout_s: float
    replay: str | None


def report(options: ReportOptions) -> int:
    """Print the report; 0 whatever it says."""
    if options.homedir is not None and not os.path.isdir(options.homedir):
        complain(f"{options.homedir}: no such directory")
        return USAGE
    if options.replay is None:
        return _print(_look(options))
    from gpgdoctor.commands.snapshots import Unreadable, load

    try:
        facts = load(options.replay)
    except Unreadable as error:
        complain(str(error))
        return USAGE
    return _print(facts)


def _look(options: ReportOptions) -> Facts:
    from gpgdoctor.collect.machine import Look, Wishes

    wishes = Wishes(homedir=options.homedir, timeout_s=options.timeout_s, probe=options.probe, versions=True)
    return Look(wishes).facts()


def _print(facts: Facts) -> int:
    from gpgdoctor.diagnosis import diagnose
    from gpgdoctor.redact.redact import redact
    from gpgdoctor.report.markdown import render
    from gpgdoctor.report.style import Style

    diagnosis, ledger = redact(diagnose(facts), hosts=(os.uname().nodename,))
    text = render(diagnosis, ledger, Style(encoding=getattr(sys.stdout, "encoding", None) or "ascii"))
    return 0 if written(text) else UNWRITTEN
