"""The proof: the planned findings are gone, nothing new is wrong, and scdaemon reads the card."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from gpgdoctor.collect import root_look
from gpgdoctor.collect.machine import Look, Wishes
from gpgdoctor.diagnosis import Diagnosis, Finding, diagnose
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.fix import agent
from gpgdoctor.fix.private_scdaemon import STILL_WAITS, Reading, read_card
from gpgdoctor.rules.rule import RANK
from gpgdoctor.system.deadline import Deadline

VERIFY_DEADLINE_S = 10.0
LOOK_DEADLINE_S = 5.0
POLL_S = 0.2
# gpg-agent 2.2 notices only every 4 s that its scdaemon has ended, and hands out the dead pipe until then
# (agent/gpg-agent.c, TIMERTICK_INTERVAL); a new scdaemon may find no reader at first.
NOT_YET = {32877: "Broken pipe", 119: "No SmartCard daemon", 32848: "No such device", 16383: "End of file"}


class NotProved(Exception):
    """The fix did not do what it was to do; the message says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What has to be so after a fix."""

    planned: tuple[Finding, ...]
    before: Diagnosis
    through_agent: bool  # a gpg-agent that ran before answers for its scdaemon
    homedir: str | None  # as the caller named it


def look(homedir: str | None) -> Diagnosis:
    """The machine as it is now; with sudo as root sees it, where it is about the caller's own home."""
    facts = _roots_look()
    if facts is not None and homedir in (None, known_or(facts.gnupg.homedir, None)):
        return diagnose(facts)
    return diagnose(Look(Wishes(homedir=homedir, timeout_s=LOOK_DEADLINE_S)).facts())


def _roots_look() -> Facts | None:
    if root_look.lent is None:
        return None
    try:
        return root_look.lent.facts()
    except root_look.NoLook:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How things are after a fix. ``revealed`` is what could not be judged behind what is cured now."""

    after: Diagnosis
    revealed: tuple[Finding, ...]


def verify(expected: Expectation, tell: Callable[[str], None]) -> Proof:
    """Poll until all is as expected; raises NotProved."""
    deadline = Deadline(VERIFY_DEADLINE_S)
    told = False
    while True:
        try:
            return _proof(expected, deadline)
        except _NotYet as reason:
            if not deadline.left():
                raise NotProved(str(reason)) from None
            if not told:
                tell(f"Waiting for scdaemon, up to {VERIFY_DEADLINE_S:.0f} s: {reason}.")
                told = True
            time.sleep(min(POLL_S, deadline.left()))


class _NotYet(Exception):
    """It is not as expected; it may become so."""


def _proof(expected: Expectation, deadline: Deadline) -> Proof:
    refusal, waits = _read_card(expected, deadline) if _should_read_card(expected) else (None, "")
    after = look(expected.homedir)
    try:
        revealed = _judge(expected, after)
    except _NotYet as reason:
        raise _NotYet(f"{str(reason).rstrip('.')}{waits}") from None
    if refusal is not None and not revealed:
        raise _NotYet(refusal)
    return Proof(after=after, revealed=revealed)


def _should_read_card(expected: Expectation) -> bool:
    """Where a card is present, and no other error explains that scdaemon does not get it."""
    facts = expected.before.facts
    present = any("PRESENT" in known_or(reader.state, ()) for reader in known_or(facts.readers, ()))
    planned = {finding.id for finding in expected.planned}
    others = [it for it in expected.before.findings if it.found.severity == "error" and it.id not in planned]
    return present and not others


def _read_card(expected: Expectation, deadline: Deadline) -> tuple[str | None, str]:
    """Why scdaemon does not read the card, or None; and what is left of the attempt, as the end of a sentence."""
    facts = expected.before.facts
    homedir = known_or(facts.gnupg.homedir, "")
    waits = ""
    if expected.through_agent:
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


def _judge(expected: Expectation, after: Diagnosis) -> tuple[Finding, ...]:
    """What could not be judged before; raises _NotYet for any other error that is new, or what was planned."""
    before = {_key(finding) for finding in expected.before.findings}
    planned = {_key(finding) for finding in expected.planned}
    ids = {finding.id for finding in expected.planned}
    hidden = _explained_by(expected.before, ids)
    revealed = []
    for finding in after.findings:
        if _key(finding) in planned:
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


def _asks_for_more(finding: Finding) -> bool:
    """An error, or a warning that can be cured: where no scdaemon runs, what keeps it from the card is no error yet."""
    found = finding.found
    curable = found.cure is not None and found.cure.applicability != "manual"
    return found.severity == "error" or (curable and RANK[found.severity] >= RANK["warning"])


def _explained_by(before: Diagnosis, ids: set[str]) -> set[str]:
    """The rules that were not judged, for one of these findings would have explained theirs."""
    return {check.rule.id for check in before.checks if check.explained_by in ids}


def _key(finding: Finding) -> tuple[str, str | None]:
    return finding.id, finding.subject
