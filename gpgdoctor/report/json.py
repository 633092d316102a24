"""The JSON of `check`: one ASCII document with sorted keys, as the contract has it."""

from __future__ import annotations

import json
from typing import Any

from gpgdoctor import __version__
from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.snapshot import encode

SCHEMA_VERSION = "1.0"


def document(diagnosis: Diagnosis, seconds: float) -> dict[str, Any]:
    """All of a diagnosis; ``seconds`` is how long the look took."""
    return {
        "schema_version": SCHEMA_VERSION,
        "gpgdoctor": __version__,
        "verdict": diagnosis.verdict,
        "complete": diagnosis.complete,
        "seconds": round(seconds, 3),
        "findings": findings(diagnosis),
        "checks": [
            {
                "id": check.rule.id,
                "name": check.rule.name,
                "subject": check.subject,
                "status": check.status,
                "reason": check.reason and check.reason.clear(),
            }
            for check in diagnosis.checks
        ],
        "facts": encode(diagnosis.facts),
    }


def defect(details: str) -> dict[str, Any]:
    """The document that is printed where gpgdoctor itself failed."""
    nothing = {"unknown": details}
    names = ("gnupg", "configuration", "processes", "pcscd", "readers", "usb", "host", "usb_blocked")
    return {
        "schema_version": SCHEMA_VERSION,
        "gpgdoctor": __version__,
        "verdict": "error",
        "complete": False,
        "seconds": 0,
        "findings": [],
        "checks": [],
        "facts": dict.fromkeys(names, nothing),
    }


def findings(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    return [_finding(diagnosis, finding) for finding in diagnosis.findings]


def _finding(diagnosis: Diagnosis, finding: Finding) -> dict[str, Any]:
    found = finding.found
    return {
        "id": finding.id,
        "name": finding.rule.name,
        "severity": found.severity,
        "title": finding.rule.title,
        "summary": found.summary.clear(),
        "ignored": finding.ignored,
        "subject": finding.subject,
        "because": [{"fact": evidence.fact, "value": evidence.value} for evidence in finding.because],
        "culprits": [
            {"pid": who.pid, "program": who.program, "user": who.user, "certainty": who.certainty}
            for who in found.culprits
        ],
        "consequence_of": finding.consequence_of,
        "fix": _fix(diagnosis, finding),
    }


def _fix(diagnosis: Diagnosis, finding: Finding) -> dict[str, Any] | None:
    cure = finding.found.cure
    if cure is None:
        return None
    # A healthy machine needs no plan, and no time to load one.
    from gpgdoctor.plan.plan import costs_of, steps_of

    steps = steps_of(diagnosis.facts, finding)
    return {
        "applicability": cure.applicability,
        "costs": list(costs_of((cure,), steps)),
        "steps": [step.as_json() for step in steps],
    }


def dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=True, sort_keys=True, indent=2)
