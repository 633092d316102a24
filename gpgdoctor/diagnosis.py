"""Runs the rules in the order of what they need, folds consequences under their cause, and reaches a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from graphlib import TopologicalSorter
from typing import Any, Literal

from gpgdoctor.facts import Facts, NotKnown, known_or
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import RANK, Found, NotApplicable, Passes, Rule, Severity, Subject
from gpgdoctor.snapshot import encode
from gpgdoctor.system.record import Record, replace

Status = Literal["pass", "fail", "unknown", "skipped"]
Verdict = Literal["healthy", "findings", "incomplete", "error"]

_STEP = re.compile(r"(\w+)|\[(\d+)\]")


class Evidence(Record):
    """A fact that a finding rests on: its place in the facts, and its value as in JSON."""

    fact: str
    value: Any


class Finding(Record):
    rule: Rule
    subject: str | None
    found: Found
    because: tuple[Evidence, ...]
    consequence_of: str | None
    ignored: bool = False

    @property
    def id(self) -> str:
        return self.rule.id


class Check(Record):
    rule: Rule
    subject: str | None
    status: Status
    reason: str | None


class Diagnosis(Record):
    facts: Facts
    findings: tuple[Finding, ...]  # in the order of their severity, causes before their consequences
    checks: tuple[Check, ...]  # in the order of their ids
    verdict: Verdict
    complete: bool
    fail_on: Severity


def diagnose(facts: Facts, *, fail_on: Severity = "warning", ignore: Iterable[str] = ()) -> Diagnosis:
    """Judge the facts by every rule of the catalogue."""
    judge = _Judge(facts)
    for rule in _in_order():
        judge.apply(rule)
    ignored = set(ignore)
    findings = tuple(
        replace(finding, ignored=finding.id in ignored or finding.consequence_of in ignored)
        for finding in sorted(judge.findings, key=_weight)
    )
    counting = [finding for finding in findings if not finding.ignored and _reaches(finding.found.severity, fail_on)]
    unknown = [
        check
        for check in judge.checks
        if check.status == "unknown" and _reaches(check.rule.worst, fail_on) and check.rule.id not in ignored
    ]
    return Diagnosis(
        facts=facts,
        findings=findings,
        checks=tuple(sorted(judge.checks, key=lambda check: check.rule.id)),
        verdict="findings" if counting else "incomplete" if unknown else "healthy",
        complete=not unknown,
        fail_on=fail_on,
    )


class _Judge:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.findings: list[Finding] = []
        self.checks: list[Check] = []
        self._document = encode(facts)
        self._readers = {reader.name for reader in known_or(facts.readers, ())}
        self._folded: dict[str, str] = {}  # a rule that was folded as a whole, and under what

    def apply(self, rule: Rule) -> None:
        cause = self._cause_for_all(rule)
        if cause is not None:
            self._folded[rule.id] = cause
            self._note(rule, None, "skipped", f"folded under {cause}")
            return
        try:
            subjects = list(rule.each(self.facts)) if rule.each else [Subject(name=None)]
        except NotKnown as missing:
            self._note(rule, None, "unknown", str(missing))
        except Passes as why:
            self._note(rule, None, "pass", str(why))
        except NotApplicable as why:
            self._note(rule, None, "skipped", str(why))
        else:
            for subject in subjects:
                self._judge(rule, subject)
            if not subjects:
                self._note(rule, None, "skipped", rule.nothing)

    def _cause_for_all(self, rule: Rule) -> str | None:
        for need in rule.needs:
            cause = self._folded.get(need, need)
            if any(it.id == cause and it.subject is None and _folds(it, rule) for it in self.findings):
                return cause
        return None

    def _judge(self, rule: Rule, subject: Subject) -> None:
        cause = self._found(rule.needs, subject, of=rule)
        if cause is not None:
            self._note(rule, subject.name, "skipped", f"folded under {cause}")
            return
        try:
            found = rule.judge(self.facts, subject.index) if rule.each else rule.judge(self.facts)
        except NotKnown as missing:
            self._note(rule, subject.name, "unknown", str(missing))
        except NotApplicable as why:
            self._note(rule, subject.name, "skipped", str(why))
        else:
            self._note(rule, subject.name, "fail" if found else "pass", None)
            if found:
                self._keep(rule, subject, found)

    def _keep(self, rule: Rule, subject: Subject, found: Found) -> None:
        self.findings.append(
            Finding(
                rule=rule,
                subject=subject.name,
                found=found,
                because=tuple(Evidence(fact=place, value=look_up(self._document, place)) for place in found.because),
                consequence_of=self._found(rule.consequence_of, subject),
            )
        )

    def _found(self, ids: tuple[str, ...], subject: Subject, *, of: Rule | None = None) -> str | None:
        for id in ids:
            for finding in self.findings:
                same = finding.id == id and self._about_the_same(finding.subject, subject.name)
                if same and (of is None or _folds(finding, of)):
                    return id
        return None

    def _about_the_same(self, one: str | None, other: str | None) -> bool:
        """A fault of one reader says nothing about another reader; a fault of a file concerns them all."""
        return one == other or one not in self._readers or other not in self._readers

    def _note(self, rule: Rule, subject: str | None, status: Status, reason: str | None) -> None:
        self.checks.append(Check(rule=rule, subject=subject, status=status, reason=reason))


def look_up(document: Any, place: str) -> Any:
    """The value at a place such as "readers[0].state" in encoded facts; None where it is known to be absent."""
    for name, index in _STEP.findall(place):
        if isinstance(document, dict) and set(document) == {"unknown"}:
            return document
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and index:
            document = document[int(index)]
        else:
            return None
    return document


def _folds(finding: Finding, rule: Rule) -> bool:
    """Whether this finding explains why a rule that needs its absence has nothing to judge."""
    return finding.found.severity != "info" or finding.id not in rule.not_behind_info


@cache
def _in_order() -> tuple[Rule, ...]:
    rules = catalogue()
    graph = {rule.id: {*rule.needs, *rule.consequence_of} for rule in rules.values()}
    return tuple(rules[id] for id in TopologicalSorter(graph).static_order())


def _weight(finding: Finding) -> tuple[bool, int, str]:
    return finding.consequence_of is not None, -RANK[finding.found.severity], finding.id


def _reaches(severity: Severity, fail_on: Severity) -> bool:
    return RANK[severity] >= RANK[fail_on]
