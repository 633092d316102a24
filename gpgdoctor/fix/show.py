"""A plan and what became of it, for people and for programs."""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.plan.plan import Plan
from gpgdoctor.report.escape import printable
from gpgdoctor.system.invocation import as_typed
from gpgdoctor.system.terminal import width

LIMIT = 2000


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of a fix: the content of `fix --json`, and the last line of the text."""

    diagnosis: Diagnosis | None = None
    plans: list[Plan] = field(default_factory=list)  # one cure may reveal what needs another
    code: int = 0
    applied: bool = False
    verified: bool | None = None
    undo: int | None = None
    left: tuple[str, ...] = ()
    verdict: str = ""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        from gpgdoctor import __version__
        from gpgdoctor.report.json import SCHEMA_VERSION, findings

        return {
            "schema_version": SCHEMA_VERSION,
            "gpgdoctor": __version__,
            "findings": findings(self.diagnosis) if self.diagnosis else [],
            "plan": [step for plan in self.plans for step in plan.as_json()],
            "costs": list(dict.fromkeys(cost for plan in self.plans for cost in plan.costs)),
            "refused": [{"id": item.id, "reason": item.reason} for plan in self.plans for item in plan.refused],
            "applied": self.applied,
            "verified": self.verified,
            "undo": self.undo,
            "left": list(self.left),
            "result": self.verdict,
        }


def plan_as_text(plan: Plan, notes: list[str]) -> str:
    """The findings, the diff, the restart, the costs, and what is left to a person."""
    lines: list[str] = []
    for finding in (*plan.planned, *plan.advised):
        about = f" [{finding.subject}]" if finding.subject else ""
        lines += _wrapped(f"{finding.id} {finding.rule.name}{about}: {finding.found.summary.clear()}", "", "  ")
    for edit in plan.edits:
        lines += ["", *edit.diff.rstrip("\n").split("\n")]
    if plan.restart is not None:
        lines += ["", f"Then: {_command(plan.restart.argv)}"]
    lines += _titled("Costs:", list(plan.costs))
    lines += _titled("Note:", notes)
    if plan.advice:
        lines += ["", "For you to do:", *_advice(plan)]
    return "\n".join(lines).strip("\n")


def _titled(title: str, items: list[str]) -> list[str]:
    return ["", title, *(line for item in items for line in _wrapped(item, "  - ", "    "))] if items else []


def _advice(plan: Plan) -> Iterator[str]:
    for step in plan.advice:
        yield from _wrapped(step.text, "  - ", "    ")
        yield from (f"      {_command(argv)}" for argv in step.commands)


def _command(argv: tuple[str, ...]) -> str:
    return printable(as_typed(shlex.join(argv)), LIMIT)


def _wrapped(text: str, first: str, following: str) -> list[str]:
    text, columns = printable(as_typed(text), LIMIT), width(sys.stdout)
    return textwrap.wrap(text, columns, initial_indent=first, subsequent_indent=following, break_on_hyphens=False)
