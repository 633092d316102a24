"""Turns a sequence of looks into events: what came and went, who took a card, who waits, who is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gpgdoctor.instruments.watch import look
from gpgdoctor.instruments.watch.attribution import Attribution
from gpgdoctor.instruments.watch.claims import Said
from gpgdoctor.instruments.watch.conflicts import PRESENT, Conflicts
from gpgdoctor.instruments.watch.look import Certainty, Look, least
from gpgdoctor.instruments.watch.matching import Matching
from gpgdoctor.instruments.watch.naming import Naming, Who
from gpgdoctor.instruments.watch.poll import Sight
from gpgdoctor.instruments.watch.timeline import Change, Event
from gpgdoctor.pcsc.wire import ReaderState
from gpgdoctor.system.record import replace


class Clients:
    """The programs of pcscd's clients: of those that are there, and of those that have just gone."""

    def __init__(self, naming: Naming) -> None:
        self._naming, self._matching = naming, Matching(naming.pid_of)
        self._serves: dict[int, frozenset[int]] = {}
        self._sure: frozenset[int] = frozenset()
        self._only_one = False  # program is connected

    def meet(self, sight: Sight) -> None:
        self._only_one = len(sight.peers) == 1
        ran = sight.look.ran if sight.look is not None else None
        self._serves.update(self._matching.narrow(sight.serves, ran, sight.sure))
        self._sure = sight.sure | (self._sure & self._serves.keys())

    def rest(self) -> None:
        """Time has passed, and nothing happened in pcscd."""
        self._matching.rest()

    def without_others(self, look: Look) -> Look:
        """Less the threads that were found to serve no connection: readers' own, and clients that are not visible."""
        others = look.connections - {client for client, found in self._serves.items() if found}
        if not others:
            return look
        ran = look.ran or frozenset()
        return replace(
            look,
            connections=look.connections - others,
            ran=None if look.ran is None else ran - others,
            strangers_ran=look.strangers_ran or bool(others & ran),
        )

    def forget(self, sight: Sight) -> None:
        for client in self._serves.keys() - sight.serves.keys():
            del self._serves[client]

    def of(self, clients: Collection[int], certainty: Certainty) -> tuple[Who, ...]:
        """The programs, one of which each of these clients is; the only one that is connected is a likely one."""
        connections = [it for client in clients for it in sorted(self._serves.get(client, ()))]
        by = self._named(clients, certainty, connections)
        if self._only_one and len(by) == 1 and by[0].certainty == "possible":
            return (replace(by[0], certainty="likely"),)
        return by

    def acting(self, clients: Collection[int], certainty: Certainty) -> tuple[Who, ...]:
        """The same for clients that did something just now: a program that slept did not."""
        return self._named(clients, certainty, [it for client in clients for it in sorted(self._may_be(client))])

    def _named(self, clients: Collection[int], certainty: Certainty, connections: list[int]) -> tuple[Who, ...]:
        named = least(certainty, *("certain" if client in self._sure else "likely" for client in clients))
        return self._naming.of(connections, named)

    def _may_be(self, client: int) -> frozenset[int]:
        """Its connections, less those whose program slept while the client's thread ran just now."""
        found = self._serves.get(client, frozenset())
        return found if client in self._sure else found - self._matching.asleep

    def may_be_scdaemon(self, client: int) -> bool:
        """Unless it is known to be another program, or one of several others."""
        found = self._serves.get(client)
        return not found or any(self._naming.may_be(connection, "scdaemon") for connection in found)

    def pid_of(self, client: int) -> int | None:
        """The process of a client, where it is known."""
        connections = self._serves.get(client, frozenset())
        return self._naming.pid_of(min(connections)) if len(connections) == 1 else None


