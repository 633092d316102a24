"""Verifies a fix: the planned findings are gone or harmless, nothing new is wrong, and scdaemon reads the card."""

from __future__ import annotations

import time

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import known_or
from gpgdoctor.fix import agent
from gpgdoctor.fix.looking import look
from gpgdoctor.fix.private_scdaemon import STILL_WAITS, Reading, read_card
from gpgdoctor.fix.restart import Tell
from gpgdoctor.fix.work import FixOptions, Work
from gpgdoctor.rules.rule import RANK
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record

VERIFY_DEADLINE_S = 10.0
POLL_S = 0.2
# gpg-agent 2.2 checks only every 4 s whether its scdaemon has ended, and uses the dead pipe until then
# (agent/gpg-agent.c, TIMERTICK_INTERVAL); a new scdaemon may find no reader at first.
NOT_YET = {32877: "Broken pipe", 119: "No SmartCard daemon", 32848: "No such device", 16383: "End of file"}


class NotProved(Exception):
    """The fix did not do what it should; the message says what is wrong."""


class Proof(Record):
    """The state after a fix. ``revealed`` are findings that could not be judged before the cure."""

    after: Diagnosis
    revealed: tuple[Finding, ...]


def verify(work: Work, options: FixOptions, tell: Tell) -> Proof:
    """Poll until all is as expected; raises NotProved."""
    deadline = Deadline(VERIFY_DEADLINE_S)
    reported = False
    while True:
        try:
            return _proof(work, options, deadline)
        except _NotYet as reason:
            if not deadline.left():
                raise NotProved(str(reason)) from None
            if not reported:
                tell(f"Waiting for scdaemon, up to {VERIFY_DEADLINE_S:.0f} s: {reason}.")
                reported = True
            time.sleep(min(POLL_S, deadline.left()))


class _NotYet(Exception):
    """It is not as expected; it may become so."""


def _proof(work: Work, options: FixOptions, deadline: Deadline) -> Proof:
    refusal, waits = _read_card(work, deadline) if _should_read_card(work) else (None, "")
    after = look(options.homedir, options.timeout_s)
    try:
        revealed = _judge(work, after)
    except _NotYet as reason:
        raise _NotYet(f"{str(reason).rstrip('.')}{waits}") from None
    if refusal is not None and not revealed:
        raise _NotYet(refusal)
    return Proof(after=after, revealed=revealed)


def _should_read_card(work: Work) -> bool:
    """Where a card is present, or nothing else would show that it helps, and no other error explains a failure."""
    facts = work.diagnosis.facts
    running = known_or(facts.gnupg.running, None)
    present = any("PRESENT" in known_or(reader.state, ()) for reader in known_or(facts.readers, ()))
    had_one = running is not None and bool(running.cards)
    planned = {finding.id for finding in work.plan.planned}
    others = [it for it in work.diagnosis.findings if it.found.severity == "error" and it.id not in planned]
    return (present or had_one or _leaves_pcscd(work)) and not others


def _leaves_pcscd(work: Work) -> bool:
    """Whether scdaemon is to reach by its own driver what pcscd does not list: only the card can show that it does."""
    dropped = {(it.path, it.line) for cure in work.plan.cures for it in cure.changes if it.text is None}
    settings = known_or(work.diagnosis.facts.configuration.in_force, ())
    return any(it.option == "disable-ccid" and (it.path, it.line) in dropped for it in settings)


def _read_card(work: Work, deadline: Deadline) -> tuple[str | None, str]:
    """Why scdaemon does not read the card, or None; and what is left of the attempt, as the end of a sentence."""
    facts = work.diagnosis.facts
    homedir = known_or(facts.gnupg.homedir, "")
    waits = ""
    if work.plan.restart is not None and work.running.agent is not None:  # one that ran answers for its scdaemon
        answer = agent.ask(homedir, "SCD SERIALNO", deadline.sooner(VERIFY_DEADLINE_S))
        who = "gpg-agent"
    else:
        reading = _ask_private_scdaemon(known_or(facts.gnupg.scdaemon, None), homedir, deadline)
        answer = reading.answer if reading else None
        waits = STILL_WAITS if reading and reading.still_runs else ""
        who = "scdaemon"
    if answer is None:
        return f"{who} gives no answer{waits}", waits
    if answer.ok:
        return None, waits
    return f'{who} says "{NOT_YET.get(answer.code) or answer.text or answer.code}"{waits}', waits


def _ask_private_scdaemon(scdaemon: str | None, homedir: str, deadline: Deadline) -> Reading | None:
    """Where no agent ran before, none is started: scdaemon answers for itself, and ends."""
    if scdaemon is None:
        return None
    try:
        return read_card(scdaemon, homedir, deadline)
    except OSError:
        return None


def _judge(work: Work, after: Diagnosis) -> tuple[Finding, ...]:
    """What could not be judged before; raises _NotYet for any other error that is new, or what was planned."""
    before = {_key(finding) for finding in work.diagnosis.findings}
    planned = {_key(finding): finding for finding in work.plan.planned}
    ids = {finding.id for finding in work.plan.planned}
    hidden = _explained_by(work.diagnosis, ids)
    revealed = []
    for finding in after.findings:
        if (then := planned.get(_key(finding))) and not _is_harmless_now(then, finding):
            raise _NotYet(f"{finding.id} is still found")
        if _key(finding) in before:
            continue
        if finding.id in hidden and _asks_for_more(finding):
            revealed.append(finding)
        elif finding.found.severity == "error":
            raise _NotYet(f"{finding.id} is found now: {finding.found.summary.clear()}")
    for check in after.checks:
        if check.rule.id in ids and check.status == "unknown":
            raise _NotYet(f"{check.rule.id} could not be checked: {check.reason}")
    return tuple(revealed)


def _is_harmless_now(then: Finding, now: Finding) -> bool:
    """Whether what was an error or a warning is an information now, and nothing is left for a cure to do.

    As a pcscd without drivers is, once scdaemon does without pcscd: gpg works, and it goes on being so.
    """
    counted = RANK[then.found.severity] >= RANK["warning"]
    return counted and now.found.severity == "info" and not _is_curable(now)


def _asks_for_more(finding: Finding) -> bool:
    """An error, or a warning that can be cured: where no scdaemon runs, what keeps it from the card is no error yet."""
    severity = finding.found.severity
    return severity == "error" or (_is_curable(finding) and RANK[severity] >= RANK["warning"])


def _is_curable(finding: Finding) -> bool:
    cure = finding.found.cure
    return cure is not None and cure.applicability != "manual"


def _explained_by(before: Diagnosis, ids: set[str]) -> set[str]:
    """The rules that were not judged, for one of these findings would have explained theirs."""
    return {check.rule.id for check in before.checks if check.explained_by in ids}


def _key(finding: Finding) -> tuple[str, str | None]:
    return finding.id, finding.subject
