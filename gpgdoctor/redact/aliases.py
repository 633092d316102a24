"""The names that stand for private things, the same for the same thing, and a ledger of how many there are."""

from __future__ import annotations

FIRST_PERSON = 1000
NOBODY = 65534


class Aliases:
    """What was redacted, by kind."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, str]] = {}
        self._counts: dict[str, int] = {}
        self._uids: dict[int, int] = {}

    def alias(self, kind: str, original: str) -> str:
        """serial1, user2: numbered as they come."""
        names = self._names.setdefault(kind, {})
        return names.setdefault(original, f"{kind}{len(names) + 1}")

    def count(self, kind: str) -> None:
        """Something was taken out that needs no name of its own."""
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def forget_counts(self) -> None:
        """What was counted is looked at again."""
        self._counts.clear()

    def uid(self, uid: int) -> int:
        """A person's number, as it would be on a machine that has nobody but the people of this report."""
        if uid < FIRST_PERSON or uid == NOBODY:
            return uid
        return self._uids.setdefault(uid, FIRST_PERSON + len(self._uids))

    def ledger(self) -> dict[str, int]:
        """How many things of each kind were redacted."""
        named = {kind: len(names) for kind, names in self._names.items()}
        return dict(sorted({**named, **self._counts}.items()))
