"""Who is connected to pcscd, and which of its threads ran between two looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Peer, Sockets
from gpgdoctor.system.threads import Pairing, ThreadClock, processor_time_ns, ran

HIDDEN_INTERVAL_S = 0.2  # where pcscd's threads are hidden, its connections are listed this often


class Ran(Record):
    """What happened inside pcscd between two looks."""

    clients: frozenset[int] | None
    """The threads of clients that ran, also of those that have gone; None where that is not visible."""
    strangers: bool
    """A thread ran that is no known client's."""
    complete: bool
    """Every connection had its thread, all the time."""
    came: bool = False
    """Somebody connected, be it for a moment: pcscd's main thread does nothing else (winscard_msg_srv.c)."""


class Activity:
    """One pcscd. ``begin`` at each look, ``extend`` where a count has changed, then ``ran``.

    ``pid`` is None where its process is hidden, or threads are not counted: then only who is connected is known.
    """

    def __init__(self, path: str, pid: int | None) -> None:
        self._path = path
        self._clock = ThreadClock(pid) if pid is not None else None
        self._pairing, self._main = Pairing(), pid
        self._threads: frozenset[int] = frozenset()
        self._ran_ns: int | None = None  # how long the whole process had run when its threads were read last
        self._listed: tuple[frozenset[int], int | None] | None = None
        self._listed_s = 0.0
        self._first: dict[int, bytes] | None = None
        self._complete = False
        self.peers: dict[int, Peer] = {}
        """Every connection, ours too, by the inode of pcscd's end."""
        self.serves: dict[int, frozenset[int]] = {}
        """The clients, by the number of their thread in pcscd, and which connections each may be; where threads are
        hidden, by their connection."""
        self._sure: frozenset[int] = frozenset()
        self._earlier: Set[int] = frozenset()
        self.lists = 0
        """How often ``peers`` and ``serves`` were made anew: as long as it is the same, they are."""
        self.error: str | None = None
        """Why the kernel does not list sockets, where it does not."""

    @property
    def follows_threads(self) -> bool:
        return self._clock is not None

    def begin(self, own: int | None, now_s: float) -> None:
        """A new look. ``own`` is the inode of our end of our connection; raises OSError where pcscd has ended."""
        self._base, self._was_complete = self._first, self._complete
        self._earlier = self.serves.keys()
        if self._has_slept():
            self._last = self._first
            return
        self._refresh(own, now_s)
        self._first = self._last = self._read()
        if self._first is not None and len(self._first) < len(self._threads):  # one has just ended
            self._refresh(own, now_s)
            self._first = self._last = self._read()

    def _has_slept(self) -> bool:
        """Whether no thread ran since the look before; one that runs at this moment is seen at the next look."""
        before_ns, self._ran_ns = self._ran_ns, processor_time_ns(self._clock.pid) if self._clock else None
        return self._ran_ns is not None and self._ran_ns == before_ns and self._listed is not None

    def is_still(self, mine: Iterable[int]) -> bool:
        """Whether nothing ran, came or ended since the look before, but for these threads."""
        if self._base is None or self._first is None or self._listed is None:
            return False
        return self._base is self._first or ran(self._base, self._first).issubset(mine)

    def extend(self, own: int | None, now_s: float) -> None:
        """Take in who came, and what ran, while the counts were read."""
        if self._clock is None:
            self._listed = None
        self._refresh(own, now_s)
        self._last = self._read()

    def _read(self) -> dict[int, bytes] | None:
        return self._clock.read(self._threads) if self._clock else None

    def _refresh(self, own: int | None, now_s: float) -> None:
        """The kernel is asked for sockets only when pcscd's threads changed: a list of 16,000 takes 38 ms."""
        if self._clock is not None:
            self._threads = self._clock.threads()
        elif self._listed and now_s - self._listed_s < HIDDEN_INTERVAL_S:
            return
        if self._clock is not None and self._listed is not None:
            if self._listed == (self._threads, own):
                return
            if self._listed[1] == own and self._only_ended(self._listed[0]):
                self._listed = (self._threads, own)
                return
        sockets = Sockets()
        self.error = sockets.error
        self.peers = {peer.server: peer for peer in sockets.peers(self._path) if peer.server}
        self._listed, self._listed_s = (self._threads, own), now_s
        if self._clock is not None:
            self._pair()
        else:
            self.serves = {server: frozenset({server}) for server in self.peers}
        self.lists += 1

    def _only_ended(self, before: frozenset[int]) -> bool:
        """Whether nobody came, and it is known who has gone: then there is nothing to ask the kernel."""
        ended = before - self._threads
        if self._threads - before or not ended <= self._sure or not self._complete:
            return False
        closed = {connection for thread in ended for connection in self.serves.get(thread, ())}
        self.peers = {server: peer for server, peer in self.peers.items() if server not in closed}
        self._complete = self._pairing.update(self._threads, self.peers)
        self._take_serves()
        self.lists += 1
        return True

    def _take_serves(self) -> None:
        self.serves, self._sure = self._pairing.serves, self._pairing.sure
        self.serves.pop(self._main or 0, None)

    def _pair(self) -> None:
        assert self._clock is not None
        before, self._threads = self._threads, self._clock.threads(anew=True)
        settled = before == self._threads
        self._complete = self._pairing.update(self._threads, self.peers) and settled
        self._take_serves()
        if not settled:  # some came or went while the sockets were listed: the next look lists them again
            self._listed = None

    def ran(self) -> Ran:
        """What ran from the look before to now."""
        if self._base is None or self._last is None:
            return Ran(clients=None, strangers=False, complete=False)
        threads = ran(self._base, self._last)
        clients = frozenset(thread for thread in threads if thread in self.serves or thread in self._earlier)
        came = self._main in threads
        strangers = len(threads) > len(clients) + came
        return Ran(clients=clients, strangers=strangers, complete=self._complete and self._was_complete, came=came)

    @property
    def sure(self) -> frozenset[int]:
        """Clients whose connection is known beyond doubt."""
        return self._sure

    def samples(self, clients: Iterable[int]) -> Mapping[int, bytes]:
        """What the kernel says now of these clients' threads."""
        first = self._first or {}
        return {client: first[client] for client in clients if client in first}

    def close(self) -> None:
        if self._clock is not None:
            self._clock.close()
