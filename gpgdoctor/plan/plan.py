"""From findings to steps. Pure: what a machine would have to be asked for, the facts have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import ConfigFile, Facts, Unknown, known_or, words
from gpgdoctor.plan import edits, obstacles
from gpgdoctor.plan import restarts as daemons
from gpgdoctor.plan.steps import Advise, Edit, Restart, Step, Wish
from gpgdoctor.rules import cures
from gpgdoctor.rules.rule import RANK, Cost, Cure, LineChange
from gpgdoctor.wording import clear

__all__ = ["Advise", "Edit", "Plan", "Refusal", "Restart", "Step", "plan", "steps_of"]

CARD_IS_READ = (
    "a trial scdaemon reads the card before anything is written: a program in the middle of an operation "
    "may have to start it again"
)
TRANSACTION = "a program is in the middle of a transaction with the card (GD204)"
TRANSACTION_SOMEWHERE = "a program is in the middle of a transaction: the probe of an earlier check still waits for it"
ALONE = ("GD203", "GD206")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A finding whose cure is not applied, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a fix would do."""

    planned: tuple[Finding, ...]  # what it cures
    advised: tuple[Finding, ...]  # what only a person can cure, or what is refused
    steps: tuple[Step, ...]
    costs: tuple[str, ...]
    refused: tuple[Refusal, ...]
    trial: bool = False  # scdaemon tries the options first
    reader_first: bool = False  # scdaemon has to let go of the reader before anything is written

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
    refused = _refusals(facts, finding.id, cure, {})
    if refused:
        return (*(step for _, step in refused), *advice)
    return (*_steps(facts, [cure], keep_agent=False), *advice)


def _advice(cure: Cure) -> tuple[Advise, ...]:
    return tuple(Advise(text=item.text.clear(), commands=tuple(map(clear, item.commands))) for item in cure.advice)


def plan(
    diagnosis: Diagnosis,
    ids: Iterable[str] = (),
    *,
    keep_agent: bool = False,
    found_obstacles: Mapping[str, str] | None = None,
) -> Plan:
    """The cures of these findings, or of all at warning and above, as one plan.

    ``found_obstacles`` are reasons by path why a file cannot be written, beyond those that the facts know.
    """
    facts = diagnosis.facts
    chosen = [finding for finding in diagnosis.findings if _is_chosen(finding, set(ids))]
    planned: list[Finding] = []
    refused: list[tuple[Refusal, Advise]] = []
    advice: list[Advise] = []
    for finding in chosen:
        cure = finding.found.cure
        assert cure is not None
        advice += _advice(cure)
        if cure.applicability != "manual":
            why = _postponed(diagnosis, finding) or _refusals(facts, finding.id, cure, found_obstacles or {})
            refused += why
            planned += [] if why else [finding]
    advised = tuple(finding for finding in chosen if all(finding is not it for it in planned))
    planned_cures = [finding.found.cure for finding in planned if finding.found.cure]
    steps = _steps(facts, planned_cures, keep_agent)
    trial = _needs_trial(facts, planned_cures)
    return Plan(
        planned=tuple(planned),
        advised=advised,
        steps=_unique((*steps, *(step for _, step in refused), *advice)),
        costs=_costs(planned_cures, steps, trial),
        refused=_unique(refusal for refusal, _ in refused),
        trial=trial,
        reader_first=any(_lists_no_reader(facts, cure) for cure in planned_cures),
    )


def _is_chosen(finding: Finding, ids: set[str]) -> bool:
    if finding.found.cure is None or finding.ignored:
        return False
    return finding.id in ids if ids else RANK[finding.found.severity] >= RANK["warning"]


def _steps(facts: Facts, planned: list[Cure], keep_agent: bool) -> tuple[Step, ...]:
    edits = tuple(_edit(facts, wish) for wish in _merged(facts, planned))
    restarted = daemons.restart(facts, planned, keep_agent)
    afterwards = daemons.afterwards(facts, restarted)
    return (*edits, *((restarted,) if restarted else ()), *((afterwards,) if afterwards else ()))


def _edit(facts: Facts, wish: Wish) -> Edit:
    return Edit(path=wish.path, diff=edits.expected_diff(facts, file_at(facts, wish.path), wish), wish=wish)


def _merged(facts: Facts, planned: Iterable[Cure]) -> list[Wish]:
    """One wish for each file. Of two changes to one line the first is kept: causes come before consequences."""
    options: dict[str, dict[str, None]] = {}
    changes: dict[str, dict[int, LineChange]] = {}
    for cure in planned:
        if cure.options:
            options.setdefault(cures.scdaemon_config(facts), {}).update(dict.fromkeys(cure.options))
        for change in cure.changes:
            changes.setdefault(change.path, {}).setdefault(change.line, change)
    return [
        Wish(path=path, options=tuple(options.get(path, ())), changes=tuple(changes.get(path, {}).values()))
        for path in {**options, **changes}
    ]


