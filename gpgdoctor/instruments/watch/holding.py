"""Who holds the card of a reader, as far as it was seen, and how active clients usually are. Pure."""

from __future__ import annotations

from collections.abc import Collection

from gpgdoctor.instruments.watch.look import Certainty, Look, Share
from gpgdoctor.system.record import Record, replace

REMEMBERED = 0.998  # of what a connection did 25 s ago, at 20 looks a second, a third still counts
YOUNG_LOOKS = 10
QUIET_SHARE = 0.05


class Hold(Record):
    since_s: float
    share: Share
    certainty: Certainty
    handles: int = 1


class Unnamed(Record):
    """A hold that is one of several clients', or a client's that is not visible (``candidates`` empty)."""

    since_s: float
    share: Share
    candidates: frozenset[int]


class Holders:
    """Who holds the card of one reader: together always as many handles as pcscd counts."""

    def __init__(self) -> None:
        self.named: dict[int, Hold] = {}
        self.unnamed: list[Unnamed] = []

    @property
    def handles(self) -> int:
        return sum(hold.handles for hold in self.named.values()) + len(self.unnamed)

    def narrow(self, connections: frozenset[int]) -> None:
        """A hold outlives no connection: where one of several candidates is left, it is that one's."""
        kept = []
        for hold in self.unnamed:
            left = hold.candidates & connections
            if hold.candidates and len(left) == 1 and not left & self.named.keys():
                self.named[min(left)] = Hold(since_s=hold.since_s, share=hold.share, certainty="likely")
            else:
                kept.append(replace(hold, candidates=left))
        self.unnamed = kept

    def pool(self, connections: Collection[int]) -> None:
        """From now on nobody knows which of these still holds the card."""
        for connection in connections:
            hold = self.named.pop(connection)
            one = Unnamed(since_s=hold.since_s, share=hold.share, candidates=frozenset(connections))
            self.unnamed += [one] * hold.handles


class Habits:
    """How often each connection's thread runs while nobody takes a card or lets go; holders are counted apart.

    Most clients ask pcscd for nothing in between, so that when their thread runs, it is for a card.
    """

    def __init__(self) -> None:
        # Of so many looks, it ran in so many; older ones count less.
        self._seen: dict[tuple[int, bool], tuple[float, float]] = {}

    def note(self, look: Look, holders: Collection[int]) -> None:
        """Take in a look at which nothing changed."""
        if look.ran is None:
            return
        for connection in look.connections:
            key = connection, connection in holders
            looks, times = self._seen.get(key, (0.0, 0.0))
            self._seen[key] = looks * REMEMBERED + 1, times * REMEMBERED + (connection in look.ran)

    def rest(self, number: int, connections: Collection[int], holders: Collection[int]) -> None:
        """Take in so many looks at which nothing ran."""
        kept = REMEMBERED**number
        for connection in connections:
            key = connection, connection in holders
            looks, times = self._seen.get(key, (0.0, 0.0))
            self._seen[key] = looks * kept + (1 - kept) / (1 - REMEMBERED), times * kept

    def forget(self, connections: Collection[int]) -> None:
        """Keep those of these connections alone."""
        self._seen = {key: seen for key, seen in self._seen.items() if key[0] in connections}

    def is_quiet(self, connection: int, *, holds: bool) -> bool:
        """Whether its thread rarely runs without taking a card; one that has just connected did so for the card."""
        looks, times = self._seen.get((connection, holds), (0.0, 0.0))
        return looks < YOUNG_LOOKS or (times + 0.5) / (looks + 1) <= QUIET_SHARE
