"""Counts what documents say, one after the other, so that memory grows with the hosts and not with the documents."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gpgdoctor.fleet.envelopes import Failure, left_out
from gpgdoctor.fleet.looks import ALIAS, CERTAINTIES, HOLDING, SEVERITIES, VERDICTS, Cure, Found, Look, looks
from gpgdoctor.fleet.sources import Damaged, Source

K = TypeVar("K", bound=Hashable)

KEYS_LIMIT = 5000  # different programs, versions, cures: a real fleet has dozens
REASONS_LIMIT = 20  # of one check


@dataclass(slots=True)
class Group:
    """The hosts on which something is true, and the users there, if there are several."""

    hosts: dict[str, set[str]] = field(default_factory=dict)

    def add(self, host: str, users: Iterable[str] = ()) -> None:
        self.hosts.setdefault(host, set()).update(users)


@dataclass(slots=True)
class FindingGroup(Group):
    name: str = ""
    title: str = ""
    severities: dict[str, set[str]] = field(default_factory=dict)  # hosts
    programs: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class ProgramGroup(Group):
    certainty: str = CERTAINTIES[0]
    findings: set[str] = field(default_factory=set)


@dataclass(slots=True)
class CureGroup(Group):
    applicability: str = "manual"
    findings: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)  # hosts on which nothing else counts


@dataclass(slots=True)
class CheckGroup(Group):
    name: str = ""
    reasons: dict[str, None] = field(default_factory=dict)


G = TypeVar("G", bound=Group)


class Table(Generic[K, G]):
    """Groups by what they have in common; what comes after the limit is left out and counted."""

    def __init__(self, make: type[G]) -> None:
        self.groups: dict[K, G] = {}
        self.left_out = 0
        self._make = make

    def group(self, key: K) -> G:
        found = self.groups.get(key)
        if found is None:
            found = self._make()
            if len(self.groups) >= KEYS_LIMIT:
                self.left_out += 1
                return found
            self.groups[key] = found
        return found


class Tally:
    """All that a report says."""

    def __init__(self) -> None:
        self.documents = 0
        self.users_left_out = 0
        self.damaged: list[tuple[str, str]] = []  # files, and what is wrong with them
        self.failures: list[tuple[str, str]] = []  # hosts, and why they gave no document
        self.verdicts: dict[str, int] = dict.fromkeys(VERDICTS, 0)  # of hosts
        self.findings: Table[str, FindingGroup] = Table(FindingGroup)
        self.programs: Table[str, ProgramGroup] = Table(ProgramGroup)
        self.cures: Table[tuple[str, ...], CureGroup] = Table(CureGroup)
        self.unchecked: Table[str, CheckGroup] = Table(CheckGroup)
        self.gnupg: Table[str, Group] = Table(Group)
        self.pcsclite: Table[str, Group] = Table(Group)
        self.distributions: Table[str, Group] = Table(Group)

    @property
    def readable(self) -> bool:
        return bool(self.documents or self.failures)

    @property
    def hosts(self) -> int:
        return sum(self.verdicts.values())

    def add(self, source: Source) -> None:
        """One file: a host."""
        host = source.label
        if source.damage is not None:
            self.damaged.append((source.name, source.damage))
            return
        try:
            found = looks(source.content)
        except Damaged as damage:
            self.damaged.append((source.name, str(damage)))
            return
        seen = [look for look in found if isinstance(look, Look)]
        self.failures += [(host, look.reason) for look in found if isinstance(look, Failure)]
        if seen:
            self.users_left_out += left_out(source.content)
            self._add_host(host, seen)

    def _add_host(self, host: str, seen: list[Look]) -> None:
        self.documents += len(seen)
        self.verdicts[max((look.verdict for look in seen), key=VERDICTS.index)] += 1
        several = len({user for look in seen for user in look.users}) > 1
        for look in seen:
            self._add_versions(host, look)
            for found in look.findings:
                self._add_finding(host, found, (found.users or look.users) if several else ())
            for id, name, reason in look.unchecked:
                self._add_unchecked(host, id, name, reason)
        self._add_cures(host, [found for look in seen for found in look.findings])

    def _add_versions(self, host: str, look: Look) -> None:
        for version in look.gnupg:
            self.gnupg.group(version).add(host)
        self.pcsclite.group(look.pcsclite).add(host)
        self.distributions.group(look.distribution).add(host)

    def _add_finding(self, host: str, found: Found, users: tuple[str, ...]) -> None:
        group = self.findings.group(found.id)
        group.name, group.title = group.name or found.name, group.title or found.title
        group.add(host, users)
        group.severities.setdefault(found.severity, set()).add(host)
        for program, certainty in found.programs:
            # What redaction named is named so on this host alone.
            name = f"{program} on {host}" if ALIAS.search(program) else program
            if len(group.programs) < KEYS_LIMIT:
                group.programs[name] = None
            if HOLDING.fullmatch(found.id):
                self._add_holder(host, name, certainty, found.id, users)

    def _add_holder(self, host: str, program: str, certainty: str, id: str, users: tuple[str, ...]) -> None:
        group = self.programs.group(program)
        group.add(host, users)
        group.findings.add(id)
        group.certainty = max(group.certainty, certainty, key=CERTAINTIES.index)

    def _add_unchecked(self, host: str, id: str, name: str, reason: str) -> None:
        group = self.unchecked.group(id)
        group.name = group.name or name
        group.add(host)
        if len(group.reasons) < REASONS_LIMIT:
            group.reasons[reason] = None

    def _add_cures(self, host: str, findings: list[Found]) -> None:
        """Of causes alone: what follows from one goes with it."""
        ids = {found.id for found in findings}
        causes = [found for found in findings if found.counts and found.cause not in ids]
        keys = {_key(found) for found in causes}
        for found in causes:
            cure = found.cure or Cure("manual", ())
            group = self.cures.group(_key(found))
            group.add(host)
            group.applicability = cure.applicability
            group.findings |= {found.id, *(it.id for it in findings if it.cause == found.id)}
            if len(keys) == 1:
                group.whole.add(host)


def _key(found: Found) -> tuple[str, ...]:
    """What is the same cure: the same steps, or the same page of advice."""
    return found.cure.steps if found.cure and found.cure.steps else (found.id,)


def worst(group: FindingGroup) -> str:
    return max(group.severities, key=SEVERITIES.index)
