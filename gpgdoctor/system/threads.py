"""When the threads of a process ran, and which of pcscd's threads serves which connection.

pcscd starts one thread for each connection (pcsc-lite src/winscard_svc.c, CreateContextThread), and the kernel
shows everybody when a thread ran: /proc/PID/task/TID/schedstat (nanoseconds run, nanoseconds
waited, times scheduled). Kernels without CONFIG_SCHED_INFO show zeros or no file, hidepid shows nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise

SCHEDSTAT_BYTES = 80
STAT_BYTES = 1024
SCHEDULER_CLOCK = 2  # CPUCLOCK_SCHED
OTHER_LINKS = 2  # of a process's directory of threads; it has one more for each (fs/proc/base.c, proc_task_getattr)

# A thread that waits for another's transaction looks again every 100 ms: for SCardConnect inside pcscd
# (winscard.c, SYS_USleep(PCSCLITE_LOCK_POLL_RATE)), for the other calls the client asks as often (winscard_clnt.c).
POLL_S = 0.1
RHYTHM_WINDOW_S, LONG_WINDOW_S = 0.8, 2.0
SLOWEST_PER_S, FASTEST_PER_S = 8.0, 10.6
LONGEST_PAUSE_S = 0.14
ASKED_AT_ONCE = 3  # a client sends a header, a body and its data or another question, and each may wake the thread
STRADDLING = 1.2  # some of these bursts are seen in two steps

INODE_BATCH = 1024  # LAST_INO_BATCH


class ThreadClock:
    """The threads of one process, with the kernel's counters. Files stay open, because every look reads them all."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._directory = f"/proc/{pid}/task"
        self._open_directory: int | None = None
        self._files: dict[int, int] = {}
        self._listed: frozenset[int] = frozenset()
        self._has_lost = True  # one of those that were listed

    def threads(self, *, anew: bool = False) -> frozenset[int]:
        """The numbers of its threads; raises OSError where the process is gone or hidden.

        Listed only where their number changed, or one had ended when it was read; ``anew``: in any case.
        """
        if self._open_directory is None:
            self._open_directory = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        number = os.fstat(self._open_directory).st_nlink - OTHER_LINKS
        if anew or self._has_lost or number != len(self._listed):
            self._listed, self._has_lost = frozenset(map(int, os.listdir(self._directory))), False
        return self._listed

    def read(self, threads: Iterable[int]) -> dict[int, bytes]:
        """The schedstat of each of these threads; those that have ended are left out."""
        found = {}
        for thread in threads:
            try:
                file = self._files.get(thread)
                if file is None:
                    file = os.open(f"/proc/{self.pid}/task/{thread}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
                    self._files[thread] = file
                found[thread] = os.pread(file, SCHEDSTAT_BYTES, 0)
            except OSError:
                self._forget(thread)
                self._has_lost = True
        if len(found) < len(self._files):
            for thread in self._files.keys() - found.keys():
                self._forget(thread)
        return found

    def _forget(self, thread: int) -> None:
        file = self._files.pop(thread, None)
        if file is not None:
            os.close(file)

    def close(self) -> None:
        for thread in list(self._files):
            self._forget(thread)
        if self._open_directory is not None:
            os.close(self._open_directory)
            self._open_directory = None


def is_counted() -> bool:
    """Whether this kernel counts at all how often threads run."""
    try:
        with open("/proc/self/schedstat", "rb") as own:
            return times_scheduled(own.read(SCHEDSTAT_BYTES)) > 0
    except OSError:
        return False


def times_scheduled(schedstat: bytes) -> int:
    """How often a thread was put on a processor; 0 for a text that does not say."""
    words = schedstat.split()
    return int(words[2]) if len(words) == 3 and words[2].isdigit() else 0


class Group:
    """Threads and connections that belong together in an unknown order; some of the threads may serve none."""

    def __init__(self, threads: Iterable[int], connections: Iterable[int], *, sure: bool) -> None:
        """``sure``: one of each, and they belong together."""
        self.threads, self.connections, self.sure = set(threads), set(connections), sure


class Pairing:
    """Which thread of pcscd serves which connection, as far as their starts and ends show.

    pcscd accepts a connection before it starts the thread, and closes it before the thread ends. A thread and a
    connection that came alone between two looks belong together, and several by age, where their inodes show it: each
    processor hands out a batch of its own, in order (fs/inode.c, get_next_ino). What else came at once, or was there at
    the first look, is a group until its members leave it. Other threads serve the readers and the bus, or clients of
    other network namespaces.
    """

    def __init__(self) -> None:
        self._groups: list[Group] = []
        self._known: set[int] | None = None  # threads of the look before
        self._waiting: set[int] = set()  # connections that had no thread yet at the look before
        self._pending: set[int] = set()  # threads that came while there were such connections

    def update(self, threads: Collection[int], connections: Collection[int]) -> bool:
        """Take what is there now; False where a connection is left without a thread."""
        for group in self._groups:
            group.threads.intersection_update(threads)
            group.connections.intersection_update(connections)
        self._groups = [it for it in self._groups if it.threads]
        loose = set(connections).difference(*(it.connections for it in self._groups))
        self._pending = (self._pending & set(threads)) | (set(threads) - (self._known or set()))
        if loose and len(self._pending) >= len(loose):
            seen_coming = self._known is not None and not loose & self._waiting and len(self._pending) == len(loose)
            if seen_coming and len({(inode - 1) // INODE_BATCH for inode in loose}) == 1:
                pairs = zip(sorted(self._pending), sorted(loose), strict=True)
                self._groups += [Group({thread}, {connection}, sure=True) for thread, connection in pairs]
            else:
                self._groups.append(Group(self._pending, loose, sure=False))
            loose = set()
        if not loose:
            self._pending = set()
        self._known, self._waiting = set(threads), loose
        return not loose

    @property
    def serves(self) -> dict[int, frozenset[int]]:
        """The connections that each thread may serve: one where it is known, none where that has been closed."""
        return {thread: frozenset(group.connections) for group in self._groups for thread in group.threads}

    @property
    def sure(self) -> frozenset[int]:
        """Threads whose connection is beyond doubt."""
        return frozenset(thread for group in self._groups if group.sure for thread in group.threads)


def waits(samples: Sequence[tuple[float, int]], at_once: int = 1) -> bool:
    """Whether a thread looks every 100 ms for the end of another's transaction.

    ``samples`` are (seconds, times scheduled), oldest first; ``at_once`` is how often it is scheduled for each look:
    once where pcscd itself waits in SCardConnect, up to ASKED_AT_ONCE where the client asks, and then it must last
    longer to be distinguished from other work. A client that asks pcscd for anything else exactly ten times a second
    looks the same, but its own process runs as often; the one that is blocked in SCardConnect does not run at all.
    """
    window_s = RHYTHM_WINDOW_S if at_once == 1 else LONG_WINDOW_S
    enough = (at for at in range(len(samples) - 1, -1, -1) if samples[-1][0] - samples[at][0] >= window_s)
    begin = next(enough, None)
    if begin is None:
        return False
    recent = samples[begin:]
    rate = (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])
    if not SLOWEST_PER_S <= rate <= FASTEST_PER_S * at_once:
        return False
    return keeps_rhythm(recent, at_once) and (at_once == 1 or _comes_in_bursts(recent))


def _comes_in_bursts(samples: Sequence[tuple[float, int]]) -> bool:
    """Whether it ran in no more of the steps than there were looks; work spread evenly runs in all of them."""
    active = sum(later > earlier for (_, earlier), (_, later) in pairwise(samples))
    return active <= FASTEST_PER_S * STRADDLING * (samples[-1][0] - samples[0][0])


def keeps_rhythm(samples: Sequence[tuple[float, int]], at_once: int = 1) -> bool:
    """Whether nothing in these samples speaks against a look every 100 ms, be they too few to tell."""
    ran_s = samples[0][0] if samples else 0.0
    for (before_s, earlier), (now_s, later) in pairwise(samples):
        if later - earlier > at_once * (1 + int((now_s - before_s) / POLL_S + 0.1)):
            return False
        if later > earlier:
            ran_s = now_s
        elif now_s - ran_s > LONGEST_PAUSE_S:
            return False
    return True


def scheduled(pid: int) -> int | None:
    """How often all threads of a process together were put on a processor; None where that is not visible."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            path = f"/proc/{pid}/task/{thread}/schedstat"
            with suppress(FileNotFoundError, ProcessLookupError), open(path, "rb") as file:
                total += times_scheduled(file.read(SCHEDSTAT_BYTES))
    except OSError:
        return None
    return total


def processor_time_ns(pid: int) -> int | None:
    """How long all threads of a process together have run; None where it is gone.

    By the process's own clock, which everybody may read (clock_getcpuclockid(3); the number is made as the kernel's
    include/linux/posix-timers.h has it). What runs right now counts only once it is off its processor, or at the
    next tick: see is_running.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | SCHEDULER_CLOCK)
    except OSError:
        return None


def is_running(pid: int) -> bool:
    """Whether a thread of a process is on a processor, or ready to be; where that is not visible, too."""
    try:
        return any(_state(f"/proc/{pid}/task/{thread}/stat") == b"R" for thread in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return True


def _state(path: str) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError), open(path, "rb", buffering=0) as file:
        return file.read(STAT_BYTES).rpartition(b")")[2].lstrip()[:1]
    return b""


def ran(before: Mapping[int, bytes], after: Mapping[int, bytes]) -> set[int]:
    """The threads that ran between two looks; those that came or ended in between did."""
    return {thread for thread, _ in before.items() ^ after.items()}
