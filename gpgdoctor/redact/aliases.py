"""Aliases for private values, the same for the same value, and a ledger of how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterable

FIRST_PERSON, NOBODY = 1000, 65534
INIT = 1
# What was redacted before keeps its kind, so that redacting twice changes nothing more.
ALIAS = re.compile(r"(address|host|key|mail|name|path|serial|url|user|value)[1-9]\d{0,5}")


class Aliases:
    """What was redacted, by kind. Pids, inodes and times are not counted: every report has them."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, str]] = {}
        self._counted: dict[str, set[str]] = {}
        self._uids: dict[int, int] = {}
        self.pids = Ranks(101)  # so pids start at 101
        self.inodes = Ranks(1)

    def alias(self, kind: str, original: str) -> str:
        """serial1, user2: numbered as they come."""
        before = ALIAS.fullmatch(original)
        names = self._names.setdefault(before[1] if before else kind, {})
        return names.setdefault(original, f"{before[1] if before else kind}{len(names) + 1}")

    def count(self, kind: str, original: str) -> None:
        """Count something that was taken out and needs no alias."""
        self._counted.setdefault(kind, set()).add(original)

    def uid(self, uid: int) -> int:
        """A person's uid, as it would be on a machine with only the users of this report."""
        if uid < FIRST_PERSON or uid == NOBODY:
            return uid
        return self._uids.setdefault(uid, FIRST_PERSON + len(self._uids))

    def pid(self, pid: int) -> int:
        return pid if pid <= INIT else self.pids.of(pid)

    def ledger(self) -> dict[str, int]:
        """How many things of each kind were redacted."""
        return {kind: len(found) for kind, found in sorted({**self._names, **self._counted}.items())}


class Ranks:
    """Numbers in place of numbers: their order is kept, and nothing else of them."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._ranks: dict[int, int] = {}

    def learn(self, numbers: Iterable[int]) -> None:
        known = sorted({*self._ranks, *numbers})
        self._ranks = {number: self._first + rank for rank, number in enumerate(known)}

    def of(self, number: int) -> int:
        """The rank of a number that was learnt; others come after all of these."""
        return self._ranks.setdefault(number, self._first + len(self._ranks))
