"""From findings to steps. Pure: what a machine would have to be asked for, the facts have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import Facts, NotKnown, Unknown, known_or, words
from gpgdoctor.plan import edits, obstacles
from gpgdoctor.plan import restarts as daemons
from gpgdoctor.plan.edits import Contents, file_at
from gpgdoctor.plan.steps import Advise, Edit, Restart, Step
from gpgdoctor.rules import holding
from gpgdoctor.rules.rule import RANK, Cost, Cure
from gpgdoctor.system.record import Record
from gpgdoctor.wording import clear

__all__ = ["Advise", "Contents", "Edit", "Plan", "Refusal", "Restart", "Step", "file_at", "plan", "steps_of"]

CARD_IS_READ = (
    "a trial scdaemon reads the card before anything is written: a program in the middle of an operation "
    "may have to start it again"
)
TRANSACTION = "a program is in the middle of a transaction with the card (GD204)"
TRANSACTION_SOMEWHERE = "a program is in the middle of a transaction: the probe of an earlier check still waits for it"
ALONE = ("GD203", "GD206")
PIN_IS_NOT_TRIED = "gpg-agent is not tried: whether a PIN can be entered shows when the next one is asked for"
NO_CARD = "no card is in a reader: nothing can show that scdaemon reads one with these options"
NO_TRIAL = (
    "these options are not tried first, for {why}: afterwards it is shown that scdaemon reads the card, "
    "and put back where it does not"
)


class Refusal(Record):
    """A finding whose cure is not applied, and why."""

    id: str
    reason: str


class Plan(Record):
    """What a fix would do."""

    planned: tuple[Finding, ...] = ()  # what it cures
    advised: tuple[Finding, ...] = ()  # what only a person can cure, or what is refused
    steps: tuple[Step, ...] = ()
    costs: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    unproved: tuple[str, ...] = ()  # which steps nothing can prove beforehand, or at all
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


def would_change(facts: Facts, finding: Finding) -> bool:
    """Whether `fix` would do more than give advice: a file that somebody else manages it leaves alone."""
    cure = finding.found.cure
    if cure is None or cure.applicability == "manual" or _refusals(facts, finding.id, cure, {}):
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

    With the ``contents`` of the files the edits are to the byte, else as far as the facts know the files.
    ``found_obstacles`` are reasons by path why a file cannot be written, beyond those that the facts know.
    """
    facts = diagnosis.facts
    chosen = [finding for finding in diagnosis.findings if _is_chosen(finding, set(ids))]
    planned: list[Finding] = []
    refused: list[tuple[Refusal, Advise]] = []
    advice: list[Advise] = []
    for finding in chosen:
        cure = _cure(finding)
        advice += _advice(cure)
        if cure.applicability != "manual":
            why = (
                _postponed(diagnosis, finding)
                or _without_use(facts, finding, keep_agent)
                or _refusals(facts, finding.id, cure, found_obstacles or {})
            )
            refused += why
            planned += [] if why else [finding]
    planned_cures = [_cure(finding) for finding in planned]
    steps = _steps(facts, planned_cures, keep_agent, contents)
    trial = needs_trial(facts, planned)
    reader_first = any(_is_kept_from_pcscd(facts, cure) for cure in planned_cures)
    return Plan(
        planned=tuple(planned),
        advised=tuple(finding for finding in chosen if all(finding is not it for it in planned)),
        steps=_unique((*steps, *(step for _, step in refused), *advice)),
        costs=_costs(planned_cures, steps, trial),
        refused=_unique(refusal for refusal, _ in refused),
        unproved=_unproved(facts, planned_cures, tried=trial or reader_first),
        trial=trial,
        reader_first=reader_first,
    )


def _cure(finding: Finding) -> Cure:
    """Of a finding that was chosen for having one."""
    assert finding.found.cure is not None
    return finding.found.cure


def _is_chosen(finding: Finding, ids: set[str]) -> bool:
    if finding.found.cure is None or finding.ignored:
        return False
    return finding.id in ids if ids else RANK[finding.found.severity] >= RANK["warning"]


def _steps(facts: Facts, planned: list[Cure], keep_agent: bool, contents: Contents | None = None) -> tuple[Step, ...]:
    """Edits that change nothing are left out: what was asked for is there already."""
    changes = (edits.edit(facts, lines, contents) for lines in edits.merged(facts, planned))
    restarted = daemons.restart(facts, planned, keep_agent)
    afterwards = daemons.afterwards(facts, restarted), daemons.kept(facts, planned) if keep_agent else None
    return (
        *(edit for edit in changes if edit.before != edit.after),
        *((restarted,) if restarted else ()),
        *(step for step in afterwards if step),
    )


