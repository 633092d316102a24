"""`gpgdoctor undo`: puts back what a fix changed, byte for byte, or says why not."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.fix import entries, files, journal, restore
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.interrupts import Interrupted, Interrupts
from gpgdoctor.fix.looking import look
from gpgdoctor.fix.restart import NotRestarted, await_no_pinentry, running
from gpgdoctor.plan.restarts import scdaemon_runs
from gpgdoctor.scdaemon_conf.edits import diff
from gpgdoctor.system import locking
from gpgdoctor.system.escape import printable

PATH_LIMIT = 1000
RESTORED, REFUSED, NO_SUCH_NUMBER, INTERRUPTED = 0, 1, 2, 130
UNDOABLE = ("applied", *entries.UNFINISHED)


class _Refused(Exception):
    """The fix is not undone; the message says why."""


def undo(number: int | None, io: Console) -> int:
    """Put back what fix number ``number`` changed, or the last one; returns the exit code."""
    try:
        contents = journal.read_only()
        contents.tell_skipped(io.tell)
        if number is not None and number not in {*(it.number for it in contents.entries), *contents.skipped}:
            io.tell(f"gpgdoctor: the journal has no fix number {number}; gpgdoctor undo --list shows it")
            return NO_SUCH_NUMBER
        if not contents.entries:
            raise _Refused("there is nothing to undo")
        with Interrupts() as interrupts, journal.session() as book:
            _undo(_chosen(book, number), book, interrupts, io)
    except Interrupted:
        io.tell("gpgdoctor: interrupted; nothing is changed.")
        return INTERRUPTED
    except (_Refused, journal.NoJournal, locking.NotLocked, NotRestarted) as error:
        io.tell(f"gpgdoctor: {error}")
        return REFUSED
    return RESTORED


def _chosen(book: journal.Journal, number: int | None) -> entries.Entry:
    contents = book.contents()
    known = {entry.number: entry for entry in contents.entries}
    if number is None:
        undoable = [entry for entry in known.values() if entry.state in UNDOABLE]
        if not undoable:
            raise _Refused("there is nothing to undo")
        return undoable[-1]
    entry = known.get(number)
    if number in contents.skipped:
        raise _Refused(f"fix {number} cannot be undone: its entry cannot be trusted")
    if entry is None or entry.state not in UNDOABLE:
        raise _Refused(f"fix {number} has been put back already")
    return entry


def _undo(entry: entries.Entry, book: journal.Journal, interrupts: Interrupts, io: Console) -> None:
    changed = _check_files(entry, io)
    as_it_was = {file.path for file in entry.files if restore.is_as_before(file)}
    if changed:
        _check_daemons(look(entry.homedir), io)
    with interrupts.ignored():
        entry = book.become(entry, "undoing")
        if restore.put_back_all(entry, io.tell) != "whole":
            raise _Refused(f"fix {entry.number} is not undone")
        if changed:
            restore.restart_for(entry, io.tell)
        try:
            book.become(entry, "undone")
        except journal.NoJournal as error:
            io.tell(f"gpgdoctor: the files are put back, and only the journal does not say so: {error}")
    for file in entry.files:
        done = "Removed" if file.before is None else "Restored"
        path = printable(file.path, PATH_LIMIT)
        io.say(f"{path} was as before already." if file.path in as_it_was else f"{done} {path}.")
    verdict = f"Fix {entry.number} is undone."
    if not io.say(verdict):
        io.tell(verdict)


def _check_files(entry: entries.Entry, io: Console) -> bool:
    """Refuse, with a diff, where a file is not what the fix made of it.

    Returns whether daemons may use it: a killed run may have put files back, and restarted nothing.
    """
    refused, changed = False, entry.state in ("putting-back", "undoing")
    for file in entry.files:
        try:
            now, found = restore.state_of(file)
        except files.Obstacle as error:
            raise _Refused(f"{file.path} is not put back: {error}") from error
        changed = changed or now == "after"
        if now == "changed":
            refused = True
            io.say_diff(diff(file.after, found.content or b"", file.path).rstrip("\n"))
    if refused:
        raise _Refused(
            f"fix {entry.number} is not undone: what it wrote was changed since, as shown above. "
            "Take that change back and undo again, or edit the file yourself"
        )
    return changed


def _check_daemons(diagnosis: Diagnosis, io: Console) -> None:
    if not scdaemon_runs(diagnosis.facts):
        return
    if any(finding.id == "GD204" for finding in diagnosis.findings):
        raise _Refused("a program is in the middle of a transaction with the card; nothing is changed now")
    await_no_pinentry(running(diagnosis.facts), io.tell)


def list_journal(io: Console) -> int:
    """Print the journal, the newest fix last; returns the exit code."""
    try:
        contents = journal.read_only()
    except journal.NoJournal as error:
        io.tell(f"gpgdoctor: {error}")
        return REFUSED
    contents.tell_skipped(io.tell)
    for entry in contents.entries:
        for line in _listed(entry):
            io.say(line)
    if not contents.entries:
        io.tell("The journal is empty: nothing was fixed yet.")
    return RESTORED


def _listed(entry: entries.Entry) -> Iterator[str]:
    state = "interrupted" if entry.state in entries.UNFINISHED else entry.state
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.time))
    yield f"{entry.number:>4}  {when}  {state:<12} {', '.join(entry.ids)}"
    yield from (f"      {printable(file.path, PATH_LIMIT)}" for file in entry.files)
