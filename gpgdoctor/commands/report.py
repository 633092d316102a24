"""`gpgdoctor report`: what `check` finds, as Markdown for a bug report, redacted."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gpgdoctor.commands.output import complain, written
from gpgdoctor.facts import Facts
from gpgdoctor.system.record import Record

if TYPE_CHECKING:
    from gpgdoctor.diagnosis import Diagnosis

UNWRITTEN, USAGE = 1, 2


class ReportOptions(Record):
    homedir: str | None
    probe: bool
    timeout_s: float
    replay: str | None
    html: str | None = None  # where the page goes


def report(options: ReportOptions) -> int:
    """Print the report, or write the page; 0 whatever it says."""
    if options.html is not None:
        import jinja2  # noqa: F401 - where it is missing, that is said before anything is looked at
    if options.homedir is not None and not os.path.isdir(options.homedir):
        complain(f"{options.homedir}: no such directory")
        return USAGE
    if options.replay is None:
        return _tell(options, _look(options))
    from gpgdoctor.commands.snapshots import Unreadable, load

    try:
        facts = load(options.replay)
    except Unreadable as error:
        complain(str(error))
        return USAGE
    return _tell(options, facts)


def _look(options: ReportOptions) -> Facts:
    from gpgdoctor.collect.machine import Look, LookOptions

    wanted = LookOptions(homedir=options.homedir, timeout_s=options.timeout_s, probe=options.probe, versions=True)
    return Look(wanted).facts()


def _tell(options: ReportOptions, facts: Facts) -> int:
    from gpgdoctor.diagnosis import diagnose
    from gpgdoctor.redact.redact import redact

    diagnosis, ledger = redact(diagnose(facts), hosts=(os.uname().nodename,))
    if options.html is not None:
        return write_page(options.html, diagnosis, ledger)
    from gpgdoctor.report.markdown import render
    from gpgdoctor.report.style import Style

    text = render(diagnosis, ledger, Style(encoding=getattr(sys.stdout, "encoding", None) or "ascii"))
    return 0 if written(text) else UNWRITTEN


def write_page(path: str, diagnosis: Diagnosis, ledger: Mapping[str, int]) -> int:
    """Write the page of a redacted diagnosis; the exit code."""
    from gpgdoctor.commands.files import Unwritable, write_text
    from gpgdoctor.report.html import render

    try:
        write_text(path, render(diagnosis, ledger))
    except Unwritable as error:
        complain(str(error))
        return UNWRITTEN
    print("gpgdoctor: the page is written", file=sys.stderr)
    return 0
