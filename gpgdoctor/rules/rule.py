"""What a rule is, what it returns, and how it is registered. README.md here: how to add one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from gpgdoctor.facts import Facts, known
from gpgdoctor.system.record import Record

Severity = Literal["info", "warning", "error"]
Certainty = Literal["certain", "likely", "possible"]
Applicability = Literal["safe", "costly", "manual"]

RANK: dict[str, int] = {"info": 0, "warning": 1, "error": 2}


class NotApplicable(Exception):
    """Raised by a rule that has nothing to judge here; the message says why."""


class Passes(Exception):
    """Raised by a subject function where the rule holds without any subject; the message says why."""


class Culprit(Record):
    pid: int | None
    program: str
    user: str | None
    certainty: Certainty


class Advice(Record):
    """What only a person can do: a sentence, and commands ready to run."""

    text: str
    commands: tuple[tuple[str, ...], ...] = ()


class LineChange(Record):
    """A line of a configuration file that is to be rewritten, or commented out where ``text`` is None."""

    path: str
    line: int
    text: str | None


class Cure(Record):
    """What would help, before anybody has looked whether the file may be written: plan/plan.py does that."""

    applicability: Applicability
    costs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()  # to be in force in the user's scdaemon.conf
    changes: tuple[LineChange, ...] = ()
    restart: bool = False
    advice: tuple[Advice, ...] = ()


class Found(Record):
    """A rule's judgement: something is wrong. ``because`` are places in the facts: "readers[0].state"."""

    severity: Severity
    summary: str
    because: tuple[str, ...]
    effect: str | None = None
    culprits: tuple[Culprit, ...] = ()
    cure: Cure | None = None
    note: str | None = None  # what would show more, or what looks the same


class Subject(Record):
    """What one judgement of a rule is about: a reader, a file, a program."""

    name: str | None
    index: int = 0


SubjectsOf = Callable[[Facts], Iterable[Subject]]


class Rule(Record):
    id: str
    name: str
    title: str  # a positive sentence: it serves for pass and fail
    worst: Severity  # the highest severity of its findings
    judge: Callable[..., Found | None]
    each: SubjectsOf | None
    needs: tuple[str, ...]  # where one of them is found, this rule is folded under it
    not_behind_info: tuple[str, ...]  # but not under one of these that is for information only: it explains no failure
    consequence_of: tuple[str, ...]  # where one of them is found, this finding is its consequence
    nothing: str  # why there is no subject, where there is none


_registry: dict[str, Rule] = {}


def rule(
    id: str,
    name: str,
    title: str,
    *,
    worst: Severity,
    each: SubjectsOf | None = None,
    needs: tuple[str, ...] = (),
    not_behind_info: tuple[str, ...] = (),
    consequence_of: tuple[str, ...] = (),
    nothing: str = "there is nothing to check",
) -> Callable[[Callable[..., Found | None]], Callable[..., Found | None]]:
    """Register a pure function: ``judge(facts)``, or ``judge(facts, index)`` once for each subject.

    It returns Found where something is wrong, None where all is well, raises NotApplicable where it has
    nothing to judge, and lets NotKnown through.
    """

    def register(judge: Callable[..., Found | None]) -> Callable[..., Found | None]:
        if id in _registry:
            raise ValueError(f"{id} is taken")
        _registry[id] = Rule(
            id=id,
            name=name,
            title=title,
            worst=worst,
            judge=judge,
            each=each,
            needs=needs,
            not_behind_info=not_behind_info,
            consequence_of=consequence_of,
            nothing=nothing,
        )
        return judge

    return register


def registered() -> dict[str, Rule]:
    """Every rule that was registered so far, by id."""
    return _registry


def readers(facts: Facts) -> list[Subject]:
    """A subject for each reader that PC/SC lists."""
    return [Subject(name=reader.name, index=number) for number, reader in enumerate(known(facts.readers))]
