"""Puts files back from the journal, and completes what an interrupted run left half done."""

from __future__ import annotations

import os
import shlex
from typing import Literal

from gpgdoctor.fix import files
from gpgdoctor.fix.entries import Entry
from gpgdoctor.fix.journal import Journal
from gpgdoctor.fix.looking import look
from gpgdoctor.fix.restart import NotRestarted, Tell, await_no_pinentry, is_alive, launch, restart, running
from gpgdoctor.plan.restarts import AGENTS_FILES, home_arguments, restart_of, scdaemon_runs
from gpgdoctor.plan.steps import Edit, Target
from gpgdoctor.system.atomic import NotDurable

Now = Literal["before", "after", "changed"]
Outcome = Literal["whole", "changed", "failed"]


def state_of(file: Edit) -> tuple[Now, files.Found]:
    """Whether a file is still what the fix made of it; raises Obstacle."""
    found = files.find(file.path)
    if file.before is None and os.path.islink(file.path):
        return "changed", found  # the fix made a file, and no link
    if found.content == file.after:
        return "after", found
    return ("before" if found.content == file.before else "changed"), found


def put_back(file: Edit, temporary: str) -> bool:
    """Make a file what it was before, unless somebody else changed it since; raises NotWritten and NotDurable."""
    files.remove_leftover(file.path, temporary)
    try:
        now, found = state_of(file)
    except files.Obstacle as error:
        raise files.NotWritten(f"{file.path}: {error}") from error
    if now == "after" and file.before is None:
        files.delete(found)
    elif now == "after" and file.before is not None:
        files.write(found, file.before, temporary, file.mode)
    return now != "changed"


def put_back_all(entry: Entry, tell: Tell) -> Outcome:
    """Put back every file of an entry, and report what could not be put back.

    Returns "whole" where all are as before, "changed" where somebody else's change was left, "failed" where another
    try may do better.
    """
    outcome: Outcome = "whole"
    for file in reversed(entry.files):
        try:
            done = put_back(file, entry.temporary)
        except NotDurable as error:
            tell(f"{error}")
        except files.NotWritten as error:
            tell(f"Could not put back {error}. gpgdoctor undo {entry.number} tries again.")
            outcome = "failed"
        else:
            if not done:
                tell(f"{file.path} was changed by somebody else meanwhile, and is left as it is.")
                outcome = "failed" if outcome == "failed" else "changed"
    return outcome


def restart_again(
    target: Target, homedir: str, tell: Tell, *, agent_ran: bool = False, agents_file: bool = False
) -> None:
    """Make the running daemons use the files as they are now, and report what cannot be done."""
    try:
        diagnosis = look(homedir)
        if any(finding.id == "GD204" for finding in diagnosis.findings):
            raise NotRestarted("a program is in the middle of a transaction with the card")
        before = running(diagnosis.facts)
        if before.agent is None and agent_ran:
            launch(homedir)
        elif scdaemon_runs(diagnosis.facts) or (agents_file and before.agent is not None):
            await_no_pinentry(before, tell)
            restart(restart_of(before.fitting(target), diagnosis.facts), before, tell)
    except (NotRestarted, OSError) as error:
        command = shlex.join(("gpgconf", *home_arguments(homedir), "--kill", target))
        tell(f"Not restarted: {error}. Afterwards, run: {command}")


def restart_for(entry: Entry, tell: Tell) -> None:
    """Restart what uses the files of an entry, also daemons that did not run when it was made."""
    agents_file = any(file.path.endswith(AGENTS_FILES) for file in entry.files)
    target = entry.restart.target if entry.restart is not None else "gpg-agent"
    restart_again(target, entry.homedir, tell, agents_file=agents_file)


def finish(journal: Journal, entry: Entry, tell: Tell) -> Entry | None:
    """Bring an entry of a killed run to an end; None where it had changed nothing."""
    for file in entry.files:
        files.remove_leftover(file.path, entry.temporary)
    if entry.state == "begun":
        return _finish_begun(journal, entry, tell)
    outcome = put_back_all(entry, tell)
    if outcome == "failed":
        return entry
    restart_for(entry, tell)
    if outcome == "changed":
        return journal.become(entry, "applied")  # what was written may still be there: undo shows it
    entry = journal.become(entry, "put-back" if entry.state == "putting-back" else "undone")
    tell(f"Fix {entry.number} was interrupted while it was put back: that is done now.")
    return entry


def _finish_begun(journal: Journal, entry: Entry, tell: Tell) -> Entry | None:
    if all(is_as_before(file) for file in entry.files):
        journal.forget(entry)
        tell("An earlier fix was interrupted before it had changed anything.")
        return None
    if any(is_alive(daemon) for daemon in entry.old):
        restart_for(entry, tell)
    tell(f"Fix {entry.number} was interrupted: it is completed now. To take it back: gpgdoctor undo {entry.number}")
    return journal.become(entry, "applied")


def is_as_before(file: Edit) -> bool:
    """Whether the change was not made, or has been taken back."""
    try:
        return state_of(file)[0] == "before"
    except files.Obstacle:
        return False
