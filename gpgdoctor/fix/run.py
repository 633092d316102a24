"""`gpgdoctor fix`, from the look to the exit code."""

from __future__ import annotations

import re
import sys
import textwrap

from gpgdoctor.diagnosis import Finding
from gpgdoctor.facts import known_or
from gpgdoctor.fix import journal, restore
from gpgdoctor.fix.apply import REFUSED, Application, Applied, Failed, Work
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.foresight import FixOptions, Prospect, foresee
from gpgdoctor.fix.interrupts import Interrupted, Interrupts
from gpgdoctor.fix.prepare import Drifted
from gpgdoctor.fix.restart import NotRestarted, await_no_pinentry
from gpgdoctor.fix.show import Result, plan_as_text
from gpgdoctor.fix.undoing import list_journal, undo
from gpgdoctor.fix.verify import Expectation, NotProved
from gpgdoctor.plan.plan import Plan
from gpgdoctor.rules import with_name
from gpgdoctor.system import locking
from gpgdoctor.system.terminal import width

__all__ = ["Console", "FixOptions", "fix", "list_journal", "undo"]

INTERRUPTED = 130
WAY_BACK, TO_APPLY = " To take it back: ", " To apply this: "
FOLLOWS = re.compile(f"{WAY_BACK}|{TO_APPLY}")
ATTEMPTS = 5  # while others change things at the same time


def fix(options: FixOptions, io: Console) -> int:
    """Cure what can be cured; returns the exit code."""
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
        return run.report()


class _LookAgain(Exception):
    """Somebody changed something since the look, so the plan is stale."""


class _Run:
    def __init__(self, options: FixOptions, io: Console) -> None:
        self._options = options
        self._io = io
        self._result = Result()
        self._shown = ""
        self._done: list[Plan] = []

    def go(self, interrupts: Interrupts) -> None:
        if not self._options.dry_run and any(it.state in journal.UNFINISHED for it in journal.read_only()):
            with journal.opened() as book, locking.locked(book.descriptor):
                self._finish_interrupted(book, interrupts)
        for _ in range(ATTEMPTS):
            try:
                self._attempt(interrupts)
            except (_LookAgain, Drifted):
                continue
            return
        self.end_early("Nothing is changed: others keep changing the same files. Try again.", REFUSED)

    def _attempt(self, interrupts: Interrupts) -> None:
        prospect = foresee(self._options)
        self._result.notes = [prospect.note] if prospect.note else []
        self._result.diagnosis = self._result.diagnosis or prospect.diagnosis
        self._result.plans = [*self._done, prospect.plan]
        self._result.left = _ids(prospect.diagnosis.findings)
        self._show(prospect.plan)
        if not prospect.plan.changes_something:
            self._end_without_change(prospect)
        elif self._options.dry_run:
            expected = _without(prospect.diagnosis.findings, prospect.plan)
            self.end("Nothing is changed, for this is a dry run.", self._code(expected, prospect.plan))
        elif not self._is_confirmed():
            self.end(f"Not confirmed.{TO_APPLY}{self._options.confirmed()}", REFUSED)
        else:
            self._carry_out(prospect, interrupts)

    def _show(self, planned: Plan) -> None:
        text = plan_as_text(planned, self._result.notes)
        if text and text != self._shown and not self._options.json:
            self._io.say(f"{text}\n")
        self._shown = text

    def _is_confirmed(self) -> bool:
        if self._options.yes:
            return True
        if self._options.json or not self._io.can_ask():
            return False
        return self._io.confirms("Apply this?")

    def _end_without_change(self, prospect: Prospect) -> None:
        code = self._code(prospect.diagnosis.findings, prospect.plan)
        if self._done:
            self.end(_verdict(self._done, self._result), code)
            return
        self.end(_nothing_done(prospect, self._options.ids, code), code)

    def _carry_out(self, prospect: Prospect, interrupts: Interrupts) -> None:
        with journal.opened() as book, locking.locked(book.descriptor) as lock:
            if lock.changes != prospect.changes or self._finish_interrupted(book, interrupts):
                raise _LookAgain
            if prospect.plan.reader_first:
                self._release_reader(prospect)
                lock.count_change()
                raise _LookAgain
            if prospect.plan.restart is not None:
                await_no_pinentry(prospect.running, self._io.tell)
            if prospect.plan.trial:
                self._try_out(prospect)
            lock.count_change()
            self._apply(prospect, book, interrupts)

    def _finish_interrupted(self, book: journal.Journal, interrupts: Interrupts) -> bool:
        """What a killed run left half done comes first; whether there was anything."""
        unfinished = [entry for entry in book.entries() if entry.state in journal.UNFINISHED]
        for entry in unfinished:
            with interrupts.shielded():
                restore.finish(book, entry, self._io.tell)
        return bool(unfinished)

    def _release_reader(self, prospect: Prospect) -> None:
        from gpgdoctor.fix.release import give_reader_to_pcscd

        may_ask = self._io.can_ask() and not self._options.json
        if not give_reader_to_pcscd(prospect.diagnosis, self._options.homedir, self._io, may_ask=may_ask):
            raise Failed(
                "Nothing is written: scdaemon let go of the reader, but PC/SC does not list it yet. "
                "Unplug the reader and plug it in again, or restart pcscd, which cuts its other programs off (sudo "
                "systemctl restart pcscd.service where systemd runs it). Then run gpgdoctor fix again.",
                REFUSED,
            )

    def _try_out(self, prospect: Prospect) -> None:
        from gpgdoctor.fix.trial import TrialFailed, try_out

        scdaemon = known_or(prospect.diagnosis.facts.gnupg.scdaemon, None)
        content = [item for item in prospect.prepared if item.edit.path.endswith("/scdaemon.conf")]
        if scdaemon is None or not content:
            return
        self._io.tell("Trying the options with a scdaemon of its own, before anything is written.")
        try:
            try_out(scdaemon, content[0].content, prospect.tables.of("scdaemon"))
        except TrialFailed as error:
            raise Failed(f"Nothing is changed, for it would not help: {error}.", REFUSED) from error

    def _apply(self, prospect: Prospect, book: journal.Journal, interrupts: Interrupts) -> None:
        planned, diagnosis = prospect.plan, prospect.diagnosis
        restarted = planned.restart
        expected = Expectation(
            planned=planned.planned,
            before=diagnosis,
            through_agent=restarted is not None and prospect.running.agent is not None,
            homedir=self._options.homedir,
        )
        work = Work(
            homedir=known_or(diagnosis.facts.gnupg.homedir, ""),
            ids=_ids(planned.planned),
            prepared=prospect.prepared,
            restart=restarted,
            running=prospect.running,
            expected=expected if self._options.verify else None,
            continues=self._result.undo,
        )
        try:
            applied = Application(work, book, interrupts, self._io.tell).run()
        except Failed as error:
            self._result.verified = False if isinstance(error.__cause__, NotProved) else None
            raise
        self._conclude(prospect, applied)

    def _conclude(self, prospect: Prospect, applied: Applied) -> None:
        planned, proof = prospect.plan, applied.proof
        findings = proof.after.findings if proof else _without(prospect.diagnosis.findings, planned)
        self._done.append(planned)
        self._result.applied, self._result.verified = True, True if proof else None
        self._result.undo = applied.number or self._result.undo
        self._result.left = _ids(findings)
        if proof and proof.revealed:
            self._io.tell(f"Cured: {', '.join(_ids(planned.planned))}. Now {', '.join(_ids(proof.revealed))} is found.")
            raise _LookAgain
        self.end(_verdict(self._done, self._result), self._code(findings, planned))

    def _code(self, findings: tuple[Finding, ...], planned: Plan) -> int:
        """An error that is left counts; with ids, only one of theirs."""
        ids = self._options.ids
        errors = [it for it in findings if it.found.severity == "error" and not it.ignored]
        left = [finding for finding in errors if not ids or finding.id in ids]
        return REFUSED if left or planned.refused else 0

    def end(self, verdict: str, code: int) -> None:
        self._result.verdict, self._result.code = verdict, code

    def end_early(self, verdict: str, code: int) -> None:
        """The same, where what this run has cured before stays."""
        if self._done:
            verdict = f"{verdict} What was cured before that stays: {_cured(self._done)}.{_way_back(self._result)}"
        self.end(verdict, code)

    def report(self) -> int:
        if self._options.json:
            from gpgdoctor.report.json import dump

            self._io.document(dump(self._result.as_json()))
        elif self._result.code in (0, REFUSED):
            if not self._io.say(_in_lines(self._result.verdict)):
                self._io.tell(self._result.verdict)  # what was done, and the way back, is to be known
        else:
            self._io.tell(f"gpgdoctor: {self._result.verdict}")
        return self._result.code


