"""`gpgdoctor fix` and `gpgdoctor undo`: whose files it is about, before anything is looked at."""

from __future__ import annotations

import os
import sys

from gpgdoctor.collect import root_look
from gpgdoctor.collect.on_behalf import become, caller
from gpgdoctor.fix import run
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.foresight import FixOptions
from gpgdoctor.fix.verify import LOOK_DEADLINE_S

USAGE = 2


def fix(options: FixOptions) -> int:
    """Cure what can be cured, as the user who called sudo where there is one; returns the exit code."""
    if options.homedir is not None and not os.path.isdir(options.homedir):
        from gpgdoctor.report.escape import printable

        print(f"gpgdoctor: {printable(options.homedir, 1000)}: no such directory", file=sys.stderr)
        return USAGE
    _as_the_caller(options.homedir)
    return run.fix(options, Console.standard())


def undo(number: int | None, *, listing: bool) -> int:
    """Put back what a fix changed, or list what could be put back; returns the exit code."""
    _as_the_caller(None)
    io = Console.standard()
    return run.list_journal(io) if listing else run.undo(number, io)


def _as_the_caller(homedir: str | None) -> None:
    """With sudo, it is the caller's file, written with the caller's rights: a planted link leads root nowhere."""
    user = caller(os.environ, homedir)
    if user is not None:
        root_look.lend(LOOK_DEADLINE_S)
        become(user)
