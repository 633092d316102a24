"""How many programs wait for the end of another's transaction, judged by pcscd's threads, without connecting.

A connect of our own would wait as well, and cannot be cancelled. Used by the child that talks to pcscd: started after
its first look at the readers, read before the second. Where no thread has the rhythm of a waiting one, this takes only
the time between the two looks; otherwise one second in all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from gpgdoctor.collect import processes
from gpgdoctor.facts import Maybe, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.sockets import Sockets
from gpgdoctor.system.threads import (
    RHYTHM_WINDOW_S,
    SLOWEST_PER_S,
    ThreadClock,
    is_counted,
    keeps_rhythm,
    times_scheduled,
    waits,
)

SAMPLE_EVERY_S = 0.04
SHORTEST_LOOK_S = 0.15  # long enough for a waiting thread to have run at least once


class Threads:
    """The threads of one pcscd, watched from now on. Which thread serves which client is not known, and not needed."""

    def __init__(self, pid: int) -> None:
        self._clock, self._main = ThreadClock(pid), pid
        self._samples: dict[int, list[tuple[float, int]]] = {}
        self._error: str | None = None if is_counted() else "this kernel does not count when threads run"
        try:
            self._threads = self._clock.threads() - {pid}
        except OSError:
            self._threads, self._error = frozenset(), "pcscd's threads are hidden"
        self._began_s = time.monotonic()
        self._sample()

    def _sample(self) -> None:
        now_s = time.monotonic()
        ran = self._clock.read(self._threads)  # those that have ended are not in it
        self._samples = {it: [*self._samples.get(it, ()), (now_s, times_scheduled(ran[it]))] for it in ran}

    def waiting(self, socket: str, least_s: float, deadline: Deadline) -> Maybe[int]:
        """How many programs wait; looks for ``least_s`` seconds, and longer where there is reason to.

        ``socket`` is pcscd's. A client that may simply be asking pcscd for something ten times a second is not counted.
        """
        try:
            self._sample_until(self._began_s + max(SHORTEST_LOOK_S, least_s))
            return Unknown.because(self._error) if self._error else self._count(socket, deadline)
        finally:
            self._clock.close()

    def _sample_until(self, end_s: float) -> None:
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, SAMPLE_EVERY_S))
            self._sample()

    def _count(self, socket: str, deadline: Deadline) -> Maybe[int]:
        if not self._is_suspicious():
            return 0
        clients = Clients(socket)
        while self._is_suspicious() and not self._is_enough():
            if not deadline.left():
                return Unknown.because("there was no time to see whether another program waits")
            self._sample_until(time.monotonic() + deadline.left(SAMPLE_EVERY_S))
        rhythmic = sum(map(waits, self._samples.values()))
        return max(0, rhythmic - clients.busy()) if rhythmic else 0

    def _is_enough(self) -> bool:
        return time.monotonic() - self._began_s >= RHYTHM_WINDOW_S + 2 * SAMPLE_EVERY_S

    def _is_suspicious(self) -> bool:
        """Whether some thread may have the rhythm, as far as it has been watched."""
        return any(map(keeps_rhythm, self._samples.values()))


class Clients:
    """The programs that are connected to pcscd, watched from now on.

    A program that is blocked inside pcscd does not run; one that asks pcscd ten times a second runs as often.
    """

    def __init__(self, socket: str) -> None:
        peers = [peer for peer in Sockets().peers(socket) if peer.inode]
        pids = proc.owners({peer.inode for peer in peers})
        self._unseen = 0
        watched = set(pids.values()) - {os.getpid()}
        for peer in peers:
            if peer.inode in pids:
                continue
            hidden = _scdaemons_of_mine() if peer.uid == os.geteuid() else set()
            watched |= hidden
            self._unseen += not hidden
        self._began_s, self._before = time.monotonic(), {pid: _busiest(pid) for pid in watched}

    def busy(self) -> int:
        """How many have run ten times a second since then, or may have."""
        seconds = time.monotonic() - self._began_s
        runs = (_most_runs(before, _busiest(pid)) for pid, before in self._before.items())
        return self._unseen + sum(count is None or count >= SLOWEST_PER_S * seconds for count in runs)


def _scdaemons_of_mine() -> set[int]:
    """scdaemon forbids ptrace, so its connections show no program."""
    return {pid for pid, role in processes.daemons().items() if role == "scdaemon" and proc.uid(pid) == os.geteuid()}


def _busiest(pid: int) -> dict[int, int] | None:
    """How often each thread of a process has run; None where that is not visible."""
    clock = ThreadClock(pid)
    try:
        return {thread: times_scheduled(text) for thread, text in clock.read(clock.threads()).items()}
    except OSError:
        return None
    finally:
        clock.close()


def _most_runs(before: dict[int, int] | None, after: dict[int, int] | None) -> int | None:
    if not before or not after:
        return None
    return max(_differences(before, after), default=0)


def _differences(before: dict[int, int], after: dict[int, int]) -> Iterable[int]:
    return (after[thread] - before[thread] for thread in before.keys() & after.keys())
