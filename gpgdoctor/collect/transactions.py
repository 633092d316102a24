"""Who waits for another's transaction, by pcscd's threads: without a connect of our own, which would wait as well.

Made for `check`: begin it with the first look at the readers, and ask after the second, 200 ms later. Where no thread
has the rhythm of one that waits, the answer costs nothing more; else it takes until a second has passed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from gpgdoctor.facts import Maybe, Unknown
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Peer
from gpgdoctor.system.threads import RHYTHM_WINDOW_S, Pairing, ThreadClock, is_counted, times_scheduled, waits

SAMPLE_EVERY_S = 0.04
SUSPICION_S = 0.15  # within it, a thread that waits has run once at least
MOST_IN_SUSPICION = 5


class Transaction(Record):
    """Somebody waits for the end of somebody else's transaction, or operation.

    At a first look nobody knows which thread serves which connection.
    """

    waiting: int
    """How many wait."""
    connections: frozenset[int]
    """Who waits and who lets them wait is among these, inodes of pcscd's ends."""


class Threads:
    """The threads of one pcscd, from now on. ``peers`` are its connections now."""

    def __init__(self, pid: int, peers: Sequence[Peer]) -> None:
        self._clock, self._pairing, self._main = ThreadClock(pid), Pairing(), pid
        self._connections = {peer.server for peer in peers if peer.server}
        self._samples: dict[int, list[tuple[float, int]]] = {}
        self._error: str | None = None if is_counted() else "this kernel does not count when threads run"
        try:
            self._pairing.update(self._clock.threads(), self._connections)
        except OSError:
            self._error = "pcscd's threads are hidden"
        self._sample()

    def _sample(self) -> None:
        now_s = time.monotonic()
        for thread, text in self._clock.read(self._pairing.serves.keys() - {self._main}).items():
            self._samples.setdefault(thread, []).append((now_s, times_scheduled(text)))

    def transaction(self, deadline: Deadline) -> Maybe[Transaction | None]:
        """What waits for what; None where nothing waits. Takes up to a second, where there is reason to."""
        try:
            return Unknown.because(self._error) if self._error else self._look(deadline)
        finally:
            self._clock.close()

    def _look(self, deadline: Deadline) -> Maybe[Transaction | None]:
        began_s = next(iter(self._samples.values()), [(time.monotonic(), 0)])[0][0]
        time.sleep(deadline.left(max(0.0, began_s + SUSPICION_S - time.monotonic())))
        self._sample()
        while self._is_suspicious() and time.monotonic() < began_s + RHYTHM_WINDOW_S + 2 * SAMPLE_EVERY_S:
            if not deadline.left():
                return Unknown.because("there was no time to see whether another program waits")
            time.sleep(deadline.left(SAMPLE_EVERY_S))
            self._sample()
        found = [thread for thread, samples in self._samples.items() if waits(samples)]
        if not found:
            return None
        return Transaction(waiting=len(found), connections=frozenset(self._connections))

    def _is_suspicious(self) -> bool:
        """Whether some thread has run, and not often."""
        counts = [
            (samples[-1][1] - samples[0][1], samples[-1][0] - samples[0][0]) for samples in self._samples.values()
        ]
        return any(0 < count <= MOST_IN_SUSPICION * (1 + seconds / SUSPICION_S) for count, seconds in counts)