class Observer:
    """Feed it the sights in order; each call answers what is new."""

    def __init__(self, began_s: float) -> None:
        """``began_s``: when the watch began, on the monotonic clock."""
        self._began_s, self._slept_s, self._at_s = began_s, 0.0, 0.0
        self._naming = Naming()
        self._clients = Clients(self._naming)
        self._pcscd: int | None = None
        self._readers: dict[str, ReaderState] | None = None
        self._states: tuple[ReaderState, ...] | None = None  # the same, as they came
        self._claims: Mapping[int, int] = {}
        self._samples: Mapping[int, bytes] = {}
        self._sharing: Mapping[str, int] = {}
        self._answered: Said | None = None  # the answers that were judged last
        self._there: set[int] = set()  # clients of the sight before
        self._stirred_s = self._asked_s = 0.0  # when somebody came last, and when scdaemon was asked last
        self._unexplained: dict[int, float] = {}  # scdaemons with a card that are no clients of pcscd, since when
        self._own_driver: dict[int, Event] = {}
        self._anew()
        self._first = True

    def _anew(self) -> None:
        """Another pcscd knows nothing of what was before."""
        self._attribution = Attribution()
        self._conflicts = Conflicts(self._clients)
        self._readers = self._states = None
        self._samples, self._sharing = {}, {}

    @property
    def at_s(self) -> float:
        """Seconds since the watch began, at the last look."""
        return self._at_s

    @property
    def wants_answers(self) -> bool:
        """Whether it matters now what scdaemon has."""
        return any(self._sharing.values()) or bool(self._unexplained)

    @property
    def knows_scdaemon(self) -> bool:
        """Whether one of mine answered when it was asked last, or may have come since: somebody connected to pcscd."""
        return bool(self._claims) or self._asked_s < self._stirred_s

    def see(self, sight: Sight, said: Said | None = None) -> list[Event]:
        """The events of one sight; ``said`` is what my scdaemons said last."""
        self._slept_s += sight.slept_s
        self._at_s = sight.at_s - self._began_s + self._slept_s
        self._note(said)
        self._naming.meet(sight.peers)
        self._clients.meet(sight)
        self._stir(sight)
        events = self._machine(sight)
        if sight.readers is not None and sight.readers is not self._states:
            events += self._readers_now(sight.readers)
        if sight.look is not None:
            known = self._clients.without_others(sight.look)
            events += [self._hold(change) for change in self._attribution.feed(known)]
            self._samples, self._sharing = sight.samples, sight.look.sharing
            events += self._conflicts.waits(self._at_s, self._samples, self._attribution, self._sharing)
            self._clients.forget(sight)
            self._naming.forget(sight.peers)
            self._first = False
        return events + self._answers(said, sight.at_s)

    def rest(self, now_s: float, said: Said | None = None) -> list[Event]:
        """The same where nothing happened in pcscd; ``now_s`` is on the monotonic clock."""
        self._at_s = now_s - self._began_s + self._slept_s
        self._note(said)
        self._clients.rest()
        events = []
        if any(self._sharing.values()):
            events = self._conflicts.waits(self._at_s, self._samples, self._attribution, self._sharing)
        return events + self._answers(said, now_s)

    def _stir(self, sight: Sight) -> None:
        """Note when somebody came who may be a scdaemon of mine: also who has gone again already."""
        new = sight.serves.keys() - self._there
        if any(map(self._clients.may_be_scdaemon, new)) or (sight.came and not new):
            self._stirred_s = sight.at_s
        self._there = set(sight.serves)

    def _note(self, said: Said | None) -> None:
        if said is not None:
            self._claims, self._asked_s = said.cards, said.asked_s

    def _answers(self, said: Said | None, now_s: float) -> list[Event]:
        if said is None or (said is self._answered and not said.cards):
            return []
        self._answered = said
        readers = tuple((self._readers or {}).values())
        refusals = self._conflicts.refusals(self._at_s, said, readers, self._attribution)
        return refusals + self._by_own_driver(said, now_s)

    # -- the machine, pcscd, readers, cards -----------------------------------------------------------------------

    def _machine(self, sight: Sight) -> list[Event]:
        events = []
        if sight.slept_s:
            events.append(Event(t_s=self._at_s, kind="slept", change="over", for_s=sight.slept_s))
        before, self._pcscd = self._pcscd, sight.pcscd
        if sight.pcscd != before:
            change: Change = (
                "ended" if sight.pcscd is None else "replaced" if before else "found" if self._first else "started"
            )
            who = (Who(pid=sight.pcscd, program="pcscd", certainty="certain"),) if sight.pcscd else ()
            events.append(Event(t_s=self._at_s, kind="pcscd", change=change, by=who))
            self._anew()
        return events

    def _since(self, change: Change) -> Change:
        """At the first look, what is there was there before."""
        return "found" if self._first or self._readers is None else change

    def _readers_now(self, readers: tuple[ReaderState, ...]) -> list[Event]:
        before, now = self._readers or {}, {reader.name: reader for reader in readers}
        new = self._since("came")
        events = [self._event("reader", "left", name) for name in before.keys() - now.keys()]
        for name, reader in now.items():
            if name not in before:
                events.append(self._event("reader", new, name))
            had, has = name in before and _has_card(before[name]), _has_card(reader)
            if has and not had:
                events.append(self._event("card", "came" if name in before else new, name))
            elif had and not has:
                events.append(self._event("card", "left", name))
        self._readers, self._states = now, readers
        return events

    def _event(self, kind: str, change: Change, reader: str) -> Event:
        return Event(t_s=self._at_s, kind="reader" if kind == "reader" else "card", change=change, reader=reader)

    # -- holds ----------------------------------------------------------------------------------------------------

    def _hold(self, change: look.Change) -> Event:
        who = self._clients.acting if change.kind == "take" and not self._first else self._clients.of
        held_s = None if change.since_s is None else max(0.0, change.at_s - change.since_s)
        return Event(
            t_s=self._at_s,
            kind=change.kind,
            change="over" if change.kind == "release" else self._since("began"),
            reader=change.reader,
            share=change.share,
            by=self._confirmed(who(change.connections, change.certainty), change.certainty),
            for_s=held_s,
        )

    def _confirmed(self, by: tuple[Who, ...], certainty: Certainty) -> tuple[Who, ...]:
        """A program that was only guessed, and is a scdaemon that says that it has a card, is no guess."""
        if len(by) == 1 and by[0].pid is not None and self._claims.get(by[0].pid):
            return (replace(by[0], certainty=certainty),)
        return by

    def _by_own_driver(self, said: Said, now_s: float) -> list[Event]:
        """A scdaemon that has a card but is no client of pcscd has it by its own driver."""
        alone = {pid for pid, cards in said.cards.items() if cards and not self._naming.may_be_connected(pid)}
        self._unexplained = {pid: self._unexplained.get(pid, now_s) for pid in alone}
        driving = {pid for pid, since_s in self._unexplained.items() if said.asked_s > since_s}
        events = []
        for pid in [it for it in self._own_driver if it not in driving]:
            took = self._own_driver.pop(pid)
            events.append(replace(took, t_s=self._at_s, kind="release", change="over", for_s=self._at_s - took.t_s))
        for pid in driving - self._own_driver.keys():
            who = Who(pid=pid, program="scdaemon", certainty="certain")
            change = self._since("began")
            took = Event(t_s=self._at_s, kind="take", change=change, share="exclusive", by=(who,))
            self._own_driver[pid] = took
            events.append(took)
        return events


def _has_card(reader: ReaderState) -> bool:
    return bool(reader.state & PRESENT)