def _in_lines(verdict: str) -> str:
    """The verdict on one line where it fits, else with the command that follows on a line of its own."""
    columns = width(sys.stdout)
    if len(verdict) <= columns:
        return verdict
    found = FOLLOWS.search(verdict)
    sentences, following = (verdict[: found.start()], [verdict[found.start() + 1 :]]) if found else (verdict, [])
    return "\n".join([*textwrap.wrap(sentences, columns, break_on_hyphens=False), *following])


def _nothing_done(prospect: Prospect, ids: tuple[str, ...], code: int) -> str:
    errors = tuple(it for it in prospect.diagnosis.findings if it.found.severity == "error")
    left = f"Left to you: {_named(_ids(prospect.plan.advised) or _ids(errors))}."
    if code:
        return left
    if prospect.plan.advised:
        return f"Nothing to do. {left}"
    absent = [id for id in ids if id not in _ids(prospect.diagnosis.findings)]
    if absent and prospect.diagnosis.complete:
        return f"Nothing to do: {' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not found here."
    if prospect.diagnosis.complete:
        return "Nothing to do."
    return "Nothing to do, but not everything could be checked. Next: gpgdoctor check"


def _without(findings: tuple[Finding, ...], planned: Plan) -> tuple[Finding, ...]:
    cured = {(finding.id, finding.subject) for finding in planned.planned}
    return tuple(finding for finding in findings if (finding.id, finding.subject) not in cured)


def _ids(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.id for finding in findings if not finding.ignored))


def _named(ids: tuple[str, ...]) -> str:
    return ", ".join(map(with_name, ids))


def _verdict(plans: list[Plan], result: Result) -> str:
    done = "Fixed and verified" if result.verified else "Applied, not verified"
    left = f" Left: {_named(result.left)}." if result.left else ""
    return f"{done}: {_cured(plans)}.{left}{_way_back(result)}"


def _cured(plans: list[Plan]) -> str:
    return ", ".join(dict.fromkeys(id for planned in plans for id in _ids(planned.planned)))


def _way_back(result: Result) -> str:
    return f"{WAY_BACK}gpgdoctor undo {result.undo}" if result.undo is not None else ""