def _postponed(diagnosis: Diagnosis, finding: Finding) -> list[tuple[Refusal, Advise]]:
    """While somebody is in the middle of a transaction nothing is restarted, and nothing is tried.

    And as long as another program has the reader for itself alone, no trial could show that options help.
    """
    # A probe that waits in pcscd waits for a transaction, be it known in which reader or not.
    reason = TRANSACTION_SOMEWHERE if known_or(diagnosis.facts.pcscd.waiting, 0) else None
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
    for lines in edits.merged(facts, [cure]):
        file = file_at(facts, lines.path)
        reason = obstacles.obstacle(facts, file) or found_obstacles.get(lines.path)
        if reason is not None:
            step = obstacles.advice(facts, file, lines, reason, restarted.argv if restarted else None)
            found.append((Refusal(id=id, reason=f"{lines.path}: {reason}"), step))
    return found


def _without_use(facts: Facts, finding: Finding, keep_agent: bool) -> list[tuple[Refusal, Advise]]:
    """A restart that would cure nothing: of a daemon that is kept, or of none."""
    cure = _cure(finding)
    if cure.options or cure.changes:
        return []
    reason = None
    if keep_agent and _is_about_agent(facts, finding):
        reason = "it takes a new gpg-agent, and this one is kept"
    elif cure.restart and daemons.restart(facts, [cure], keep_agent) is None:
        reason = "no daemon of this home runs that could be restarted"
    return (
        [(Refusal(id=finding.id, reason=reason), Advise(text=f"{finding.id} is not cured: {reason}."))]
        if reason
        else []
    )


def _is_about_agent(facts: Facts, finding: Finding) -> bool:
    """Whether it is gpg-agent itself that is older than the installed one."""
    processes = known_or(facts.processes, ())
    at = finding.about.index
    return finding.id == "GD310" and at < len(processes) and processes[at].role == "gpg-agent"


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


def _is_kept_from_pcscd(facts: Facts, cure: Cure) -> bool:
    """Whether pcscd would have the reader only once scdaemon, which has it by its own driver, lets go."""
    return "disable-ccid" in cure.options and (_lists_no_reader(facts, cure) or _has_card_by_own_driver(facts))


def _scdaemon_keeps_it_from_pcscd(facts: Facts) -> bool:
    """Whether my scdaemon has a card while PC/SC lists no reader: by its own driver, then."""
    running = known_or(facts.gnupg.running, None)
    return known_or(facts.readers, None) == () and running is not None and bool(running.cards)


def _has_card_by_own_driver(facts: Facts) -> bool:
    try:
        return holding.holds_by_own_driver(facts)
    except NotKnown:
        return False


def needs_trial(facts: Facts, planned: Iterable[Finding]) -> bool:
    """Where scdaemon is the one that is refused, options are tried before they are written."""
    options = [option for finding in planned for option in _cure(finding).options]
    return bool(options) and _why_no_trial(facts, options) is None


def _why_no_trial(facts: Facts, options: list[str]) -> str | None:
    """Why a trial of these options would show nothing, or cost too much.

    Without pcsc-shared the trial would take a reader for itself alone, so only one that nobody uses.
    """
    states = [known_or(reader.state, ()) for reader in known_or(facts.readers, ())]
    running = known_or(facts.gnupg.running, None)
    if running is not None and running.cards:
        return "scdaemon has the card"
    if not any("PRESENT" in state for state in states):
        return "no card is in a reader"
    settings = known_or(facts.configuration.in_force, ())
    shares = "pcsc-shared" in options or any(it.option == "pcsc-shared" for it in settings)
    return None if shares or not any("INUSE" in state for state in states) else "another program uses a reader"


def _unproved(facts: Facts, planned: list[Cure], *, tried: bool) -> tuple[str, ...]:
    """What no trial can prove, said before anything is done."""
    options = [option for cure in planned for option in cure.options]
    found = [PIN_IS_NOT_TRIED] if any(map(daemons.is_agents_alone, planned)) else []
    if options and not tried:
        present = any("PRESENT" in known_or(reader.state, ()) for reader in known_or(facts.readers, ()))
        running = known_or(facts.gnupg.running, None)
        has_card = running is not None and bool(running.cards)
        why = _why_no_trial(facts, options)
        found.append(NO_TRIAL.format(why=why) if present or has_card else NO_CARD)
    return tuple(found)


def _costs(planned: list[Cure], steps: tuple[Step, ...], trial: bool) -> tuple[str, ...]:
    stated = [cost for cure in planned for cost in cure.costs]
    if not any(isinstance(step, Restart) and step.target == "gpg-agent" for step in steps):
        stated = [cost for cost in stated if cost is not Cost.FORGETS]
    return _unique((*(cost.value for cost in stated), *((CARD_IS_READ,) if trial else ())))


def _unique(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
