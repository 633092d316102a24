"""`gpgdoctor fix`, from the look to the exit code."""

from __future__ import annotations

from collections.abc import Iterable

from gpgdoctor.diagnosis import Check, Diagnosis, Finding
from gpgdoctor.facts import known_or
from gpgdoctor.fix import files, journal, restore
from gpgdoctor.fix.apply import REFUSED, Application, Applied, Failed
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.entries import UNFINISHED
from gpgdoctor.fix.interrupts import Interrupted, Interrupts
from gpgdoctor.fix.looking import look
from gpgdoctor.fix.restart import NotRestarted, await_no_pinentry, running
from gpgdoctor.fix.show import TO_APPLY, WAY_BACK, Result, blocks, left_over, named
from gpgdoctor.fix.verify import NotProved
from gpgdoctor.fix.work import FixOptions, Work, work_out
from gpgdoctor.plan.plan import Plan, Restart
from gpgdoctor.plan.restarts import scdaemon_runs
from gpgdoctor.plan.trials import needs_trial
from gpgdoctor.system import locking
from gpgdoctor.system.record import replace

INTERRUPTED = 130
ATTEMPTS = 5  # while others change things at the same time
OTHERS = "Nothing is changed: others keep changing the same files. Try again."


def fix(options: FixOptions, io: Console) -> Result:
    """Cure what can be cured; returns the result."""
    run = _Run(options, io)
    with Interrupts() as interrupts:
        try:
            run.go(interrupts)
        except Interrupted as error:
            run.end_early(str(error) or "Interrupted. Nothing is changed.", INTERRUPTED)
        except Failed as error:
            run.end_early(str(error), error.code)
        except (NotRestarted, journal.NoJournal, locking.NotLocked) as error:
            run.end_early(f"Nothing is changed: {error}.", REFUSED)
    return run.result


class _LookAgain(Exception):
    """Something else is to be cured now."""


