"""Why a cure is not applied: it would do harm or nothing, or change what is not ours to change."""

from __future__ import annotations

from collections.abc import Mapping

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import Facts, NotKnown, Unknown, known_or, words
from gpgdoctor.plan import edits, obstacles
from gpgdoctor.plan import restarts as daemons
from gpgdoctor.plan.edits import file_at
from gpgdoctor.plan.steps import Advise
from gpgdoctor.rules import holding
from gpgdoctor.rules.rule import Cure
from gpgdoctor.system.record import Record

TRANSACTION = "a program is in the middle of a transaction with the card (GD204)"
TRANSACTION_SOMEWHERE = "a program is in the middle of a transaction, and another waits for it"
ALONE = ("GD203", "GD206")


class Refusal(Record):
    """A finding whose cure is not applied, and why."""

    id: str
    reason: str


Refused = tuple[Refusal, Advise]  # and the advice in place of its steps


def postponed(diagnosis: Diagnosis, finding: Finding) -> list[Refused]:
    """During another program's transaction nothing is restarted, and nothing is tried.

    And while another program holds the reader exclusively, no trial could show that options help.
    """
    # A probe or a program that waits in pcscd waits for a transaction, even if the reader is not known.
    pcscd = diagnosis.facts.pcscd
    waiting = known_or(pcscd.waiting, 0) or known_or(pcscd.waiting_programs, 0)
    reason = TRANSACTION_SOMEWHERE if waiting else None
    for other in diagnosis.findings:
        if other.id == "GD204":
            reason = TRANSACTION
        elif other.id in ALONE and other.subject == finding.subject and finding.subject is not None:
            reason = reason or f"another program holds the reader exclusively ({other.id})"
    return _refused(finding.id, reason, "is not cured now")


def of_cure(facts: Facts, id: str, cure: Cure, found_obstacles: Mapping[str, str]) -> list[Refused]:
    """Why a cure is not applied, and the advice that takes its place."""
    reason = _forbidden(facts, cure)
    if reason is not None:
        return _refused(id, reason)
    found = []
    restarted = daemons.restart(facts, [cure], keep_agent=False)
    for lines in edits.merged(facts, [cure]):
        file = file_at(facts, lines.path)
        reason = obstacles.obstacle(facts, file) or found_obstacles.get(lines.path)
        if reason is not None:
            step = obstacles.advice(facts, file, lines, reason, restarted.argv if restarted else None)
            found.append((Refusal(id=id, reason=f"{lines.path}: {reason}"), step))
    return found


def without_use(facts: Facts, finding: Finding, keep_agent: bool) -> list[Refused]:
    """Refuse a restart that would cure nothing: the daemon is to be kept, or does not run."""
    cure = finding.found.cure
    if cure is None or cure.options or cure.changes:
        return []
    reason = None
    if keep_agent and _is_about_agent(facts, finding):
        reason = "it takes a new gpg-agent, and this one is kept"
    elif cure.restart and daemons.restart(facts, [cure], keep_agent) is None:
        reason = "no daemon of this home runs that could be restarted"
    return _refused(finding.id, reason)


def _refused(id: str, reason: str | None, what: str = "is not cured") -> list[Refused]:
    return [] if reason is None else [(Refusal(id=id, reason=reason), Advise(text=f"{id} {what}: {reason}."))]


def _is_about_agent(facts: Facts, finding: Finding) -> bool:
    """Whether the finding is that gpg-agent itself is older than the installed one."""
    processes = known_or(facts.processes, ())
    at = finding.about.index
    return finding.id == "GD310" and at < len(processes) and processes[at].role == "gpg-agent"


def _forbidden(facts: Facts, cure: Cure) -> str | None:
    """Why an option would do harm or nothing, or could not be written; None where it is fine."""
    if cure.options and isinstance(facts.gnupg.homedir, Unknown):
        return f"the GnuPG home is not known ({words(facts.gnupg.homedir)})"
    if "pcsc-shared" in cure.options and "pcsc-shared" not in known_or(facts.gnupg.scdaemon_options, ()):
        return "this scdaemon does not know pcsc-shared"
    overruled = edits.overruled(facts, cure.options)
    if overruled is not None:
        return overruled
    if _lists_no_reader(facts, cure) and not _scdaemon_keeps_it_from_pcscd(facts):
        why = "pcscd does not run" if facts.pcscd.listener is None else "PC/SC does not list the reader"
        return f"{why}, so scdaemon would not find it with disable-ccid"
    return None


def _lists_no_reader(facts: Facts, cure: Cure) -> bool:
    return "disable-ccid" in cure.options and not known_or(facts.readers, ())


def is_kept_from_pcscd(facts: Facts, cure: Cure) -> bool:
    """Whether pcscd gets the reader only once scdaemon, which has it by its own driver, lets go."""
    return "disable-ccid" in cure.options and (_lists_no_reader(facts, cure) or _has_card_by_own_driver(facts))


def _scdaemon_keeps_it_from_pcscd(facts: Facts) -> bool:
    """Whether my scdaemon has a card while pcscd lists no reader, or sleeps: by its own driver, then."""
    running = known_or(facts.gnupg.running, None)
    listener = known_or(facts.pcscd.listener, None)
    none_listed = listener == "pcscd" and known_or(facts.readers, None) == ()
    return (none_listed or listener == "activator") and running is not None and bool(running.cards)


def _has_card_by_own_driver(facts: Facts) -> bool:
    try:
        return holding.holds_by_own_driver(facts)
    except NotKnown:
        return False
