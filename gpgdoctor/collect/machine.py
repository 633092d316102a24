"""All facts of this machine, collected side by side within one deadline."""

from __future__ import annotations

import os
import time

from gpgdoctor.collect import host, pcsc_library, pcscd, processes, usb
from gpgdoctor.collect.configuration import Source
from gpgdoctor.collect.described import describe
from gpgdoctor.collect.early import Early
from gpgdoctor.collect.follow_up import followed_up
from gpgdoctor.collect.pcscd_program import PcscdProgram, policy
from gpgdoctor.collect.systemd import UnitQuestion
from gpgdoctor.collect.user import UserFacts, UserLook
from gpgdoctor.collect.user_child import UserChild
from gpgdoctor.facts import Connection, Facts, Maybe, Pcscd, PcscDriver, Process, Reader, Reason, Unknown, known_or
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline, stretch
from gpgdoctor.system.record import Record, replace
from gpgdoctor.system.sockets import Peer, Sockets

FINISH_S = 0.1  # of the whole deadline, left for judging and printing
VERSION_DEADLINE_S = 0.5
SERVICE_STOPPED = "0x8010001E"
IDLE = "nobody is connected to pcscd, and to ask it would keep it awake"


class LookOptions(Record):
    """What a look is to include, and within what time."""

    homedir: str | None = None
    timeout_s: float = 5.0
    probe: bool = True
    wake: bool = False
    versions: bool = False  # also facts that cost a process each: for reports and snapshots
    passive: bool = False  # connect to no reader, and to pcscd only where another program is connected already


class Seen(Record):
    """What is visible of pcscd without asking it anything."""

    sockets: Sockets
    daemons: dict[int, str]  # pids with their roles
    listener: Maybe[str | None]
    peers: list[Peer]

    @property
    def pcscds(self) -> list[int]:
        return [pid for pid, role in self.daemons.items() if role == "pcscd"]

    @property
    def own_pcscds(self) -> list[int]:
        """Without pcscds in containers below this system."""
        return [pid for pid in self.pcscds if not proc.is_below(pid)]


def _seen(path: str) -> Seen:
    sockets, daemons = Sockets(), processes.daemons()
    listener = pcscd.listener(path, sockets, [pid for pid, role in daemons.items() if role == "pcscd"])
    if listener is None and pcscd.socket_file(path) == "absent":
        # A pcscd in a container below this system does not concern us: there is no way to it from here.
        daemons = {pid: role for pid, role in daemons.items() if role != "pcscd" or not proc.is_below(pid)}
    return Seen(sockets=sockets, daemons=daemons, listener=listener, peers=sockets.peers(path))


class Asked(Record):
    """What a look may ask pcscd."""

    lists: bool  # the readers and their states
    not_made: Reason | None  # why no reader is probed
    refused: Maybe[bool]  # True: it is tried whether connect() is refused