class _Run:
    def __init__(self, options: FixOptions, io: Console) -> None:
        self._options = options
        self._io = io
        self.result = Result()
        self._shown: list[tuple[str, bool]] = []
        self._done: list[Plan] = []

    def go(self, interrupts: Interrupts) -> None:
        if self._options.dry_run or not journal.exists():
            # No directory is made where nothing is to be done.
            work = self._look()
            if self._options.dry_run or not work.plan.changes_something:
                self._end_without_change(work)
                return
        with journal.session() as book:
            self._finish_interrupted(book, interrupts)
            for _ in range(ATTEMPTS):
                try:
                    self._attempt(book, interrupts)
                except (_LookAgain, files.Drifted):
                    continue
                return
        raise Failed(OTHERS, REFUSED)

    def _attempt(self, book: journal.Journal, interrupts: Interrupts) -> None:
        work = self._look()
        if not work.plan.changes_something:
            self._end_without_change(work)
        elif not self._is_confirmed():
            self.end(f"Not confirmed.{TO_APPLY}{self._options.confirmed()}", REFUSED)
        else:
            self._carry_out(work, book, interrupts)

    def _look(self) -> Work:
        for _ in range(ATTEMPTS):
            try:
                work = work_out(self._options)
            except files.Drifted:
                continue
            self._take_in(work)
            return work
        raise Failed(OTHERS, REFUSED)

    def _take_in(self, work: Work) -> None:
        self.result.notes = [work.note] if work.note else []
        self.result.diagnosis = self.result.diagnosis or work.diagnosis
        self.result.plans = [*self._done, work.plan]
        self.result.left = _ids(work.diagnosis.findings)
        shown = [block for block in blocks(work.plan, self.result.notes, self._unknown(work.diagnosis)) if block[0]]
        if shown != self._shown and not self._options.json:
            for text, is_diff in shown:
                (self._io.say_diff if is_diff else self._io.say)(f"{text}\n")
        self._shown = shown

    def _is_confirmed(self) -> bool:
        if self._options.yes:
            return True
        if self._options.json or not self._io.can_ask():
            return False
        return self._io.confirms("Apply this?")

    def _end_without_change(self, work: Work) -> None:
        diagnosis, planned = work.diagnosis, work.plan
        if planned.changes_something:
            code = self._code(_without(diagnosis, planned), planned)
            self.end("Nothing is changed, for this is a dry run.", code)
            return
        code = self._code(diagnosis, planned)
        self.end(
            _verdict(self._done, self.result) if self._done else self._nothing_done(diagnosis, planned, code), code
        )

    def _nothing_done(self, diagnosis: Diagnosis, planned: Plan, code: int) -> str:
        left = _ids(planned.advised) or _ids(it for it in diagnosis.findings if it.found.severity == "error")
        if code and left:
            return f"Left to you: {named(left)}."
        absent = [id for id in self._options.ids if id not in _ids(diagnosis.findings)]
        if absent and not code and len(absent) == len(self._options.ids):
            return f"Nothing to do: {' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not found here."
        if self._unknown(diagnosis) or not (diagnosis.complete or left):
            return "Nothing to do, but not everything could be checked. Next: gpgdoctor check"
        if left:
            return f"Nothing to do. Left to you: {named(left)}."
        return "Nothing to do."

    def _carry_out(self, work: Work, book: journal.Journal, interrupts: Interrupts) -> None:
        for edit in work.plan.edits:
            files.as_planned(edit)
        if work.plan.reader_first:
            work = self._with_reader_released(work)
        if work.plan.restart is not None:
            await_no_pinentry(work.running, self._io.tell)
        if work.plan.trial:
            self._try_out(work)
        try:
            applied = Application(work, self._options, book, interrupts, self._io.tell, self.result.undo).run()
        except Failed as error:
            self.result.verified = False if isinstance(error.__cause__, NotProved) else None
            raise
        self._conclude(work, applied)

    def _finish_interrupted(self, book: journal.Journal, interrupts: Interrupts) -> None:
        """First complete what a killed run left half done."""
        contents = book.contents()
        contents.tell_skipped(self._io.tell)
        for entry in contents.entries:
            if entry.state in UNFINISHED:
                with interrupts.shielded():
                    restore.finish(book, entry, self._io.tell)

    def _with_reader_released(self, work: Work) -> Work:
        """The same plan, once pcscd has the reader. The findings of before have to be gone afterwards."""
        from gpgdoctor.fix.release import give_reader_to_pcscd

        may_ask = self._io.can_ask() and not self._options.json
        if not give_reader_to_pcscd(work.diagnosis, self._options.homedir, self._io, may_ask=may_ask):
            raise Failed(
                "Nothing is written: scdaemon let go of the reader, but PC/SC does not list it yet. "
                "Unplug the reader and plug it in again, or restart pcscd, which cuts its other programs off (sudo "
                "systemctl restart pcscd.service where systemd runs it). Then run gpgdoctor fix again.",
                REFUSED,
            )
        now = look(self._options.homedir, self._options.timeout_s)
        before = replace(work.diagnosis, facts=now.facts)
        # A scdaemon that does not run needs no restart to read the file.
        dropped = () if scdaemon_runs(now.facts) else (Restart,)
        steps = tuple(step for step in work.plan.steps if not isinstance(step, dropped))
        trial = needs_trial(now.facts, work.plan.cures)
        planned = replace(work.plan, steps=steps, trial=trial, reader_first=False)
        return replace(work, diagnosis=before, plan=planned, running=running(now.facts))

    def _try_out(self, work: Work) -> None:
        from gpgdoctor.fix.trial import TrialFailed, try_out

        scdaemon = known_or(work.diagnosis.facts.gnupg.scdaemon, None)
        edited = [edit for edit in work.plan.edits if edit.path.endswith("/scdaemon.conf")]
        if scdaemon is None or not edited:
            return
        self._io.tell("Trying the options with a scdaemon of its own, before anything is written.")
        try:
            try_out(scdaemon, edited[0].after, work.tables.of("scdaemon"))
        except TrialFailed as error:
            raise Failed(f"Nothing is changed, for it would not help: {error}.", REFUSED) from error

    def _conclude(self, work: Work, applied: Applied) -> None:
        planned, proof = work.plan, applied.proof
        after = proof.after if proof else _without(work.diagnosis, planned)
        self._done.append(planned)
        self.result.applied, self.result.verified = True, True if proof else None
        self.result.undo = applied.number or self.result.undo
        self.result.left = _ids(after.findings)
        if proof and proof.revealed:
            self._io.tell(f"Cured: {named(_ids(planned.planned))}. Now {named(_ids(proof.revealed))} is found.")
            raise _LookAgain
        self.end(_verdict(self._done, self.result), self._code(after, planned))

    def _code(self, diagnosis: Diagnosis, planned: Plan) -> int:
        """Nonzero for an error that is left, or a check that could hide one; with ids, only for these."""
        ids = self._options.ids
        errors = [it for it in diagnosis.findings if it.found.severity == "error" and not it.ignored]
        left = [finding for finding in errors if not ids or finding.id in ids]
        return REFUSED if left or planned.refused or self._unknown(diagnosis) else 0

    def _unknown(self, diagnosis: Diagnosis) -> list[Check]:
        """The checks that could not be made and could hide an error."""
        unknown = [it for it in diagnosis.checks if it.status == "unknown" and it.counts and it.rule.worst == "error"]
        return [check for check in unknown if not self._options.ids or check.rule.id in self._options.ids]

    def end(self, verdict: str, code: int) -> None:
        self.result.verdict, self.result.code = verdict, code

    def end_early(self, verdict: str, code: int) -> None:
        """The same, where what this run has cured before stays."""
        if self._done:
            verdict = (
                f"{verdict} What was cured before that stays: {named(_cured(self._done))}.{_way_back(self.result)}"
            )
        self.end(verdict, code)


def _without(diagnosis: Diagnosis, planned: Plan) -> Diagnosis:
    """The diagnosis that is expected: without what is cured."""
    cured = {(finding.id, finding.subject) for finding in planned.planned}
    left = tuple(finding for finding in diagnosis.findings if (finding.id, finding.subject) not in cured)
    return replace(diagnosis, findings=left)


def _ids(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.id for finding in findings if not finding.ignored))


def _verdict(plans: list[Plan], result: Result) -> str:
    done = "Fixed and verified" if result.verified else "Applied, not verified"
    cured = _cured(plans)
    harmless, left = [it for it in result.left if it in cured], [it for it in result.left if it not in cured]
    kept = f" Still so, and harmless now: {', '.join(harmless)}." if harmless else ""
    more = f" Left: {left_over(left)}." if left else ""
    return f"{done}: {named(cured)}.{kept}{more}{_way_back(result)}"


def _cured(plans: list[Plan]) -> tuple[str, ...]:
    return tuple(id for planned in plans for id in _ids(planned.planned))


def _way_back(result: Result) -> str:
    return f"{WAY_BACK}gpgdoctor undo {result.undo}" if result.undo is not None else ""
