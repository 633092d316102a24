"""Conflicts while they last: who waits for a card, and whether my scdaemon has none because another has it.

PC/SC leaves no trace of a refused connect. So a refusal is this: my scdaemon runs without a card for a second, while
the reader that it wants is held by another program; or, where it takes any, every reader that has a card.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from gpgdoctor.instruments.watch.attribution import Attribution
from gpgdoctor.instruments.watch.claims import Said
from gpgdoctor.instruments.watch.holding import Holders
from gpgdoctor.instruments.watch.look import Certainty, least
from gpgdoctor.instruments.watch.naming import Who
from gpgdoctor.instruments.watch.timeline import Event
from gpgdoctor.instruments.watch.waiting import Wait, Waiting
from gpgdoctor.instruments.watch.wants import Wants
from gpgdoctor.pcsc.wire import ReaderState
from gpgdoctor.system.record import Record, replace

REFUSED_AFTER_S = 1.0
PRESENT = 0x0004  # SCARD_PRESENT, as pcscd keeps it


class _Refusal(Record):
    since_s: float
    event: Event | None = None  # once it was told


class Names(Protocol):
    """Who a client is."""

    def of(self, clients: Collection[int], certainty: Certainty) -> tuple[Who, ...]: ...
    def pid_of(self, client: int) -> int | None: ...


class Conflicts:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._waiting = Waiting(names.pid_of)
        self._waits: dict[int, Event] = {}
        self._refusals: dict[int, _Refusal] = {}

    # -- waits ----------------------------------------------------------------------------------------------------

    def waits(
        self, at_s: float, samples: Mapping[int, bytes], attribution: Attribution, sharing: Mapping[str, int]
    ) -> list[Event]:
        """Waits that began or are over; ``sharing`` is how many connections each reader has."""
        held = [reader for reader, count in sharing.items() if count > 0]  # an exclusive holder makes nobody wait
        holding = {it for reader in held for it in attribution.holders(reader).named}
        self._waiting.feed(at_s, samples, holding, held=bool(held))
        now = self._waiting.now
        events = [
            replace(event, t_s=at_s, change="over", for_s=at_s - event.t_s)
            for event in [self._waits.pop(it) for it in list(self._waits) if it not in now]
        ]
        for connection in now.keys() - self._waits.keys():
            event = self._began(at_s, now[connection], {reader: attribution.holders(reader) for reader in held})
            if event is not None:
                self._waits[connection] = event
                events.append(event)
        return events

    def _began(self, at_s: float, wait: Wait, held: Mapping[str, Holders]) -> Event | None:
        its = [reader for reader, holders in held.items() if wait.connection in holders.named]
        readers = its or list(held)
        others = [connection for reader in readers for connection in _others(held[reader], wait.connection)]
        unnamed = any(held[reader].unnamed for reader in readers)
        if not others and not unnamed:
            return None  # it has the card, and nobody else does
        certainty: Certainty = "certain" if len(others) == 1 and not unnamed else "possible"
        least_sure = least(certainty, *(hold.certainty for reader in readers for hold in held[reader].named.values()))
        return Event(
            t_s=at_s,
            kind="wait",
            change="began",
            reader=readers[0] if len(readers) == 1 else None,
            share="shared",
            by=self._names.of([wait.connection], wait.certainty),
            holders=self._names.of(others, least_sure),
        )

    # -- refusals -------------------------------------------------------------------------------------------------

    def refusals(
        self, at_s: float, said: Said, readers: Sequence[ReaderState], attribution: Attribution
    ) -> list[Event]:
        """My scdaemons that go without a card, and those that do no longer."""
        lost = {pid: _lost_by(said.wants.get(pid), readers) for pid, cards in said.cards.items() if not cards}
        without = {pid: reader for pid, reader in lost.items() if reader is not None}
        events = []
        for pid in [it for it in self._refusals if it not in without]:
            ended = self._refusals.pop(pid).event
            if ended is not None:
                events.append(replace(ended, t_s=at_s, change="over", for_s=at_s - ended.t_s))
        for pid, reader in without.items():
            refusal = self._refusals.setdefault(pid, _Refusal(since_s=at_s))
            if refusal.event is None and at_s - refusal.since_s >= REFUSED_AFTER_S:
                event = self._refused(at_s, pid, reader, attribution.holders(reader.name))
                self._refusals[pid] = replace(refusal, event=event)
                events.append(event)
        return events

    def _refused(self, at_s: float, pid: int, reader: ReaderState, holders: Holders) -> Event:
        by = Who(pid=pid, program="scdaemon", certainty="certain")
        named = [self._names.of([connection], hold.certainty) for connection, hold in holders.named.items()]
        guesses = [self._names.of(sorted(hold.candidates), "possible") for hold in holders.unnamed]
        return Event(
            t_s=at_s,
            kind="refused",
            change="began",
            reader=reader.name,
            share="exclusive" if reader.sharing < 0 else "shared",
            by=(by,),
            holders=tuple(dict.fromkeys(who for group in (*named, *guesses) for who in group if who.pid != pid)),
        )


def _lost_by(wants: Wants | None, readers: Sequence[ReaderState]) -> ReaderState | None:
    """The reader that another program has, so that this scdaemon goes without; None where it could have one."""
    index = None if wants is None else wants.reader([reader.name for reader in readers])
    wanted = readers if index is None else readers[index : index + 1]
    with_card = [reader for reader in wanted if reader.state & PRESENT]
    if any(reader.sharing == 0 or (reader.sharing > 0 and wants and wants.shares) for reader in with_card):
        return None
    return next(iter(with_card), None)


def _others(holders: Holders, connection: int) -> list[int]:
    guessed = {it for hold in holders.unnamed for it in hold.candidates}
    return [it for it in {**holders.named, **dict.fromkeys(guessed)} if it != connection]
