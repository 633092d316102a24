"""Applies a fix and proves it. Whatever goes wrong, everything is put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpgdoctor.fix import files, journal, restore
from gpgdoctor.fix.interrupts import Interrupted, Interrupts
from gpgdoctor.fix.prepare import Prepared
from gpgdoctor.fix.restart import NotRestarted, Running, await_no_pinentry, restart
from gpgdoctor.fix.verify import Expectation, NotProved, Proof, verify
from gpgdoctor.plan.steps import Restart

REFUSED, PUT_BACK = 1, 4
NOTHING = "Nothing is changed."


class Failed(Exception):
    """The fix did not come about, and all is as before; ``code`` is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that is to be done, decided and confirmed."""

    homedir: str
    ids: tuple[str, ...]
    prepared: tuple[Prepared, ...]
    restart: Restart | None
    running: Running
    expected: Expectation | None  # None: nothing is verified
    continues: int | None = None  # the entry of what this run of fix has done before


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    number: int | None  # in the journal, where a file was changed
    proof: Proof | None  # None: not verified


@dataclass(frozen=True, slots=True)
class _After:
    """How things are once everything that can be put back has been."""

    sentence: str
    whole: bool


class Application:
    """One run of apply, with what has been done so far."""

    def __init__(self, work: Work, book: journal.Journal, interrupts: Interrupts, tell: Callable[[str], None]) -> None:
        self._work = work
        self._journal = book
        self._interrupts = interrupts
        self._tell = tell
        self._entry: journal.Entry | None = None
        self._restarted = False

    def run(self) -> Applied:
        """Write, restart, verify; raises Failed or Interrupted, and then everything has been put back."""
        try:
            self._change()
            proof = verify(self._work.expected, self._tell) if self._work.expected else None
        except Interrupted as error:
            raise Interrupted(f"Interrupted. {self._put_back().sentence}") from error
        except (files.NotWritten, journal.NoJournal, NotRestarted) as error:
            raise Failed(f"{error}. {self._put_back().sentence}", REFUSED) from error
        except NotProved as error:
            after = self._put_back()
            why = str(error).rstrip(".")
            raise Failed(f"It did not help: {why}. {after.sentence}", PUT_BACK if after.whole else REFUSED) from error
        except BaseException:  # a defect of gpgdoctor leaves no change that is not proved
            self._tell(self._put_back().sentence)
            raise
        return Applied(number=self._conclude(), proof=proof)

    def _change(self) -> None:
        work = self._work
        if work.prepared:
            with self._interrupts.shielded():
                self._begin()
        for item in work.prepared:
            assert self._entry is not None
            with self._interrupts.shielded():
                files.write(item.found, item.content, self._entry.temporary)
        if work.restart is not None:
            await_no_pinentry(work.running, self._tell)
            with self._interrupts.shielded():
                self._restarted = True
                restart(work.restart, work.running, self._tell)

    def _begin(self) -> None:
        work = self._work
        entry = journal.Entry(
            number=self._journal.next_number(),
            time=journal.now(),
            state="begun",
            homedir=work.homedir,
            ids=work.ids,
            files=tuple(
                journal.FileChange(
                    path=item.edit.path, before=item.found.content, after=item.content, mode=item.found.mode
                )
                for item in work.prepared
            ),
            restart=work.restart,
            old=work.running.concerned(work.restart),
        )
        self._journal.write(entry)
        self._entry = entry

    def _conclude(self) -> int | None:
        if self._entry is None:
            return None
        try:
            with self._interrupts.ignored():
                self._complete(self._entry)
        except journal.NoJournal as error:
            # The entry is there and says enough: the next run completes it.
            self._tell(f"{error}")
        return self._entry.number

    def _complete(self, entry: journal.Entry) -> None:
        """One run of fix is one entry: what takes it back takes back all of it."""
        mine = (it for it in self._journal.entries() if it.number == self._work.continues and it.state == "applied")
        earlier = next(mine, None)
        whole = journal.joined(earlier, entry) if earlier else None
        self._journal.become(whole or entry, "applied")
        if earlier and whole:
            self._journal.forget(earlier)

    def _put_back(self) -> _After:
        """Leave everything as it was before."""
        with self._interrupts.ignored():
            if self._entry is None:
                self._restart_again()
                return _After(self._nothing_written(), whole=True)
            if not self._restarted and all(restore.is_as_before(file) for file in self._entry.files):
                self._journal.forget(self._entry)
                return _After(NOTHING, whole=True)
            self._note("putting-back")
            outcome = restore.put_back_all(self._entry, self._tell)
            if outcome == "failed":
                return _After(f"Not everything could be put back: gpgdoctor undo {self._entry.number}", whole=False)
            self._restart_again()
            if outcome == "changed":
                self._note("applied")  # what was written may still be there: undo shows it
                return _After(f"See gpgdoctor undo {self._entry.number}", whole=False)
            self._note("put-back")
            return _After("Everything was put back.", whole=True)

    def _nothing_written(self) -> str:
        if self._restarted and self._work.restart is not None:
            return f"No file is changed, but {self._work.restart.target} was asked to restart."
        return NOTHING

    def _restart_again(self) -> None:
        work = self._work
        if self._restarted and work.restart is not None:
            agent_ran = work.running.agent is not None
            restore.restart_again(work.restart.target, work.homedir, self._tell, agent_ran=agent_ran)

    def _note(self, state: journal.State) -> None:
        assert self._entry is not None
        try:
            self._entry = self._journal.become(self._entry, state)
        except journal.NoJournal as error:
            self._tell(str(error))
