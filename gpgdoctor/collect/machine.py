"""All facts of this machine, collected side by side within one deadline."""

from __future__ import annotations

import os
import time
from collections.abc import Collection

from gpgdoctor.collect import host, pcscd, processes, usb
from gpgdoctor.collect.aside import Aside
from gpgdoctor.collect.early import Early
from gpgdoctor.collect.on_behalf import BorrowedLook, NobodysLook
from gpgdoctor.collect.readers import ReaderFacts
from gpgdoctor.collect.user import UserFacts, UserLook
from gpgdoctor.facts import Connection, Facts, Maybe, Pcscd, PcscDriver, Process, Reader, Unknown, known_or
from gpgdoctor.system.deadline import Deadline, stretch
from gpgdoctor.system.record import Record, replace
from gpgdoctor.system.sockets import Peer, Sockets

FINISH_S = 0.1  # of the whole deadline, kept for judging and printing
VERSION_DEADLINE_S = 0.5
SERVICE_STOPPED = "0x8010001E"
PASSIVE = "a passive look connects to no reader"
IDLE = "nobody is connected to pcscd, and to ask it would keep it awake"


class Wishes(Record):
    """What the caller wants of a look."""

    homedir: str | None = None
    timeout_s: float = 5.0
    probe: bool = True
    wake: bool = False
    versions: bool = False  # also what costs a program of its own: for reports and snapshots
    passive: bool = False  # connect to no reader, and to pcscd only where somebody else is connected to it already


class Look:
    """One look at the machine, with the children that were started for it already."""

    def __init__(self, wishes: Wishes, early: Early | None = None) -> None:
        self._wishes = wishes
        self._early = early or Early(wishes.homedir, wishes.timeout_s, whoever=wishes.passive)
        elapsed_s = (time.monotonic() - self._early.started) / stretch()
        self._deadline = Deadline(max(0.05, wishes.timeout_s - FINISH_S - elapsed_s))
        self._child = self._early.probe
        self._readers = ReaderFacts(self._child)
        self._path = pcscd.socket_path()

    def facts(self) -> Facts:
        """Everything that could be learnt in time. No child outlives the call."""
        try:
            return self._facts()
        finally:
            self._early.close()

    def _facts(self) -> Facts:
        sockets, daemons = Sockets(), processes.daemons()
        pcscds = [pid for pid, role in daemons.items() if role == "pcscd"]
        listener = pcscd.listener(self._path, sockets, pcscds)
        if listener is None and pcscd.socket_file(self._path) == "absent":
            # One in a container below this system is no business of this system's, which has no way to it.
            pcscds = [pid for pid in pcscds if not processes.is_below(pid)]
            daemons = {pid: role for pid, role in daemons.items() if role != "pcscd" or pid in pcscds}
        awake = listener == "pcscd" or (listener == "activator" and self._wishes.wake)
        first = sockets.peers(self._path)
        asks = awake and self._may_ask(first, pcscds, sockets)
        not_made = self._why_no_probe(pcscd.orphans(self._path, first) if asks else 0)
        self._child.look(ask=asks, probe=not_made is None, timeout_s=self._wishes.timeout_s)
        my_host = host.host(os.environ, self._early.uid)
        user = self._user_look()
        try:
            self._child.load(known_or(user.driver, None))
            usb_interfaces = usb.interfaces()
            peers, (connections, pids) = self._ask_pcscd(first) if asks else (first, pcscd.pair(first))
            self._child.wait_for_library(self._deadline)
            mine = user.finish(sockets, daemons, known_or(my_host.user, ""), self._driver(user.driver))
        finally:
            user.close()
        unseen = Aside(lambda: pcscd.hidden(pcscds, sockets))
        described = _describe(daemons, set(pids.values()), mine)
        refused = self._refused(listener, pcscds)
        hidden = Unknown(sockets.error) if sockets.error else None
        return Facts(
            gnupg=mine.gnupg,
            configuration=mine.configuration,
            processes=described,
            pcscd=Pcscd(
                socket=self._path,
                socket_file=pcscd.socket_file(self._path),
                mounted=pcscd.mounted(self._path),
                listener="pcscd" if awake else listener,
                refused=refused,
                answer=self._readers.answer() if asks else Unknown(_not_asked(listener)),
                version=self._version(),
                library=self._readers.library(),
                library_version=self._library_version(),
                installed=pcscd.installed(),
                unit=pcscd.unit(),
                polkit=pcscd.polkit(),
                connections=hidden or self._lasting(connections, described),
                waiting=hidden or pcscd.waiting(peers),
                hidden=hidden or unseen.result(),
            ),
            readers=self._listed(asks, listener, not_made, refused),
            usb=usb_interfaces,
            host=my_host,
        )

    def _version(self) -> Maybe[str | None]:
        """Of the installed pcscd: where it is wanted, or where the library and the daemon do not fit each other."""
        if self._wants_versions():
            return pcscd.version(self._deadline.sooner(VERSION_DEADLINE_S))
        return Unknown("it was not asked for")

    def _library_version(self) -> Maybe[str | None]:
        if not self._wants_versions():
            return Unknown("it was not asked for")
        library = self._readers.library()
        return library if isinstance(library, Unknown) else pcscd.library_version(library.name)

    def _wants_versions(self) -> bool:
        return self._wishes.versions or self._readers.answer() == SERVICE_STOPPED

    def _user_look(self) -> UserLook | BorrowedLook | NobodysLook:
        if self._early.borrowed is not None:
            self._early.borrowed.deadline = self._deadline
            return self._early.borrowed
        return UserLook(self._early.gpgconf, self._deadline)

    def _driver(self, name: Maybe[str | None]) -> Maybe[PcscDriver | None]:
        if name is None or isinstance(name, Unknown):
            return name
        self._child.wait_for_driver(self._deadline)
        return self._readers.driver()

    def _ask_pcscd(self, first: list[Peer]) -> tuple[list[Peer], pcscd.Paired]:
        """Let the child look; the connections that were there before it and stayed, with their programs."""
        looked_twice = self._child.wait_for_second_look(self._deadline)
        peers = pcscd.connections(first, Sockets().peers(self._path) if looked_twice else None)
        paired = pcscd.pair(peers)  # now, before the probe gives them time to end
        self._child.wait(self._deadline)
        return peers, paired

    def _lasting(self, connections: tuple[Connection, ...], described: tuple[Process, ...]) -> tuple[Connection, ...]:
        """Without those whose program has ended meanwhile."""
        if not connections:
            return ()
        pids = {process.pid for process in described}
        still = {peer.server for peer in Sockets().peers(self._path)}
        return tuple(
            connection
            for connection in connections
            if connection.inode in still and (isinstance(connection.pid, Unknown) or connection.pid in pids)
        )

    def _may_ask(self, peers: list[Peer], pcscds: list[int], sockets: Sockets) -> bool:
        """Where nobody is connected, nobody holds a reader: a passive look then leaves pcscd to fall asleep."""
        if not self._wishes.passive:
            return True
        return bool(peers) or bool(known_or(pcscd.hidden(pcscds, sockets), 0))

    def _refused(self, listener: Maybe[str | None], pcscds: list[int]) -> Maybe[bool]:
        if self._wishes.passive and listener is None and pcscd.socket_file(self._path) == "socket":
            return Unknown("a passive look does not try a socket where nobody is seen to listen")
        return pcscd.refused(self._path, pcscd.socket_file(self._path), listener, pcscds)

    def _why_no_probe(self, orphans: int) -> str | None:
        if self._wishes.passive:
            return PASSIVE
        if not self._wishes.probe:
            return "--no-probe"
        return "an earlier probe still waits in pcscd" if orphans else None

    def _listed(
        self, look: bool, listener: Maybe[str | None], not_made: str | None, refused: Maybe[bool]
    ) -> Maybe[tuple[Reader, ...]]:
        if look:
            return self._readers.readers(not_made)
        if isinstance(listener, Unknown):
            return listener
        if listener is None:
            return self._none_listed(refused)
        return Unknown(IDLE if listener == "pcscd" else "pcscd is asleep, and looking would have started it")

    def _none_listed(self, refused: Maybe[bool]) -> Maybe[tuple[Reader, ...]]:
        """Without a pcscd PC/SC has no readers; but is there none, or do we only not see it?"""
        if pcscd.socket_file(self._path) == "socket" and refused is not True:
            why = refused.reason if isinstance(refused, Unknown) else "who listens there is not visible"
            return Unknown(why)
        return ()


