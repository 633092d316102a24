"""`gpgdoctor fix` and `gpgdoctor undo`: whose files it is about, before anything is looked at."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from gpgdoctor.collect import root_look
from gpgdoctor.fix import run
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.foresight import FixOptions
from gpgdoctor.fix.verify import LOOK_DEADLINE_S
from gpgdoctor.system.caller import become, whom

USAGE = 2


def fix(options: FixOptions) -> int:
    """Cure what can be cured, as the user who called sudo where there is one; returns the exit code."""
    if options.homedir is not None and not os.path.isdir(options.homedir):
        from gpgdoctor.report.escape import printable

        print(f"gpgdoctor: {printable(options.homedir, 1000)}: no such directory", file=sys.stderr)
        return USAGE
    home = _as_the_owner(options.homedir)
    return run.fix(replace(options, homedir=home), Console.standard())


def undo(number: int | None, *, listing: bool) -> int:
    """Put back what a fix changed, or list what could be put back; returns the exit code."""
    _as_the_owner(None)
    io = Console.standard()
    return run.list_journal(io) if listing else run.undo(number, io)


def _as_the_owner(homedir: str | None) -> str | None:
    """Root becomes the user whose home it is, and writes with that user's rights: a planted link leads root nowhere.

    Returns the home to name from then on: without links where it was named.
    """
    user = whom(os.environ, homedir)
    if user is None:
        return homedir
    root_look.lend(LOOK_DEADLINE_S, user.home)
    become(user)
    return user.home
