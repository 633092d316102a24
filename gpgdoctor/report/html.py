"""A diagnosis as a page: the same as the Markdown report, with the way to the card as a picture."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gpgdoctor.diagnosis import Check, Diagnosis, Finding
from gpgdoctor.facts import Facts
from gpgdoctor.maybe import known_or
from gpgdoctor.plan.plan import Edit, Restart, Step, costs_of, steps_of
from gpgdoctor.report import evidence, pages
from gpgdoctor.report.layout import pictures
from gpgdoctor.report.machine_facts import sections, versions
from gpgdoctor.report.text import verdict
from gpgdoctor.rules.rule import RANK, Culprit
from gpgdoctor.way import way

OfMachine = tuple[list[str], list[tuple[str, list[str]]]]  # versions, and facts with their titles

DIFF_LINES = 200
FINDINGS_SHOWN = 200


def render(diagnosis: Diagnosis, ledger: Mapping[str, int]) -> str:
    """The diagnosis is one of redacted facts, and the ledger is theirs."""
    return pages.render(
        "gpgdoctor.report.pages",
        "report.html.j2",
        **_judged(diagnosis),
        ledger=ledger,
        checks=[_check(check) for check in diagnosis.checks],
        versions=_unindented(versions(diagnosis.facts)),
        facts=_sections(diagnosis.facts),
    )


def render_users(
    machine: Diagnosis, users: Sequence[Diagnosis], left_out: int, ledger: Mapping[str, int], *, detailed: bool = True
) -> str:
    """One page for several users: a part for each, then what is known of the machine, and the ledger of all.

    ``left_out``: of how many users nothing is told. Without ``detailed`` it is findings and pictures alone.
    """
    of_machine = (_unindented(versions(machine.facts)), _sections(machine.facts))
    each = [_user(number, user, of_machine) for number, user in enumerate(users, 1)]
    return pages.render(
        "gpgdoctor.report.pages",
        "users.html.j2",
        ledger=ledger,
        users=each,
        users_left_out=left_out,
        versions=of_machine[0],
        facts=of_machine[1],
        detailed=detailed,
    )


def _user(number: int, diagnosis: Diagnosis, of_machine: OfMachine) -> dict[str, Any]:
    """What is told of one user; of facts, what is not the same for the machine."""
    of_user = (_unindented(versions(diagnosis.facts)), _sections(diagnosis.facts))
    return {
        **_judged(diagnosis),
        "name": known_or(diagnosis.facts.host.user, "a user"),
        "prefix": f"user-{number}-",
        "versions": [line for line in of_user[0] if line not in of_machine[0]],
        "facts": [section for section in of_user[1] if section not in of_machine[1]],
    }


def _judged(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "verdict": verdict(diagnosis),
        "style_of_verdict": _style(diagnosis),
        "pictures": pictures(way(diagnosis)),
        "findings": [_card(diagnosis, finding) for finding in diagnosis.findings[:FINDINGS_SHOWN]],
        "left_out": max(0, len(diagnosis.findings) - FINDINGS_SHOWN),
        "not_checked": _not_checked(diagnosis),
    }


def _style(diagnosis: Diagnosis) -> str:
    """How the verdict looks: like the worst finding that counts, where there is one."""
    if diagnosis.verdict == "findings":
        counting = [finding.found.severity for finding in diagnosis.findings if not finding.ignored]
        return max(counting, key=lambda severity: RANK[severity], default="error")
    return {"healthy": "pass", "incomplete": "warning"}.get(diagnosis.verdict, "error")


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
        "because": evidence.as_lines(finding.because, look=diagnosis.facts.host.time),
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


def _sections(facts: Facts) -> list[tuple[str, list[str]]]:
    return [(title, _unindented(lines)) for title, lines in sections(facts)]


def _unindented(lines: list[str]) -> list[str]:
    return [line.removeprefix("  ") for line in lines]
