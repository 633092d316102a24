"""What the rules make of a machine, in one word."""

from __future__ import annotations

from gpgdoctor.diagnosis import Check, Diagnosis, Finding, diagnose
from gpgdoctor.facts import Facts

# Where absence is itself what proves the finding.
ABSENT = ("gnupg.gpgconf", "gnupg.scdaemon", "gnupg.running", "pcscd.listener", "pcscd.unit")


def judged(facts: Facts) -> Diagnosis:
    diagnosis = diagnose(facts)
    for finding in diagnosis.findings:
        for evidence in finding.because:
            absent = evidence.fact in ABSENT or evidence.fact.endswith(".driver")  # an interface that nobody claimed
            assert evidence.value is not None or absent, f"{finding.id}: {evidence.fact}"
    return diagnosis


def causes(facts: Facts) -> set[str]:
    """What is found at warning or above, and is the consequence of nothing else."""
    findings = judged(facts).findings
    return {it.id for it in findings if it.found.severity != "info" and it.consequence_of is None}


def finding(facts: Facts, id: str) -> Finding:
    """The only finding of this rule."""
    (found,) = (it for it in judged(facts).findings if it.id == id)
    return found


def severity(facts: Facts, id: str) -> str | None:
    """How bad it is; None where the rule finds nothing."""
    return next((it.found.severity for it in judged(facts).findings if it.id == id), None)


def checks(facts: Facts, id: str) -> list[Check]:
    return [check for check in judged(facts).checks if check.rule.id == id]


def status(facts: Facts, id: str) -> str:
    """How its only check came out."""
    (check,) = checks(facts, id)
    return check.status


def changed_lines(facts: Facts, id: str) -> dict[int, str | None]:
    """What the cure makes of which lines."""
    cure = finding(facts, id).found.cure
    assert cure is not None
    return {change.line: change.text for change in cure.changes}


def advice_of(facts: Facts, id: str) -> str:
    cure = finding(facts, id).found.cure
    assert cure is not None
    return "\n".join(f"{it.text.clear()} {it.commands}" for it in cure.advice)
