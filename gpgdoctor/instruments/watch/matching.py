"""Which connection belongs to which client, where pcscd's threads alone do not show it: its program must have run, too.

A client that asks pcscd for something runs before pcscd's thread does, and again for the answer. A thread that ran
while the program of a connection slept is not that connection's. Everybody may see when a process ran.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping

from gpgdoctor.system.threads import is_running, processor_time_ns

STRIKES = 2  # so often a thread must have run without a program before the two do not belong together
HITS = 3  # and so often with it, before nobody asks any more
SELDOM = 0.3  # a program that runs at more of the looks proves nothing by having run
PAUSE_LOOKS = 4  # a thread that ran a moment ago may be waiting inside pcscd, which needs no program

Serves = Mapping[int, frozenset[int]]


class Matching:
    """Feed it every look; ``process_of`` is the process of a connection, where that is visible."""

    def __init__(
        self,
        process_of: Callable[[int], int | None],
        time_run: Callable[[int], int | None] = processor_time_ns,
        runs_now: Callable[[int], bool] = is_running,
    ) -> None:
        """``time_run``: how long a process has run, in any unit; what ``runs_now`` may not be counted in it yet."""
        self._process_of, self._time_run, self._runs_now = process_of, time_run, runs_now
        self._strikes: Counter[tuple[int, int]] = Counter()
        self._hits: Counter[tuple[int, int]] = Counter()
        self._looks: Counter[int] = Counter()
        self._busy: Counter[int] = Counter()  # at so many of the looks its program ran
        self._times: deque[dict[int, int]] = deque(maxlen=3)
        self._open: set[int] = set()  # connections of which something is left to find out
        self._ran: deque[frozenset[int]] = deque(maxlen=PAUSE_LOOKS)
        self._settled: dict[int, int] = {}
        self._before: Serves | None = None
        self._narrowed: Serves = {}
        self.asleep: frozenset[int] = frozenset()
        """Connections whose program has not run since the look before the last: these asked pcscd for nothing."""

    def narrow(self, serves: Serves, ran: frozenset[int] | None, sure: Collection[int]) -> Serves:
        """The connections that each client may be, less those that it was seen not to be; ``sure`` needs no proof."""
        if serves is self._before and not self._open:  # nothing is left to find out
            self.asleep = frozenset()
            return self._narrowed
        self._settled = {client: it for client, it in self._settled.items() if it in serves.get(client, ())}
        doubtful = {client for client, found in serves.items() if client not in sure and self._is_open(client, found)}
        self._open = {it for client in doubtful for it in serves[client]}
        self._before = serves
        still = self._look()
        acting = doubtful & (ran or frozenset())
        self.asleep = self._asleep(still & {it for client in acting for it in serves[client]})
        for client in acting:
            if not any(client in earlier for earlier in self._ran):
                self._judge(client, serves[client])
        self._ran.append(ran or frozenset())
        left = {client: self._left(client, found) for client, found in serves.items()}
        self._settle({client: left[client] for client in doubtful})
        self._narrowed = _without_double(left)
        return self._narrowed

    def _is_open(self, client: int, connections: frozenset[int]) -> bool:
        """Whether there is something left to find out: it may be one of these, and nobody knows that it is."""
        return client not in self._settled and any(self._strikes[client, it] < STRIKES for it in connections)

    def rest(self) -> None:
        """The same for a look at which no client's thread ran, and none came or went."""
        if self._open:
            self._look()
            self._ran.append(frozenset())

    def _look(self) -> set[int]:
        """Connections whose programs did not run; those of settled ones are not looked at any more."""
        self._times.append(self._times_run(self._open))
        before, now = self._times[0], self._times[-1]
        still = {it for it in now if before.get(it) == now[it]} if len(self._times) == 3 else set()
        for connection in now:
            self._looks[connection] += 1
            self._busy[connection] += connection not in still
        return still

    def _times_run(self, connections: Collection[int]) -> dict[int, int]:
        times = {}
        for connection in connections:
            process = self._process_of(connection)
            time = self._time_run(process) if process is not None else None
            if time is not None:
                times[connection] = time
        return times

    def _asleep(self, still: Collection[int]) -> frozenset[int]:
        """Of these, the ones that sleep indeed: what runs at this moment is counted only afterwards."""
        asleep = [it for it in still if not self._runs_now(self._process_of(it) or 0)]
        now, before = self._times_run(asleep), self._times[-1]
        return frozenset(it for it in now if now[it] == before[it])

    def _judge(self, client: int, connections: Collection[int]) -> None:
        """The client's thread ran: whose program did, and whose did not?"""
        if len(self._times) == 3:
            for connection in connections:
                tally = self._strikes if connection in self.asleep else self._hits
                tally[client, connection] += 1

    def _left(self, client: int, connections: frozenset[int]) -> frozenset[int]:
        if client in self._settled:
            return frozenset({self._settled[client]})
        return frozenset(it for it in connections if self._strikes[client, it] < STRIKES)

    def _settle(self, doubtful: Serves) -> None:
        for client, left in doubtful.items():
            if len(left) == 1:
                (connection,) = left
                seldom = self._busy[connection] < SELDOM * self._looks[connection]
                if seldom and self._hits[client, connection] >= HITS and not self._strikes[client, connection]:
                    self._settled[client] = connection


def _without_double(serves: dict[int, frozenset[int]]) -> Serves:
    """Remove connections that are known to be another client's."""
    settled: set[int] = set()
    while True:
        single = {client: found for client, found in serves.items() if len(found) == 1 and client not in settled}
        if not single:
            return serves
        for client, found in single.items():
            settled.add(client)
            for other in serves:
                if other != client and len(serves[other]) > 1:
                    serves[other] = serves[other] - found or serves[other]
