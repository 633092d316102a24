"""`gpgdoctor fix` and `gpgdoctor undo`: become the owner of the files first, then look."""

from __future__ import annotations

import os

from gpgdoctor.collect import root_look
from gpgdoctor.commands.output import complain
from gpgdoctor.fix import run, undoing
from gpgdoctor.fix.apply import REFUSED
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.looking import LOOK_DEADLINE_S
from gpgdoctor.fix.show import Result, in_lines
from gpgdoctor.fix.work import FixOptions
from gpgdoctor.system.caller import become, run_as
from gpgdoctor.system.record import replace

USAGE = 2


def fix(options: FixOptions) -> int:
    """Cure what can be cured, as the user who called sudo where there is one; returns the exit code."""
    if options.homedir is not None and not os.path.isdir(options.homedir):
        complain(f"{options.homedir}: no such directory")
        return USAGE
    home = _as_the_owner(options.homedir, options.timeout_s)
    io = Console.standard()
    result = run.fix(replace(options, homedir=home), io)
    if options.json:
        _tell_programs(result, io)
    elif result.code not in (0, REFUSED):
        io.tell(f"gpgdoctor: {result.verdict}")
    elif not io.say(in_lines(result.verdict)):
        io.tell(result.verdict)  # what was done, and the way back, is to be known
    return result.code


def _tell_programs(result: Result, io: Console) -> None:
    from gpgdoctor.report.fix import document
    from gpgdoctor.report.json import dump

    io.document(dump(document(result)))


def undo(number: int | None, *, listing: bool) -> int:
    """Put back what a fix changed, or list what could be put back; returns the exit code."""
    _as_the_owner(None, LOOK_DEADLINE_S)
    io = Console.standard()
    return undoing.list_journal(io) if listing else undoing.undo(number, io)


def _as_the_owner(homedir: str | None, timeout_s: float) -> str | None:
    """Root becomes the owner of the home, and writes with that user's rights, so that a planted link does no harm.

    Returns the home to use from then on: without links, if one was named.
    """
    user = run_as(os.environ, homedir)
    if user is None:
        return homedir
    root_look.start(timeout_s, user.home)
    become(user)
    return user.home
