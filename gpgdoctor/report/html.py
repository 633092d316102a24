"""A diagnosis as a page: the same as the Markdown report, with the way to the card as a picture."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from gpgdoctor.diagnosis import Check, Diagnosis, Finding
from gpgdoctor.plan.plan import Edit, Restart, Step, costs_of, steps_of
from gpgdoctor.report import evidence, pages
from gpgdoctor.report.layout import pictures
from gpgdoctor.report.machine_facts import sections, versions
from gpgdoctor.report.text import verdict
from gpgdoctor.rules.rule import Culprit
from gpgdoctor.way import way

DIFF_LINES = 200
FINDINGS_SHOWN = 200


def render(diagnosis: Diagnosis, ledger: Mapping[str, int]) -> str:
    """The diagnosis is one of redacted facts, and the ledger is theirs."""
    return pages.render(
        "gpgdoctor.report.pages",
        "report.html.j2",
        verdict=verdict(diagnosis),
        state=diagnosis.verdict,
        ledger=ledger,
        pictures=pictures(way(diagnosis)),
        findings=[_card(diagnosis, finding) for finding in diagnosis.findings[:FINDINGS_SHOWN]],
        left_out=max(0, len(diagnosis.findings) - FINDINGS_SHOWN),
        not_checked=_not_checked(diagnosis),
        checks=[_check(check) for check in diagnosis.checks],
        versions=_unindented(versions(diagnosis.facts)),
        facts=[(title, _unindented(lines)) for title, lines in sections(diagnosis.facts)],
    )


def _card(diagnosis: Diagnosis, finding: Finding) -> dict[str, Any]:
    found = finding.found
    summary = found.summary.clear()
    steps = steps_of(diagnosis.facts, finding) if found.cure else ()
    return {
        "id": finding.id,
        "name": finding.rule.name,
        "severity": found.severity,
        "ignored": finding.ignored,
        "subject": finding.subject if finding.subject and not summary.startswith(finding.subject) else None,
        "summary": summary,
        "cause": finding.consequence_of,
        "effect": found.effect.clear() if found.effect else None,
        "because": evidence.as_lines(finding.because),
        "who": [_culprit(who) for who in found.culprits],
        "note": found.note.clear() if found.note else None,
        "steps": [_step(step) for step in steps],
        "costs": costs_of((found.cure,), steps) if found.cure else (),
    }


def _culprit(who: Culprit) -> dict[str, Any]:
    return {"program": who.program, "pid": who.pid, "user": who.user, "certainty": who.certainty}


def _step(step: Step) -> dict[str, Any]:
    """``diff`` are lines with what they do: "add", "del", or "" for what stays."""
    if isinstance(step, Edit):
        rows = step.diff.rstrip("\n").split("\n")
        kinds = {"+": "add", "-": "del"}
        diff = [(kinds.get(row[:1], "") if number > 1 else "", row) for number, row in enumerate(rows[:DIFF_LINES])]
        left = len(rows) - len(diff)
        verb = "Create" if step.diff.startswith("--- /dev/null") else "Change"
        return {"text": f"{verb} {step.path}:", "diff": diff, "left": left, "commands": []}
    if isinstance(step, Restart):
        return {"text": f"Restart {step.target}:", "diff": [], "left": 0, "commands": [shlex.join(step.argv)]}
    return {"text": step.text, "diff": [], "left": 0, "commands": [shlex.join(argv) for argv in step.commands]}


def _not_checked(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Reasons, and the checks that could not be made for each."""
    reasons: dict[str, list[str]] = {}
    for check in diagnosis.checks:
        if check.status == "unknown":
            reasons.setdefault(check.reason.clear() if check.reason else "", []).append(check.rule.id)
    return [(", ".join(dict.fromkeys(ids)), reason) for reason, ids in reasons.items()]


def _check(check: Check) -> dict[str, Any]:
    return {
        "status": check.status,
        "id": check.rule.id,
        "title": check.rule.title,
        "subject": check.subject,
        "reason": check.reason.clear() if check.reason else None,
    }


def _unindented(lines: list[str]) -> list[str]:
    return [line.removeprefix("  ") for line in lines]
