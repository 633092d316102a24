"""Looks at pcscd, at a given rate."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from typing import TypeAlias

from gpgdoctor.collect.pcscd_program import PcscdProgram
from gpgdoctor.instruments.watch import daemon
from gpgdoctor.instruments.watch.activity import Activity
from gpgdoctor.instruments.watch.look import Look
from gpgdoctor.pcsc.connection import PREFERRED_MINOR, Connection, NoAnswer
from gpgdoctor.pcsc.wire import Malformed, ReaderState
from gpgdoctor.system.caller import RunAs
from gpgdoctor.system.proc import others_are_hidden
from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Peer
from gpgdoctor.system.threads import is_counted

ANSWER_DEADLINE_S = 0.5
SEARCH_INTERVAL_S = 1.0  # for a pcscd, through all processes
RETRY_S = 2.0  # with a pcscd that does not answer
LEAVE_AFTER_S = 1.0  # the last other client has left: we do, too
OWN_CLIENTS = 16
SLEPT_S = 1.0  # a longer gap between two clocks is a sleep of the machine

# From here on nothing is certain: too much can happen between two looks.
SLOWEST_CERTAIN_HZ = 10.0
LATEST_CERTAIN_PERIODS = 3


Serves: TypeAlias = Mapping[int, frozenset[int]]


class Sight(Record):
    """Everything that one look showed."""

    at_s: float
    """On the monotonic clock."""
    pcscd: int | None
    """Its process; None where none runs or it is hidden."""
    readers: tuple[ReaderState, ...] | None
    """None where pcscd was not asked or did not answer."""
    look: Look | None
    peers: Mapping[int, Peer]
    """The connections of its clients, but for us, by the inode of pcscd's end."""
    serves: Mapping[int, frozenset[int]]
    """Which of these each client may be; a client is a number, as in ``look``."""
    sure: frozenset[int]
    """Clients whose connection is known beyond doubt."""
    samples: Mapping[int, bytes]
    """What schedstat says of each client's thread in pcscd."""
    came: bool = False
    """Somebody connected since the look before, be it for a moment."""
    slept_s: float = 0.0
    trouble: str | None = None
    """Why pcscd does not tell anything."""
    note: str | None = None
    """What else is to be known of how it was asked."""


