"""Applies a fix and verifies it. If anything goes wrong, everything is put back."""

from __future__ import annotations

from gpgdoctor.facts import known_or
from gpgdoctor.fix import entries, files, journal, restore
from gpgdoctor.fix.entries import Entry, State
from gpgdoctor.fix.interrupts import Interrupted, Interrupts
from gpgdoctor.fix.restart import NotRestarted, Tell, await_no_pinentry, restart
from gpgdoctor.fix.verify import NotProved, Proof, verify
from gpgdoctor.fix.work import FixOptions, Work
from gpgdoctor.system.atomic import NotDurable
from gpgdoctor.system.record import Record

REFUSED, PUT_BACK = 1, 4
NOTHING = "Nothing is changed."


class Failed(Exception):
    """The fix was not made, and everything is as before; ``code`` is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Applied(Record):
    number: int | None  # in the journal, where a file was changed
    proof: Proof | None  # None: not verified


class _After(Record):
    """The state after everything that can be put back has been."""

    sentence: str
    whole: bool


class Application:
    """One run of apply, with what has been done so far. ``continues`` is the journal entry that this run continues."""

    def __init__(
        self,
        work: Work,
        options: FixOptions,
        book: journal.Journal,
        interrupts: Interrupts,
        tell: Tell,
        continues: int | None = None,
    ) -> None:
        self._work, self._options = work, options
        self._journal = book
        self._interrupts = interrupts
        self._tell = tell
        self._continues = continues
        self._entry: Entry | None = None
        self._restarted = False

    def run(self) -> Applied:
        """Write, restart, verify; raises Failed or Interrupted, and then everything has been put back."""
        try:
            self._change()
            proof = verify(self._work, self._options, self._tell) if self._options.verify else None
        except Interrupted as error:
            raise Interrupted(f"Interrupted. {self._put_back().sentence}") from error
        except (files.NotWritten, journal.NoJournal, NotRestarted, OSError) as error:
            raise Failed(f"{error}. {self._put_back().sentence}", REFUSED) from error
        except NotProved as error:
            after = self._put_back()
            why = str(error).rstrip(".")
            raise Failed(f"It did not help: {why}. {after.sentence}", PUT_BACK if after.whole else REFUSED) from error
        except BaseException:  # a defect of gpgdoctor must leave no unverified change
            self._tell(self._put_back().sentence)
            raise
        return Applied(number=self._conclude(), proof=proof)

    def _change(self) -> None:
        planned, running = self._work.plan, self._work.running
        if planned.edits:
            with self._interrupts.shielded():
                self._begin()
        for edit in planned.edits:
            assert self._entry is not None
            with self._interrupts.shielded():
                try:
                    files.write(files.as_planned(edit), edit.after, self._entry.temporary)
                except NotDurable as error:
                    self._tell(f"{error}")
        if planned.restart is not None:
            await_no_pinentry(running, self._tell)
            with self._interrupts.shielded():
                self._restarted = True
                restart(planned.restart, running, self._tell)

    def _begin(self) -> None:
        planned = self._work.plan
        entry = Entry(
            number=self._journal.next_number(),
            time=journal.now(),
            state="begun",
            homedir=known_or(self._work.diagnosis.facts.gnupg.homedir, ""),
            ids=tuple(dict.fromkeys(finding.id for finding in planned.planned)),
            files=planned.edits,
            restart=planned.restart,
            old=self._work.running.concerned(planned.restart),
        )
        try:
            self._journal.write(entry)
        except NotDurable as error:
            self._journal.forget(entry)
            raise journal.NoJournal(f"the journal cannot be written for good: {error}") from error
        self._entry = entry

    def _conclude(self) -> int | None:
        if self._entry is None:
            return None
        try:
            with self._interrupts.ignored():
                self._complete(self._entry)
        except journal.NoJournal as error:
            # The entry is there, and the next run completes it.
            self._tell(f"{error}")
        return self._entry.number

    def _complete(self, entry: Entry) -> None:
        """One run of fix is one journal entry, so that undo takes back all of it."""
        mine = (it for it in self._journal.entries() if it.number == self._continues and it.state == "applied")
        earlier = next(mine, None)
        whole = entries.joined(earlier, entry) if earlier else None
        self._journal.become(whole or entry, "applied")
        if earlier and whole:
            self._journal.forget(earlier)

    def _put_back(self) -> _After:
        """Leave everything as it was before."""
        with self._interrupts.ignored():
            if self._entry is None:
                self._restart_again()
                return _After(sentence=self._nothing_written(), whole=True)
            if not self._restarted and all(restore.is_as_before(file) for file in self._entry.files):
                self._journal.forget(self._entry)
                return _After(sentence=NOTHING, whole=True)
            self._note("putting-back")
            outcome = restore.put_back_all(self._entry, self._tell)
            if outcome == "failed":
                return _After(
                    sentence=f"Not everything could be put back: gpgdoctor undo {self._entry.number}", whole=False
                )
            self._restart_again()
            if outcome == "changed":
                self._note("applied")  # what was written may still be there: undo shows it
                return _After(sentence=f"See gpgdoctor undo {self._entry.number}", whole=False)
            self._note("put-back")
            return _After(sentence="Everything was put back.", whole=True)

    def _nothing_written(self) -> str:
        if self._restarted and self._work.plan.restart is not None:
            return f"No file is changed, but {self._work.plan.restart.target} was asked to restart."
        return NOTHING

    def _restart_again(self) -> None:
        step, running = self._work.plan.restart, self._work.running
        if self._restarted and step is not None:
            restore.restart_again(step.target, running.homedir, self._tell, agent_ran=running.agent is not None)

    def _note(self, state: State) -> None:
        assert self._entry is not None
        try:
            self._entry = self._journal.become(self._entry, state)
        except journal.NoJournal as error:
            self._tell(str(error))