def file_at(facts: Facts, path: str) -> ConfigFile:
    """What the facts know of a file; one they do not know of is absent."""
    for file in known_or(facts.configuration.files, ()):
        if file.path == path:
            return file
    return ConfigFile(path=path, program="scdaemon", scope="user", status="absent")


def _postponed(diagnosis: Diagnosis, finding: Finding) -> list[tuple[Refusal, Advise]]:
    """While somebody is in the middle of a transaction nothing is restarted, and nothing is tried.

    And as long as another program has the reader for itself alone, no trial could show that options help.
    """
    # A probe or a program that waits in pcscd waits for a transaction, be it known in which reader or not.
    pcscd = diagnosis.facts.pcscd
    waiting = known_or(pcscd.waiting, 0) or known_or(pcscd.waiting_programs, 0)
    reason = TRANSACTION_SOMEWHERE if waiting else None
    for other in diagnosis.findings:
        if other.id == "GD204":
            reason = TRANSACTION
        elif other.id in ALONE and other.subject == finding.subject and finding.subject is not None:
            reason = reason or f"another program has the reader for itself alone ({other.id})"
    if reason is None:
        return []
    return [(Refusal(id=finding.id, reason=reason), Advise(text=f"{finding.id} is not cured now: {reason}."))]


def _refusals(facts: Facts, id: str, cure: Cure, found_obstacles: Mapping[str, str]) -> list[tuple[Refusal, Advise]]:
    """Why a cure is not applied, and the advice that takes its place."""
    reason = _forbidden(facts, cure)
    if reason is not None:
        return [(Refusal(id=id, reason=reason), Advise(text=f"{id} is not cured: {reason}."))]
    found = []
    restarted = daemons.restart(facts, [cure], keep_agent=False)
    for wish in _merged(facts, [cure]):
        file = file_at(facts, wish.path)
        reason = obstacles.obstacle(facts, file) or found_obstacles.get(wish.path)
        if reason is not None:
            step = obstacles.advice(facts, file, wish, reason, restarted.argv if restarted else None)
            found.append((Refusal(id=id, reason=f"{wish.path}: {reason}"), step))
    return found


def _forbidden(facts: Facts, cure: Cure) -> str | None:
    """Where an option would do nothing, or harm, or could not be written."""
    if cure.options and isinstance(facts.gnupg.homedir, Unknown):
        return f"the GnuPG home is not known ({words(facts.gnupg.homedir)})"
    if "pcsc-shared" in cure.options and "pcsc-shared" not in known_or(facts.gnupg.scdaemon_options, ()):
        return "this scdaemon does not know pcsc-shared"
    overruled = edits.overruled(facts, cure.options)
    if overruled is not None:
        return overruled
    if _lists_no_reader(facts, cure) and not _scdaemon_keeps_it_from_pcscd(facts):
        return "PC/SC does not list the reader, so scdaemon would not find it with disable-ccid"
    return None


def _lists_no_reader(facts: Facts, cure: Cure) -> bool:
    return "disable-ccid" in cure.options and not known_or(facts.readers, ())


def _scdaemon_keeps_it_from_pcscd(facts: Facts) -> bool:
    """Whether my scdaemon has a card while PC/SC lists no reader: by its own driver, then."""
    running = known_or(facts.gnupg.running, None)
    return known_or(facts.readers, None) == () and running is not None and bool(running.cards)


def _needs_trial(facts: Facts, planned: list[Cure]) -> bool:
    """Where scdaemon is the one that is refused, options are tried before they are written.

    Without pcsc-shared the trial would take a reader for itself alone, so only one that nobody uses.
    """
    states = [known_or(reader.state, ()) for reader in known_or(facts.readers, ())]
    running = known_or(facts.gnupg.running, None)
    if not any(cure.options for cure in planned) or not any("PRESENT" in state for state in states):
        return False
    if running is not None and running.cards:
        return False
    settings = known_or(facts.configuration.in_force, ())
    shares = any("pcsc-shared" in cure.options for cure in planned) or any(
        it.option == "pcsc-shared" for it in settings
    )
    return shares or not any("INUSE" in state for state in states)


def _costs(planned: list[Cure], steps: tuple[Step, ...], trial: bool) -> tuple[str, ...]:
    stated = [cost for cure in planned for cost in cure.costs]
    if not any(isinstance(step, Restart) and step.target == "gpg-agent" for step in steps):
        stated = [cost for cost in stated if cost is not Cost.FORGETS]
    return _unique((*(cost.value for cost in stated), *((CARD_IS_READ,) if trial else ())))


def _unique(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