class Poll:
    """``stay``: connected also while nobody else is, which keeps pcscd from its sleep.

    ``run_as``: root asks pcscd as that user, and as root where that user is refused.
    """

    def __init__(self, path: str, *, rate_hz: float, stay: bool, run_as: RunAs | None = None) -> None:
        self._path, self._rate_hz, self._stay, self._run_as = path, rate_hz, stay, run_as
        self._note: str | None = None
        self._pid: int | None = None
        self._activity: Activity | None = None
        self._connection: Connection | None = None
        self._own: int | None = None  # the inode of our end of it
        self._searched_s = self._retry_s = self._alone_since_s = -60.0
        self._trouble: str | None = None
        self._ends_by_itself = True
        self._mine: set[int] = set()  # pcscd's ends of our own connections
        self._my_clients: deque[int] = deque(maxlen=OWN_CLIENTS)  # and the threads that serve, or served, them
        self._told_apart: tuple[int, int | None] | None = None  # the lists, and our end, of which what follows is true
        self._clients: dict[int, Peer] = {}  # who is connected, but for us
        self._serves: Serves = {}  # which of these connections each other client may be
        self._is_mistakable = False  # our own connection came together with another one: which thread is ours?
        self._sharing: dict[str, int] = {}
        self._last_s = -60.0
        self._asleep_s = _asleep_s()
        self._is_steady = False  # nothing that the look before left open
        self._rests = 0  # looks since then at which nothing had happened

    # -- one look -------------------------------------------------------------------------------------------------

    def look(self) -> Sight | None:
        """One look; takes a millisecond at most, and where pcscd does not answer half a second.

        None where nothing ran in pcscd since the look before, so that all is as it was: pcscd is not asked then.
        """
        now_s = time.monotonic()
        try:
            activity = self._living(now_s)
            if activity is not None:
                activity.begin(self._own, now_s)
                if self._is_rest(activity):
                    self._rests, self._last_s = self._rests + 1, now_s
                    return None
                return self._ask(activity, now_s)
        except OSError:  # it has just ended
            self._end()
        return self._sight(now_s)

    def _is_rest(self, activity: Activity) -> bool:
        """Whether nothing but our own thread ran in pcscd, and nothing is due by time."""
        if not self._is_steady or _asleep_s() - self._asleep_s > SLEPT_S:
            return False
        return activity.is_still(self._my_clients)

    def _living(self, now_s: float) -> Activity | None:
        """The pcscd of now; None where there is none. Processes are searched once a second where there is none."""
        if self._pid is not None and self._activity is not None:
            if not self._activity.follows_threads:  # which would notice its end
                os.stat(f"/proc/{self._pid}")  # FileNotFoundError where it has ended
        elif now_s - self._searched_s >= SEARCH_INTERVAL_S:
            self._searched_s = now_s
            self._take_up(daemon.candidates(self._path))
        return self._activity

    def _take_up(self, found: list[int]) -> None:
        if found:
            self._pid = found[0]
            self._ends_by_itself = any(daemon.ends_by_itself(pid) for pid in found)
            alone = len(found) == 1 and is_counted()  # of several, nobody knows whose threads serve this socket
            self._activity = Activity(self._path, found[0] if alone else None)
        elif others_are_hidden() and self._activity is None:
            self._ends_by_itself = True
            self._activity = Activity(self._path, None)

    def _ask(self, activity: Activity, now_s: float) -> Sight:
        self._is_steady = False
        self._tell_apart(activity)
        others = any(peer.inode for peer in self._clients.values())
        readers = self._states(others, now_s)
        if readers is None and self._connection is None and not self._clients:
            sharing = dict.fromkeys(self._sharing, 0)  # nobody is connected: nobody holds anything
        elif readers is None:
            return self._sight(now_s, activity)
        else:
            sharing = {reader.name: reader.sharing for reader in readers}
        if sharing != self._sharing:
            activity.extend(self._own, now_s)
        self._tell_apart(activity)
        if self._is_mistakable:
            self._disconnect()  # the next connection comes alone, as a rule
        ran, mine = activity.ran(), frozenset(self._my_clients)
        late = now_s - self._last_s > LATEST_CERTAIN_PERIODS / self._rate_hz
        look = Look(
            at_s=now_s,
            sharing=sharing,
            connections=frozenset(activity.serves.keys() - mine),
            ran=None if ran.clients is None else ran.clients - mine,
            strangers_ran=ran.strangers,
            rests=self._rests,
            prompt=ran.complete and not late and self._rate_hz >= SLOWEST_CERTAIN_HZ,
        )
        self._sharing, self._last_s, self._rests = sharing, now_s, 0
        self._is_steady = (readers is not None) == self._is_wanted(others)
        return self._sight(now_s, activity, readers, look, came=ran.came)

    def _sight(
        self,
        now_s: float,
        activity: Activity | None = None,
        readers: tuple[ReaderState, ...] | None = None,
        look: Look | None = None,
        *,
        came: bool = False,
    ) -> Sight:
        asleep_s = _asleep_s()
        slept_s, self._asleep_s = asleep_s - self._asleep_s, asleep_s
        if activity is not None:
            self._tell_apart(activity)
        return Sight(
            at_s=now_s,
            pcscd=self._pid,
            readers=readers,
            look=look,
            peers=self._clients if activity else {},
            serves=self._serves if activity else {},
            sure=activity.sure if activity else frozenset(),
            samples=activity.samples(self._serves) if activity else {},
            came=came,
            slept_s=slept_s if slept_s > SLEPT_S else 0.0,
            trouble=(activity.error if activity else None) or self._trouble,
            note=self._note,
        )

    # -- our own connection ---------------------------------------------------------------------------------------

    def _states(self, others: bool, now_s: float) -> tuple[ReaderState, ...] | None:
        """The readers as pcscd has them; None where it is not asked, so that it can go to sleep, or does not answer."""
        if others or self._connection is None:
            self._alone_since_s = now_s
        if not self._is_wanted(others) and now_s - self._alone_since_s >= (LEAVE_AFTER_S if self._connection else 0):
            self._disconnect()
            return None
        if self._connection is None and now_s < self._retry_s:
            return None
        try:
            if self._connection is None:
                self._connection = self._connected()
                self._own = os.fstat(self._connection.fileno()).st_ino
            self._trouble = None
            return self._connection.reader_states()
        except (NoAnswer, Malformed) as error:
            self._trouble, self._retry_s = str(error), now_s + RETRY_S
            self._disconnect()
            return None

    def _is_wanted(self, others: bool) -> bool:
        """Whether we are to be connected."""
        return others or (self._pid is not None and (self._stay or not self._ends_by_itself))

    def _connected(self) -> Connection:
        """Raises NoAnswer. In a protocol that this pcscd takes: it would write to its log of another one."""
        spoken = PcscdProgram([self._pid]).protocol() if self._pid is not None else None
        minor = PREFERRED_MINOR if spoken is None else spoken
        try:
            return Connection(self._path, ANSWER_DEADLINE_S, self._run_as, minor)
        except NoAnswer as refusal:  # by polkit, or by the mode of the socket or a directory above it
            if self._run_as is None:
                raise
            connection = Connection(self._path, ANSWER_DEADLINE_S, minor=minor)
            name, self._run_as = self._run_as.user.pw_name, None
            self._note = f"pcscd lets root in, but not {name} ({refusal}), whose gpg gets no card: this watches as root"
            return connection

    def _tell_apart(self, activity: Activity) -> None:
        """Who is connected, but for us; a connection that we have just left, and its thread, are still ours.

        The lists stay the same objects as long as nobody comes or goes.
        """
        if self._told_apart == (activity.lists, self._own):
            return
        self._told_apart = activity.lists, self._own
        if self._own is not None:
            self._mine |= {server for server, peer in activity.peers.items() if peer.inode == self._own}
        self._mine &= activity.peers.keys()
        for client, found in activity.serves.items():
            if found and found <= self._mine and client not in self._my_clients:
                self._my_clients.append(client)
        self._clients = {server: peer for server, peer in activity.peers.items() if server not in self._mine}
        self._serves = {it: of - self._mine for it, of in activity.serves.items() if it not in self._my_clients}
        self._is_mistakable = any(found & self._mine and len(found) > 1 for found in activity.serves.values())

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = self._own = None

    def _end(self) -> None:
        self._disconnect()
        self._is_steady = False
        if self._activity is not None:
            self._activity.close()
        self._activity, self._pid, self._sharing, self._searched_s = None, None, {}, -60.0
        self._mine, self._told_apart = set(), None
        self._my_clients.clear()

    def close(self) -> None:
        self._end()


def _asleep_s() -> float:
    """How long this machine has slept since it started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
