"""Who is connected to a pcscd, and whose thread in it ran between two looks."""

from __future__ import annotations

from collections.abc import Mapping

from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Peer, Sockets
from gpgdoctor.system.threads import Pairing, ThreadClock, ran

HIDDEN_INTERVAL_S = 0.2  # where pcscd's threads are hidden, its connections are listed this often


class Ran(Record):
    """What happened inside pcscd between two looks."""

    connections: frozenset[int] | None
    """Whose thread ran; None where that is not visible."""
    strangers: bool
    """A thread ran that is no known connection's."""
    complete: bool
    """Every connection had its thread, all the time."""


class Activity:
    """One pcscd. ``begin`` at each look, ``extend`` where a count has changed, then ``ran``.

    ``pid`` is None where its process is hidden, or threads are not counted: then only who is connected is known.
    """

    def __init__(self, path: str, pid: int | None) -> None:
        self._path = path
        self._clock = ThreadClock(pid) if pid is not None else None
        self._pairing = Pairing(pid or 0)
        self._threads: frozenset[int] = frozenset()
        self._listed: tuple[frozenset[int], int | None] | None = None
        self._listed_s = 0.0
        self._first: dict[int, bytes] | None = None
        self._complete = False
        self.peers: dict[int, Peer] = {}
        """Every connection, ours too, by the inode of pcscd's end."""
        self.error: str | None = None
        """Why the kernel does not list sockets, where it does not."""

    def begin(self, own: int | None, now_s: float) -> None:
        """A new look. ``own`` is the inode of our end of our connection; raises OSError where pcscd has ended."""
        self._base, self._was_complete = self._first, self._complete
        self._earlier = dict(self._pairing.connection_of)
        self._refresh(own, now_s)
        self._first = self._last = self._clock.read(self._threads) if self._clock else None

    def extend(self, own: int | None, now_s: float) -> None:
        """Take in who came, and what ran, while the counts were read."""
        if self._clock is None:
            self._listed = None
        self._refresh(own, now_s)
        self._last = self._clock.read(self._threads) if self._clock else None

    def _refresh(self, own: int | None, now_s: float) -> None:
        """The kernel is asked for sockets only when pcscd's threads changed: a list of 16,000 takes 38 ms."""
        if self._clock is not None:
            self._threads = self._clock.threads()
        elif self._listed and now_s - self._listed_s < HIDDEN_INTERVAL_S:
            return
        if self._clock is not None and self._listed == (self._threads, own):
            return
        sockets = Sockets()
        self.error = sockets.error
        self.peers = {peer.server: peer for peer in sockets.peers(self._path) if peer.server}
        self._listed, self._listed_s = (self._threads, own), now_s
        if self._clock is not None:
            self._pair()

    def _pair(self) -> None:
        assert self._clock is not None
        before, self._threads = self._threads, self._clock.threads()
        settled = before == self._threads
        self._complete = self._pairing.update(self._threads, self.peers) and settled
        if not settled:  # some came or went while the sockets were listed: the next look lists them again
            self._listed = None

    def ran(self) -> Ran:
        """What ran from the look before to now."""
        if self._base is None or self._last is None:
            return Ran(connections=None, strangers=False, complete=False)
        connections, strangers = self._pairing.split(ran(self._base, self._last), self._earlier)
        return Ran(connections=connections, strangers=strangers, complete=self._complete and self._was_complete)

    @property
    def sure(self) -> frozenset[int]:
        """Connections whose thread is known beyond doubt."""
        return frozenset(self._pairing.sure)

    def samples(self) -> Mapping[int, bytes]:
        """What the kernel says now of each connection's thread."""
        pairs = self._pairing.connection_of
        return {pairs[thread]: it for thread, it in (self._first or {}).items() if thread in pairs}

    def close(self) -> None:
        if self._clock is not None:
            self._clock.close()
