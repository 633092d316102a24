"""`gpgdoctor check`: look or read a snapshot, judge, print, and return an exit code."""

from __future__ import annotations

import os
import sys
import time

from gpgdoctor.commands.check_options import CheckOptions
from gpgdoctor.commands.output import complain, written
from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import Facts, known_or

FINDINGS, USAGE, INCOMPLETE, NAGIOS_UNKNOWN = 1, 2, 3, 3
EXIT_CODES = {"healthy": 0, "findings": FINDINGS, "incomplete": INCOMPLETE}


def check(options: CheckOptions, early: object | None) -> int:
    """Run the check and return its exit code; ``early`` are children that were started for it already."""
    started = time.monotonic()
    if options.homedir is not None and not os.path.isdir(options.homedir):
        return _refuse(options, f"{options.homedir}: no such directory")
    if options.replay is not None:
        from gpgdoctor.commands.snapshots import Unreadable, load

        try:
            facts = load(options.replay)
        except Unreadable as error:
            return _refuse(options, str(error))
    else:
        facts = _look(options, early)
    diagnosis = diagnose(facts, fail_on=options.fail_on, ignore=options.ignore)
    seconds = time.monotonic() - started
    if options.save is not None:
        from gpgdoctor.commands.snapshots import Unwritable, save

        try:
            save(options.save, diagnosis, seconds, redact=options.redact)
        except Unwritable as error:
            return _refuse(options, str(error))
    code = _code(options, diagnosis)
    return code if written(_render(options, diagnosis, seconds)) else code or INCOMPLETE


def _code(options: CheckOptions, diagnosis: Diagnosis) -> int:
    if options.format == "nagios":
        from gpgdoctor.report import nagios

        return nagios.code(diagnosis)
    return EXIT_CODES[diagnosis.verdict]


def _look(options: CheckOptions, early: object | None) -> Facts:
    from gpgdoctor.collect.early import Early
    from gpgdoctor.collect.machine import Look, LookOptions

    wanted = LookOptions(
        homedir=options.homedir,
        timeout_s=options.timeout_s,
        probe=options.probe,
        wake=options.wake,
        versions=options.save is not None,
    )
    return Look(wanted, early if isinstance(early, Early) else None).facts()


def _render(options: CheckOptions, diagnosis: Diagnosis, seconds: float) -> str:
    if options.format == "json":
        from gpgdoctor.report.json import document, dump

        return dump(document(diagnosis, seconds))
    if options.format == "nagios":
        from gpgdoctor.report import nagios

        return nagios.render(diagnosis)
    from gpgdoctor.report import text
    from gpgdoctor.system.escape import printable
    from gpgdoctor.system.invocation import as_root
    from gpgdoctor.system.terminal import width

    style = text.Style(
        width=width(sys.stdout),
        colour=_colour(),
        verbose=options.verbose,
        quiet=options.quiet,
        drawing=text.Drawing[_drawing(options)],
        origin=options.replay,
        homedir=_home(options, diagnosis.facts),
        as_root=printable(as_root(homedir=options.homedir), 1000),
        encoding=getattr(sys.stdout, "encoding", None) or "ascii",
    )
    return text.render(diagnosis, style)


def _home(options: CheckOptions, facts: Facts) -> str | None:
    """The home to name in the next command: as given, or without links where root looks for its owner."""
    if options.replay is not None or options.homedir is None:
        return None
    if known_or(facts.host.uid, None) == os.geteuid():
        return options.homedir
    return known_or(facts.gnupg.homedir, options.homedir)


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _drawing(options: CheckOptions) -> str:
    """Boxes on a terminal that has them; a single line into a pipe, with -v."""
    if not options.picture:
        return "NONE"
    if not sys.stdout.isatty():
        return "LINE" if options.verbose else "NONE"
    has_boxes = _colour() and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return "BOXES" if has_boxes else "ASCII"


def _refuse(options: CheckOptions, message: str) -> int:
    complain(message)
    return NAGIOS_UNKNOWN if options.format == "nagios" else USAGE
