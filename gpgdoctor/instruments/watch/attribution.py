"""Concludes from looks at pcscd who took a card and who let go of it, and how certain that is. Pure.

pcscd says how many connections a reader has (-1: one, exclusive), not whose. The kernel says whose thread ran since
the last look: a count that rose while one thread ran is that connection's. Connections are named by the inode of
pcscd's end of the socket.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from gpgdoctor.instruments.watch.holding import Habits, Hold, Holders, Unnamed
from gpgdoctor.instruments.watch.look import EXCLUSIVE, Certainty, Change, Look, Share, least
from gpgdoctor.system.record import replace


class Attribution:
    """Follows the counts of all readers; feed it the looks in order."""

    def __init__(self) -> None:
        self._sharing: dict[str, int] = {}
        self._connections: frozenset[int] = frozenset()
        self._holders: dict[str, Holders] = {}
        self._habits = Habits()

    def holders(self, reader: str) -> Holders:
        """Who holds a card in that reader, as far as it was seen."""
        return self._holders.get(reader) or Holders()

    def feed(self, look: Look) -> list[Change]:
        """What changed since the look before."""
        if look.rests:
            self._habits.rest(look.rests, self._connections, self._named())
        for reader in self._sharing.keys() - look.sharing.keys():
            self._holders.pop(reader, None)
        changed = [name for name, count in look.sharing.items() if self._differs(name, count, look)]
        changes: list[Change] = []
        for name in changed:
            step = _Step(
                reader=name,
                look=look,
                was=self._sharing.get(name, 0),
                holders=self._holders.setdefault(name, Holders()),
                known=self._connections,
                habits=self._habits,
                alone=len(changed) == 1,
            )
            changes += step.changes()
        for holders in self._holders.values():
            holders.narrow(look.connections)
        if not changes:
            self._habits.note(look, self._named())
        if look.connections != self._connections:
            self._habits.forget(look.connections)
        self._sharing, self._connections = dict(look.sharing), look.connections
        return changes

    def _named(self) -> set[int]:
        return {it for holders in self._holders.values() for it in holders.named}

    def _differs(self, reader: str, count: int, look: Look) -> bool:
        named = self.holders(reader).named.keys()
        if count != self._sharing.get(reader, 0) or named - look.connections:
            return True
        return bool(look.ran and named & look.ran and look.ran - named)  # one may have taken over from another


class _Step:
    """One reader from one look to the next."""

    def __init__(
        self,
        *,
        reader: str,
        look: Look,
        was: int,
        holders: Holders,
        known: frozenset[int],
        habits: Habits,
        alone: bool,
    ) -> None:
        """``known``: the connections of the look before; ``alone``: at no other reader anything changed."""
        self._reader, self._look, self._holders, self._known, self._alone = reader, look, holders, known, alone
        self._habits = habits
        self._was, self._now = was, look.sharing[reader]
        self._before = frozenset(holders.named)

    def changes(self) -> list[Change]:
        if self._is_reconnect():
            return self._reconnect()
        closed = sorted(self._holders.named.keys() - self._look.connections)
        changes = [self._let_go(connection, "certain") for connection in closed]
        left, now = self._holders.handles, abs(self._now)
        if self._was != self._now and EXCLUSIVE in (self._was, self._now):
            return changes + self._releases(left) + self._takes(now)
        habitual = self._by_habits(now - left)
        if habitual is not None:
            return changes + habitual
        return changes + (self._takes(now - left) if now > left else self._releases(left - now))

    def _by_habits(self, more: int) -> list[Change] | None:
        """Where all quiet clients that ran took the card or let go, and that adds up; None where it does not."""
        if self._look.ran is None or EXCLUSIVE in (self._was, self._now):
            return None
        named = self._holders.named.keys()
        quiet = {it for it in self._look.ran & self._look.connections if self._habits.is_quiet(it, holds=it in named)}
        takers, leavers = sorted(quiet - named), sorted(quiet & named)
        if (
            not quiet
            or len(takers) - len(leavers) != more
            or any(self._holders.named[it].handles > 1 for it in leavers)
        ):
            return None
        sure: Certainty = "certain" if self._look.prompt and self._look.ran == set(leavers) else "likely"
        certainty = self._certainty_of_taking(takers, len(takers))
        return [self._let_go(it, sure) for it in leavers] + [self._take(it, certainty) for it in takers]

    def _is_reconnect(self) -> bool:
        """The only holder ran, and nobody else: it changed its own share mode (SCardReconnect)."""
        if {self._was, self._now} != {1, EXCLUSIVE} or self._look.strangers_ran or self._holders.unnamed:
            return False
        return len(self._before) == 1 and self._look.ran == self._before <= self._look.connections

    def _reconnect(self) -> list[Change]:
        ((connection, hold),) = self._holders.named.items()
        release = self._let_go(connection, hold.certainty)
        self._holders.named[connection] = replace(hold, share=self._share, since_s=self._look.at_s)
        return [release, self._change("take", self._share, (connection,), hold.certainty)]

    @property
    def _share(self) -> Share:
        return "exclusive" if self._now == EXCLUSIVE else "shared"

    # -- taking ---------------------------------------------------------------------------------------------------

    def _takes(self, number: int) -> list[Change]:
        if number == 0:
            return []
        candidates = self._takers(number)
        named = sorted(candidates) if len(candidates) <= number else []
        certainty = self._certainty_of_taking(named, number)
        changes = [self._take(connection, certainty) for connection in named]
        for _ in range(number - len(named)):
            who = frozenset() if named else frozenset(candidates)
            self._holders.unnamed.append(Unnamed(since_s=self._look.at_s, share=self._share, candidates=who))
            changes.append(self._change("take", self._share, sorted(who), "possible"))
        return changes

    def _take(self, connection: int, certainty: Certainty) -> Change:
        earlier = self._holders.named.get(connection)
        hold = Hold(since_s=self._look.at_s, share=self._share, certainty=certainty)
        self._holders.named[connection] = replace(earlier, handles=earlier.handles + 1) if earlier else hold
        return self._change("take", self._share, (connection,), certainty)

    def _takers(self, number: int) -> Collection[int]:
        """Who may have taken the card: as few candidates as the look allows."""
        free = self._look.connections - self._holders.named.keys()
        new = free - self._known
        if self._look.ran is None:
            return new or free or self._look.connections
        active = free & self._look.ran
        if len(active) > number and len(new & active) == number:
            return new & active  # who has just come, came for the card
        if len(active) == number and not any(self._habits.is_quiet(it, holds=False) for it in active):
            return active | self._doubtful()
        if active or self._look.strangers_ran:
            return active
        return self._look.connections & self._look.ran

    def _doubtful(self) -> frozenset[int]:
        """Clients that ran, and may not be the holders they are taken for."""
        ran = self._look.ran or frozenset()
        return frozenset(it for it, hold in self._holders.named.items() if it in ran and hold.certainty != "certain")

    def _certainty_of_taking(self, takers: Collection[int], number: int) -> Certainty:
        look = self._look
        if look.ran is None:
            return "likely" if len(takers) == number and len(look.connections - self._before) == number else "possible"
        beyond_doubt = look.prompt and not look.strangers_ran and self._alone
        nobody_else = look.ran == frozenset(takers) and len(takers) == number == 1 and not self._before & look.ran
        return "certain" if beyond_doubt and nobody_else else "likely"

    # -- letting go -----------------------------------------------------------------------------------------------

    def _releases(self, number: int) -> list[Change]:
        holders = self._holders
        if number == 0:
            return []
        if number >= holders.handles:
            asleep = frozenset() if self._look.ran is None else holders.named.keys() - self._look.ran
            named = [self._let_go(it, "likely" if it in asleep else "certain") for it in sorted(holders.named)]
            return named + [self._let_go_unnamed() for _ in range(len(holders.unnamed))]
        active = self._leavers()
        hidden = any(self._may_leave(hold) for hold in holders.unnamed)
        if len(active) == number and not hidden:
            certainty: Certainty = "likely" if self._look.ran is None or not self._look.prompt else "certain"
            return [self._let_go(connection, certainty, handles=1) for connection in active]
        holders.pool(active or ([] if hidden else sorted(holders.named)))
        if len(holders.unnamed) < number:
            holders.pool(sorted(holders.named))
        return [self._let_go_unnamed() for _ in range(number)]

    def _leavers(self) -> list[int]:
        named = self._holders.named.keys()
        return sorted(named if self._look.ran is None else named & self._look.ran)

    def _may_leave(self, hold: Unnamed) -> bool:
        return self._look.ran is None or not hold.candidates or bool(hold.candidates & self._look.ran)

    def _let_go_unnamed(self) -> Change:
        """Somebody let go who was not named when the card was taken, but may be now."""
        ran, unnamed = self._look.ran or frozenset(), self._holders.unnamed
        index = min(range(len(unnamed)), key=lambda at: abs(len(unnamed[at].candidates & ran) - 1))
        hold = unnamed.pop(index)
        closed = hold.candidates - self._look.connections
        who = hold.candidates & ran or closed or hold.candidates
        certainty: Certainty = "likely" if len(who) == 1 else "possible"
        return self._change("release", hold.share, sorted(who), certainty, hold.since_s)

    def _let_go(self, connection: int, certainty: Certainty, handles: int | None = None) -> Change:
        hold = self._holders.named.pop(connection)
        if handles is not None and handles < hold.handles:
            self._holders.named[connection] = replace(hold, handles=hold.handles - handles)
        return self._change("release", hold.share, (connection,), least(certainty, hold.certainty), hold.since_s)

    def _change(
        self,
        kind: Literal["take", "release"],
        share: Share,
        connections: Iterable[int],
        certainty: Certainty,
        since_s: float | None = None,
    ) -> Change:
        return Change(
            kind=kind,
            at_s=self._look.at_s,
            reader=self._reader,
            share=share,
            connections=tuple(connections),
            certainty=certainty,
            since_s=since_s,
        )