def _not_asked(listener: Maybe[str | None]) -> str:
    if isinstance(listener, Unknown):
        return listener.reason
    if listener == "pcscd":
        return IDLE
    return "pcscd does not run" if listener is None else "pcscd is asleep"


def _describe(daemons: dict[int, str], clients: Collection[int], mine: UserFacts) -> tuple[Process, ...]:
    ours = processes.ancestors()
    roles = {**dict.fromkeys(clients, "client"), **daemons}
    described = (processes.describe(pid, role, ours) for pid, role in sorted(roles.items()))
    return tuple(_completed(process, mine) for process in described if process is not None)


def _completed(process: Process, mine: UserFacts) -> Process:
    if process.role not in ("scdaemon", "gpg-agent"):
        return process
    path = mine.gnupg.scdaemon if process.role == "scdaemon" else mine.agent_program
    process = processes.not_replaced(process, None if isinstance(path, Unknown) else path)
    process = _with_home_as_spelled(process, mine)
    return with_cards(process, mine) if process.role == "scdaemon" else process


def _with_home_as_spelled(process: Process, mine: UserFacts) -> Process:
    """One home has several spellings. They are one to GnuPG only where its sockets are in the home itself.

    Elsewhere, below /run/user, the directory of the sockets is made of the spelling (common/homedir.c).
    """
    home, sockets = known_or(mine.gnupg.homedir, ""), known_or(mine.gnupg.socketdir, "")
    given = known_or(process.homedir, None)
    if not given or given == home or not (_is_same(given, home) and _is_same(sockets, home)):
        return process
    return replace(process, homedir=home)


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def with_cards(process: Process, mine: UserFacts) -> Process:
    """An scdaemon with its socket, and the number of cards it says it holds."""
    for listening in known_or(mine.scdaemons, ()):
        said = listening.said
        if not isinstance(said, Unknown) and said.pid == process.pid:
            return replace(process, sockets=(listening.path,), cards=len(said.cards))
    silent = Unknown("it was not asked, or did not answer")
    return replace(process, sockets=silent, cards=silent)
