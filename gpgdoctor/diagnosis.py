"""Runs the rules, causes before consequences, puts consequences under their cause, and reaches a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any, Literal

from gpgdoctor.facts import Facts, NotKnown, Reason, Unknown
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import RANK, Cause, Explained, Found, Holds, NotApplicable, Rule, Severity, Subject
from gpgdoctor.snapshot import encode, is_unknown
from gpgdoctor.system.record import Record, replace
from gpgdoctor.wording import Text

Status = Literal["pass", "fail", "unknown", "skipped"]
Verdict = Literal["healthy", "findings", "incomplete", "error"]

_STEP = re.compile(r"(\w+)|\[(\d+)\]")
MACHINE = Subject()


class Evidence(Record):
    """A fact that a finding rests on: its place in the facts, and its value as in JSON."""

    fact: str
    value: Any


class Finding(Record):
    rule: Rule
    about: Subject
    found: Found
    because: tuple[Evidence, ...]
    consequence_of: str | None = None
    ignored: bool = False

    @property
    def id(self) -> str:
        return self.rule.id

    @property
    def subject(self) -> str | None:
        return self.about.name.clear() if self.about.name else None


class Check(Record):
    rule: Rule
    about: Subject
    status: Status
    reason: Text | None = None
    explained_by: str | None = None  # the cause that hides it
    switched_off: bool = False  # by the caller
    counts: bool = True  # of an unknown: whether the look is incomplete without it

    @property
    def subject(self) -> str | None:
        return self.about.name.clear() if self.about.name else None


class Diagnosis(Record):
    facts: Facts
    findings: tuple[Finding, ...]  # in the order of their severity, causes before their consequences
    checks: tuple[Check, ...]  # in the order of their ids
    verdict: Verdict
    complete: bool
    fail_on: Severity


class Verdicts:
    """The verdicts so far, for a rule that declares whose verdicts it needs."""

    def __init__(self, findings: list[Finding], checks: list[Check], ids: tuple[str, ...]) -> None:
        self._findings, self._checks, self._ids = findings, checks, ids

    def found(self, id: str) -> list[Finding]:
        """The findings of a rule; raises KeyError where it was not declared."""
        self._must_be_declared(id)
        return [finding for finding in self._findings if finding.id == id]

    def status(self, id: str) -> set[Status]:
        """The statuses of a rule, over all of its subjects; raises KeyError where it was not declared."""
        self._must_be_declared(id)
        return {check.status for check in self._checks if check.rule.id == id}

    def _must_be_declared(self, id: str) -> None:
        if id not in self._ids:
            raise KeyError(f"{id} is not in `earlier`")


def diagnose(
    facts: Facts, *, fail_on: Severity = "warning", ignore: Iterable[str] = (), rules: Mapping[str, Rule] | None = None
) -> Diagnosis:
    """Judge the facts by every rule of the catalogue, or by these rules."""
    judge = _Judge(facts)
    for rule in _in_order(catalogue() if rules is None else rules):
        judge.apply(rule)
    ignored = set(ignore)
    findings = tuple(
        replace(finding, ignored=finding.id in ignored or finding.consequence_of in ignored)
        for finding in sorted(judge.under_their_causes(), key=_weight)
    )
    counting = [finding for finding in findings if not finding.ignored and _reaches(finding.found.severity, fail_on)]
    unknown = [
        check
        for check in judge.checks
        if check.status == "unknown"
        and check.counts
        and _reaches(check.rule.worst, fail_on)
        and check.rule.id not in ignored
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
        self.checks: list[Check] = []
        self._findings: list[Finding] = []

    @cached_property
    def _document(self) -> Any:
        return encode(self.facts)

    def apply(self, rule: Rule) -> None:
        cause = self._hides_all_of(rule)
        if cause is not None and not self._finds_worse(rule, cause):
            self._skip(rule, MACHINE, Explained(cause.id))
            return
        try:
            subjects = rule.each(self.facts) if rule.each else (MACHINE,)
        except NotKnown as missing:
            self._note(rule, MACHINE, "unknown", missing.why, counts=self._counts(missing))
        except NotApplicable as not_applicable:
            self._skip(rule, MACHINE, not_applicable)
        else:
            self._apply_to(rule, subjects)

    def _apply_to(self, rule: Rule, subjects: Iterable[Subject] | Holds) -> None:
        if isinstance(subjects, Holds):
            self._note(rule, MACHINE, "pass", subjects.why)
        elif not subjects:
            self._note(rule, MACHINE, "skipped", rule.no_subject)
        else:
            for subject in subjects:
                self._judge(rule, subject)

    def _judge(self, rule: Rule, subject: Subject) -> None:
        cause = self._hides(rule, subject)
        if cause is not None and not self._finds_worse(rule, cause, subject):
            self._skip(rule, subject, Explained(cause.id))
            return
        arguments: tuple[Any, ...] = (self.facts, subject.index) if rule.each else (self.facts,)
        if rule.earlier:
            arguments += (Verdicts(self._findings, self.checks, rule.earlier),)
        try:
            found = rule.judge(*arguments)
        except NotKnown as missing:
            self._note(rule, subject, "unknown", missing.why, counts=self._counts(missing))
        except NotApplicable as not_applicable:
            self._skip(rule, subject, not_applicable)
        else:
            self._note(rule, subject, "fail" if found else "pass")
            if found:
                because = tuple(Evidence(fact=place, value=look_up(self._document, place)) for place in found.because)
                self._findings.append(Finding(rule=rule, about=subject, found=found, because=because))

    def _finds_worse(self, rule: Rule, cause: Finding, subject: Subject | None = None) -> bool:
        """Whether the rule finds what a cause that is for information cannot explain: a warning or an error."""
        if cause.found.severity != "info" or cause.found.diverts or rule.worst == "info":
            return False
        alone = _Judge(self.facts)
        alone._findings, alone.checks = list(self._findings), list(self.checks)
        unhidden = replace(rule, causes=())
        if subject is None:
            alone.apply(unhidden)
        else:
            alone._judge(unhidden, subject)
        return any(it.found.severity != "info" for it in alone._findings[len(self._findings) :])

    def _counts(self, missing: NotKnown) -> bool:
        """Whether the look is incomplete for it: a document of an earlier version is as complete as it could be."""
        session = self.facts.host.session_unit
        is_earlier = isinstance(session, Unknown) and session.reason is Reason.OF_LATER_VERSIONS
        return missing.counts and not (is_earlier and missing.reason is Reason.OF_LATER_VERSIONS)

    def under_their_causes(self) -> Iterator[Finding]:
        """Every finding with the one that stands at its head: causes may have been judged after it."""
        for finding in self._findings:
            heads = (cause for cause in finding.rule.causes if not cause.hides)
            head = self._cause(heads, finding.about)
            yield replace(finding, consequence_of=head.id if head else None)

    # -- which cause hides what ----------------------------------------------------------------------------------

    def _hides(self, rule: Rule, subject: Subject) -> Finding | None:
        return self._cause((cause for cause in rule.causes if cause.hides), subject)

    def _hides_all_of(self, rule: Rule) -> Finding | None:
        """A cause that is about the machine as a whole."""
        whole = [finding for finding in self._findings if finding.about.name is None]
        return _strongest(it for cause in rule.causes if cause.hides for it in whole if _explains(it, cause))

    def _cause(self, causes: Iterable[Cause], subject: Subject) -> Finding | None:
        found = ((finding, cause) for cause in causes for finding in self._findings)
        return _strongest(it for it, cause in found if _explains(it, cause) and _about_the_same(it.about, subject))

    def _skip(self, rule: Rule, subject: Subject, why: NotApplicable) -> None:
        by = why.by if isinstance(why, Explained) else None
        self._note(rule, subject, "skipped", why.why, switched_off=why.switched_off, explained_by=by)

    def _note(self, rule: Rule, subject: Subject, status: Status, reason: Text | None = None, **more: Any) -> None:
        self.checks.append(Check(rule=rule, about=subject, status=status, reason=reason, **more))


def look_up(document: Any, place: str) -> Any:
    """The value at a place such as "readers[0].state" in encoded facts; None where it is known to be absent."""
    for name, index in _STEP.findall(place):
        if is_unknown(document):
            return document
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and index:
            document = document[int(index)]
        else:
            return None
    return document


def _strongest(causes: Iterable[Finding]) -> Finding | None:
    """The one that explains most, the first one among equals."""
    return max(causes, key=lambda cause: (cause.found.diverts, RANK[cause.found.severity]), default=None)


def _explains(finding: Finding, cause: Cause) -> bool:
    return (
        finding.id == cause.id
        and _reaches(finding.found.severity, cause.at_least)
        and cause.stopping in (None, finding.found.stops)
    )


def _about_the_same(one: Subject, other: Subject) -> bool:
    """A fault of one reader says nothing about another reader; a fault of a file concerns them all."""
    return one.name == other.name or not one.is_reader or not other.is_reader


def _in_order(rules: Mapping[str, Rule]) -> tuple[Rule, ...]:
    graph = {
        rule.id: {*(cause.id for cause in rule.causes if cause.hides), *rule.earlier} & rules.keys()
        for rule in rules.values()
    }
    return tuple(rules[id] for id in TopologicalSorter(graph).static_order())


def _weight(finding: Finding) -> tuple[bool, int, str, bool]:
    after = finding.found.after
    is_folded, severity = finding.consequence_of is not None, RANK[finding.found.severity]
    return is_folded, -severity, after or finding.id, after is not None


def _reaches(severity: Severity, fail_on: Severity) -> bool:
    return RANK[severity] >= RANK[fail_on]
