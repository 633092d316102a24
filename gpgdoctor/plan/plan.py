"""From findings to steps. Pure: everything it needs to know is in the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import Facts
from gpgdoctor.plan import edits, refusals
from gpgdoctor.plan import restarts as daemons
from gpgdoctor.plan.edits import Contents, file_at
from gpgdoctor.plan.refusals import Refusal
from gpgdoctor.plan.steps import Advise, Edit, Restart, Step
from gpgdoctor.plan.trials import needs_trial, unproved
from gpgdoctor.rules.rule import RANK, Cost, Cure
from gpgdoctor.system.record import Record
from gpgdoctor.wording import clear

__all__ = ["Advise", "Contents", "Edit", "Plan", "Refusal", "Restart", "Step", "file_at", "plan", "steps_of"]

KILLS_AGENT = ("--kill", "gpg-agent")
CARD_IS_READ = (
    "a trial scdaemon reads the card before anything is written: a program in the middle of an operation "
    "may have to start it again"
)


class Plan(Record):
    """What a fix would do."""

    planned: tuple[Finding, ...] = ()  # what it cures
    advised: tuple[Finding, ...] = ()  # what only a person can cure, or what is refused
    steps: tuple[Step, ...] = ()
    costs: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    unproved: tuple[str, ...] = ()  # what cannot be tried beforehand, or not at all
    trial: bool = False  # a scdaemon tries the options first
    reader_first: bool = False  # scdaemon has to let go of the reader before anything is written

    @property
    def cures(self) -> tuple[Cure, ...]:
        return tuple(map(_cure, self.planned))

    @property
    def edits(self) -> tuple[Edit, ...]:
        return tuple(step for step in self.steps if isinstance(step, Edit))

    @property
    def restart(self) -> Restart | None:
        return next((step for step in self.steps if isinstance(step, Restart)), None)

    @property
    def advice(self) -> tuple[Advise, ...]:
        return tuple(step for step in self.steps if isinstance(step, Advise))

    @property
    def changes_something(self) -> bool:
        return bool(self.edits) or self.restart is not None

    def as_json(self) -> list[dict[str, Any]]:
        return [step.as_json() for step in self.steps]


def steps_of(facts: Facts, finding: Finding) -> tuple[Step, ...]:
    """The cure of one finding, as `check` shows it."""
    cure = finding.found.cure
    if cure is None:
        return ()
    advice = _advice(cure)
    if cure.applicability == "manual":
        return advice
    refused = refusals.of_cure(facts, finding.id, cure, {})
    if refused:
        return (*(step for _, step in refused), *advice)
    return (*_steps(facts, [cure], keep_agent=False), *advice)


def would_change(facts: Facts, finding: Finding) -> bool:
    """Whether `fix` would do more than give advice."""
    cure = finding.found.cure
    if cure is None or cure.applicability == "manual" or refusals.of_cure(facts, finding.id, cure, {}):
        return False
    return bool(cure.options or cure.changes) or daemons.restart(facts, [cure], keep_agent=False) is not None


def _advice(cure: Cure) -> tuple[Advise, ...]:
    return tuple(Advise(text=item.text.clear(), commands=tuple(map(clear, item.commands))) for item in cure.advice)


def plan(
    diagnosis: Diagnosis,
    ids: Iterable[str] = (),
    *,
    keep_agent: bool = False,
    contents: Contents | None = None,
    found_obstacles: Mapping[str, str] | None = None,
) -> Plan:
    """The cures of these findings, or of all at warning and above, as one plan.

    With the ``contents`` of the files the edits are exact, else as far as the facts know the files.
    ``found_obstacles`` are further reasons, by path, why a file cannot be written.
    """
    facts = diagnosis.facts
    chosen = [finding for finding in diagnosis.findings if _is_chosen(finding, set(ids))]
    planned: list[Finding] = []
    refused: list[refusals.Refused] = []
    advice: list[Advise] = []
    for finding in chosen:
        cure = _cure(finding)
        advice += _advice(cure)
        if cure.applicability != "manual":
            why = (
                refusals.postponed(diagnosis, finding)
                or refusals.without_use(facts, finding, keep_agent)
                or refusals.of_cure(facts, finding.id, cure, found_obstacles or {})
            )
            refused += why
            planned += [] if why else [finding]
    planned_cures = [_cure(finding) for finding in planned]
    steps = _steps(facts, planned_cures, keep_agent, contents)
    trial = needs_trial(facts, planned_cures)
    reader_first = any(refusals.is_kept_from_pcscd(facts, cure) for cure in planned_cures)
    return Plan(
        planned=tuple(planned),
        advised=tuple(finding for finding in chosen if all(finding is not it for it in planned)),
        steps=_unique((*steps, *(step for _, step in refused), *advice)),
        costs=(
            *costs_of(planned_cures, (step for step in steps if isinstance(step, Restart))),
            *((CARD_IS_READ,) if trial else ()),
        ),
        refused=_unique(refusal for refusal, _ in refused),
        unproved=unproved(facts, planned_cures, tried=trial or reader_first),
        trial=trial,
        reader_first=reader_first,
    )


def _cure(finding: Finding) -> Cure:
    """The cure of a finding that was chosen for having one."""
    assert finding.found.cure is not None
    return finding.found.cure


def _is_chosen(finding: Finding, ids: set[str]) -> bool:
    if finding.found.cure is None or finding.ignored:
        return False
    return finding.id in ids if ids else RANK[finding.found.severity] >= RANK["warning"]


def _steps(facts: Facts, planned: list[Cure], keep_agent: bool, contents: Contents | None = None) -> tuple[Step, ...]:
    """Edits that change nothing are left out: the file already says what it should."""
    changes = (edits.edit(facts, lines, contents) for lines in edits.merged(facts, planned))
    restarted = daemons.restart(facts, planned, keep_agent)
    afterwards = daemons.afterwards(facts, restarted), daemons.kept(facts, planned) if keep_agent else None
    return (
        *(edit for edit in changes if edit.before != edit.after),
        *((restarted,) if restarted else ()),
        *(step for step in afterwards if step),
    )


def costs_of(planned: Iterable[Cure], steps: Iterable[Step]) -> tuple[str, ...]:
    """What cures cost with these steps: where no gpg-agent has to be restarted, none forgets anything."""
    restarts_agent = any(argv[-2:] == KILLS_AGENT for step in steps for argv in _commands(step))
    costs = (cost for cure in planned for cost in cure.costs if restarts_agent or cost is not Cost.FORGETS)
    return _unique(cost.value for cost in costs)


def _commands(step: Step) -> tuple[tuple[str, ...], ...]:
    if isinstance(step, Edit):
        return ()
    return (step.argv,) if isinstance(step, Restart) else step.commands


def _unique(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