class Look:
    """One look at the machine, with the children that have already been started for it.

    ``sources`` are, after ``facts()``, the configuration files by their paths, with the bytes and the identity that
    the facts were made of; None where another process looked at them (see configuration.read_again).
    """

    sources: dict[str, Source] | None = None

    def __init__(self, options: LookOptions, early: Early | None = None) -> None:
        self._options = options
        self._early = early or Early(options.homedir, options.timeout_s, passive=options.passive)
        elapsed_s = (time.monotonic() - self._early.started) / stretch()
        self._deadline = Deadline(max(0.05, options.timeout_s - FINISH_S - elapsed_s))
        self._child = self._early.probe
        self._answers = self._child.answers
        self._path = pcscd.socket_path()
        self._service: UnitQuestion | None = None

    def facts(self) -> Facts:
        """Everything that could be found in time. No child outlives the call."""
        try:
            return followed_up(self._facts(), self._deadline)
        finally:
            self._early.close()
            if self._service is not None:
                self._service.close()

    def _facts(self) -> Facts:
        seen = _seen(self._path)
        self._service = UnitQuestion("pcscd.service") if seen.listener != "pcscd" else None
        program = PcscdProgram(seen.own_pcscds)
        asked = self._ask(seen, program)
        my_host = host.host(os.environ, self._early.uid)
        user = self._user_look()
        try:
            self._child.load(known_or(user.driver, None))
            self.sources = user.sources if isinstance(user, UserLook) else None
            interfaces = usb.interfaces()
            peers, paired = (
                self._wait_for_answers(seen.peers)
                if asked.lists
                else (seen.peers, pcscd.pair(seen.peers, seen.sockets))
            )
            connections, pids = paired
            self._child.wait_for_library(self._deadline)
            mine = user.finish(seen.sockets, seen.daemons, known_or(my_host.user, ""), self._driver(user.driver))
        finally:
            user.close()
        described = describe(seen.daemons, set(pids.values()), mine)
        if asked.refused is True:
            refused = pcscd.refused(self._path, self._child.wait_for_connect(self._deadline))
            asked = replace(asked, refused=refused)
        return Facts(
            gnupg=mine.gnupg,
            configuration=mine.configuration,
            processes=described,
            pcscd=replace(
                self._pcscd(seen, asked, program, peers, self._lasting(connections, described)),
                library=self._library(mine),
            ),
            readers=self._listed(seen.listener, asked),
            usb=usb.as_open_to_pcscd(usb.as_open(interfaces, mine.usb_nodes), seen.own_pcscds),
            host=my_host,
            usb_blocked=usb.blocked(),
        )

    def _ask(self, seen: Seen, program: PcscdProgram) -> Asked:
        """Tell the child what to ask pcscd. It runs as the user that the look is about."""
        awake = seen.listener == "pcscd" or (seen.listener == "activator" and self._options.wake)
        lists = awake and self._may_ask(seen)
        asked = Asked(
            lists=lists,
            not_made=self._why_no_probe(pcscd.orphans(self._path, seen.peers) if lists else 0),
            refused=self._may_be_refused(seen),
        )
        self._child.look(
            ask=lists,
            probe=asked.not_made is None,
            timeout_s=self._options.timeout_s,
            connect=self._path if asked.refused is True else None,
            pcscd=seen.pcscds[0] if len(seen.pcscds) == 1 and not self._options.passive else None,
            socket=self._path,
            protocol=program.protocol() if lists else None,
        )
        return asked

    def _pcscd(
        self,
        seen: Seen,
        asked: Asked,
        program: PcscdProgram,
        peers: list[Peer],
        connections: tuple[Connection, ...],
    ) -> Pcscd:
        unlisted = Unknown.because(seen.sockets.error) if seen.sockets.error else None
        mounted = pcscd.mounted(self._path)
        woken = seen.listener == "activator" and self._options.wake
        return Pcscd(
            socket=self._path,
            socket_file=pcscd.socket_file(self._path),
            mounted=mounted,
            listener="pcscd" if woken else seen.listener,
            refused=asked.refused,
            answer=self._answers.answer() if asked.lists else _not_asked(seen.listener),
            version=self._version(),
            library=self._answers.library(),
            library_version=self._library_version(),
            installed=pcscd.installed(),
            unit=pcscd.unit(),
            polkit=program.polkit(mounted),
            connections=unlisted or connections,
            waiting=unlisted or pcscd.waiting(peers),
            hidden=unlisted or pcscd.hidden(seen.pcscds, seen.sockets),
            waiting_programs=self._answers.waiting_programs(),
            drivers=program.drivers(),
            service=self._service.answer(self._deadline) if self._service else Unknown(Reason.NOT_NEEDED),
            policy=policy(),
        )

    def _version(self) -> Maybe[str | None]:
        """The version of the installed pcscd: where it is wanted, or where library and daemon do not match."""
        if self._wants_versions():
            return pcscd.version(self._deadline.sooner(VERSION_DEADLINE_S))
        return Unknown(Reason.NOT_ASKED_FOR)

    def _library(self, mine: UserFacts) -> Maybe[PcscDriver]:
        """libpcsclite, as scdaemon loads it where no other library is configured."""
        found = self._answers.library()
        if mine.configuration.pcsc_driver is not None:
            return found
        return pcsc_library.of_scdaemon(mine.gnupg.scdaemon, found, self._deadline)

    def _library_version(self) -> Maybe[str | None]:
        if not self._wants_versions():
            return Unknown(Reason.NOT_ASKED_FOR)
        library = self._answers.library()
        return library if isinstance(library, Unknown) else pcscd.library_version(library.name)

    def _wants_versions(self) -> bool:
        return self._options.versions or self._answers.answer() == SERVICE_STOPPED

    def _user_look(self) -> UserLook | UserChild:
        if self._early.user_child is not None:
            self._early.user_child.deadline = self._deadline
            return self._early.user_child
        return UserLook(self._early.gpgconf, self._deadline, versions=self._options.versions)

    def _driver(self, name: Maybe[str | None]) -> Maybe[PcscDriver | None]:
        if name is None or isinstance(name, Unknown):
            return name
        self._child.wait_for_driver(self._deadline)
        return self._answers.driver()

    def _wait_for_answers(self, first: list[Peer]) -> tuple[list[Peer], pcscd.Paired]:
        """Let the child look; returns the connections that stayed meanwhile, with their programs."""
        looked_twice = self._child.wait_for_second_look(self._deadline)
        now = Sockets()
        peers = pcscd.connections(first, now.peers(self._path) if looked_twice else None)
        paired = pcscd.pair(peers, now)  # now, before programs end during the probe
        self._child.wait(self._deadline)
        return peers, paired

    def _lasting(self, connections: tuple[Connection, ...], described: tuple[Process, ...]) -> tuple[Connection, ...]:
        """The connections whose program has not ended meanwhile."""
        if not connections:
            return ()
        pids = {process.pid for process in described}
        still = {peer.server for peer in Sockets().peers(self._path)}
        return tuple(
            connection
            for connection in connections
            if connection.inode in still and (isinstance(connection.pid, Unknown) or connection.pid in pids)
        )

    def _may_ask(self, seen: Seen) -> bool:
        """Where nobody is connected nobody holds a reader, so a passive look lets pcscd go to sleep."""
        if not self._options.passive:
            return True
        return bool(seen.peers) or bool(known_or(pcscd.hidden(seen.pcscds, seen.sockets), 0))

    def _may_be_refused(self, seen: Seen) -> Maybe[bool]:
        kind = pcscd.socket_file(self._path)
        if self._options.passive and seen.listener is None and kind == "socket":
            return Unknown.because("a passive look does not try a socket where nobody is seen to listen")
        return pcscd.may_be_refused(self._path, kind, seen.listener, seen.pcscds)

    def _why_no_probe(self, orphans: int) -> Reason | None:
        if self._options.passive:
            return Reason.PASSIVE
        if not self._options.probe:
            return Reason.NO_PROBE
        return Reason.PROBE_WAITS if orphans else None

    def _listed(self, listener: Maybe[str | None], asked: Asked) -> Maybe[tuple[Reader, ...]]:
        if asked.lists:
            return self._answers.readers(asked.not_made)
        if isinstance(listener, Unknown):
            return listener
        if listener is None:
            return self._none_listed(asked.refused)
        return Unknown.because(IDLE if listener == "pcscd" else "pcscd is asleep, and looking would have started it")

    def _none_listed(self, refused: Maybe[bool]) -> Maybe[tuple[Reader, ...]]:
        """Without a pcscd PC/SC has no readers; but perhaps there is one that we cannot see."""
        if pcscd.socket_file(self._path) == "socket" and refused is not True:
            return refused if isinstance(refused, Unknown) else Unknown.because("who listens there is not visible")
        return ()


def _not_asked(listener: Maybe[str | None]) -> Unknown:
    if isinstance(listener, Unknown):
        return listener
    if listener == "pcscd":
        return Unknown.because(IDLE)
    return Unknown.because("pcscd does not run" if listener is None else "pcscd is asleep")
