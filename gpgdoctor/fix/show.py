"""A plan and its result, for people and for programs."""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gpgdoctor.diagnosis import Check, Diagnosis
from gpgdoctor.plan.plan import Plan
from gpgdoctor.rules import catalogue
from gpgdoctor.system.escape import printable
from gpgdoctor.system.invocation import as_typed
from gpgdoctor.system.terminal import width

LIMIT = 2000
WAY_BACK, TO_APPLY = " To take it back: ", " To apply this: "
PRICE_OF_SHARING = frozenset(("GD601", "GD602"))  # the plan names both as costs
FOLLOWS = re.compile(f"{WAY_BACK}|{TO_APPLY}")


@dataclass(slots=True, kw_only=True)
class Result:
    """The result of a fix: the content of `fix --json`, and the last line of the text."""

    diagnosis: Diagnosis | None = None
    plans: list[Plan] = field(default_factory=list)  # one cure may reveal what needs another
    code: int = 0
    applied: bool = False
    verified: bool | None = None
    undo: int | None = None
    left: tuple[str, ...] = ()
    verdict: str = ""
    notes: list[str] = field(default_factory=list)


def blocks(plan: Plan, notes: list[str], unknown: list[Check]) -> Iterator[tuple[str, bool]]:
    """The findings, diffs, restart, costs, and what is left to a person; True marks a diff."""
    found: list[str] = []
    for finding in (*plan.planned, *plan.advised):
        about = f" [{finding.subject}]" if finding.subject else ""
        found += _wrapped(f"{finding.id} {finding.rule.name}{about}: {finding.found.summary.clear()}", "", "  ")
    yield "\n".join(found), False
    yield from ((edit.diff.rstrip("\n"), True) for edit in plan.edits)
    if plan.restart is not None:
        yield f"Then: {_command(plan.restart.argv)}", False
    yield _titled("Costs:", plan.costs), False
    yield _titled("Note:", (*notes, *plan.unproved)), False
    if plan.advice:
        yield "\n".join(["For you to do:", *_advice(plan)]), False
    yield _titled("Not checked:", _reasons(unknown)), False


def _reasons(unknown: list[Check]) -> list[str]:
    """What could not be checked, by the reason."""
    found: dict[str, list[str]] = {}
    for check in unknown:
        found.setdefault(check.reason.clear() if check.reason else "", []).append(check.rule.id)
    return [f"{named(ids)}: {reason}" for reason, ids in found.items()]


def named(ids: Iterable[str]) -> str:
    """Ids with their names beside."""
    return ", ".join(f"{id} {catalogue()[id].name}" if id in catalogue() else id for id in dict.fromkeys(ids))


def left_over(ids: Iterable[str]) -> str:
    """What a fix has left: named, and called what it is where it is no trouble of its own."""
    names = list(ids)
    return named(names) + (", the price of sharing" if PRICE_OF_SHARING.issuperset(names) else "")


def _titled(title: str, items: Iterable[str]) -> str:
    lines = [line for item in items for line in _wrapped(item, "  - ", "    ")]
    return "\n".join([title, *lines]) if lines else ""


def _advice(plan: Plan) -> Iterator[str]:
    for step in plan.advice:
        yield from _wrapped(step.text, "  - ", "    ")
        yield from (f"      {_command(argv)}" for argv in step.commands)


def _command(argv: tuple[str, ...]) -> str:
    return printable(as_typed(shlex.join(argv)), LIMIT)


def _wrapped(text: str, first: str, following: str) -> list[str]:
    text, columns = printable(as_typed(text), LIMIT), width(sys.stdout)
    return textwrap.wrap(text, columns, initial_indent=first, subsequent_indent=following, break_on_hyphens=False)


def in_lines(verdict: str) -> str:
    """The verdict on one line where it fits, else with the command that follows on a line of its own."""
    columns = width(sys.stdout)
    if len(verdict) <= columns:
        return verdict
    found = FOLLOWS.search(verdict)
    sentences, following = (verdict[: found.start()], [verdict[found.start() + 1 :]]) if found else (verdict, [])
    return "\n".join([*textwrap.wrap(sentences, columns, break_on_hyphens=False), *following])
