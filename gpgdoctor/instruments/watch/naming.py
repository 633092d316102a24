"""Names the program at the other end of a connection of pcscd."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping

from gpgdoctor import holders
from gpgdoctor.collect import processes
from gpgdoctor.instruments.watch.look import Certainty, least
from gpgdoctor.system import proc
from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Peer

# Programs of every session that hide their files from their own user, and never use a card by themselves.
NEVER_CLIENTS = frozenset({"gpg-agent", "gpg", "ssh-agent", "systemd", "(sd-pam)", "polkitd", "keyboxd", "dirmngr"})


EARLIER_CLIENTS = 16  # that are asked first whether a new connection is theirs


class Who(Record):
    pid: int | None
    program: str
    certainty: Certainty


class Naming:
    """Remembers names: many clients are gone before their name is needed."""

    def __init__(self) -> None:
        self._clients: dict[int, tuple[Who, ...]] = {}
        self._inodes: dict[int, int] = {}
        self._met: Mapping[int, Peer] = {}
        self._earlier: deque[int] = deque(maxlen=EARLIER_CLIENTS)  # processes, the last one first

    def meet(self, peers: Mapping[int, Peer]) -> None:
        """Look for the programs of connections that were not seen before; cheap where there are none."""
        if peers is self._met:
            return
        self._met = peers
        new = {server: peer for server, peer in peers.items() if self._inodes.get(server) != peer.inode}
        if not new:
            return
        pids = self._owners({peer.inode for peer in new.values() if peer.inode})
        for server, peer in new.items():
            self._inodes[server] = peer.inode
            if peer.inode:  # who has gone keeps the name
                self._clients[server] = _named(pids.get(peer.inode), peer.uid)

    def _owners(self, inodes: set[int]) -> dict[int, int]:
        """The processes that have these sockets; who was a client before is asked first, then the newest ones."""
        if not inodes:
            return {}
        found = proc.owners(inodes, self._earlier)
        if len(found) < len(inodes):
            found = {**proc.owners(inodes - found.keys(), sorted(proc.pids(), reverse=True)), **found}
        for pid in found.values():
            if pid in self._earlier:
                self._earlier.remove(pid)
            self._earlier.appendleft(pid)
        return found

    def forget(self, peers: Mapping[int, Peer]) -> None:
        """Names of connections that ended long ago are not kept for ever."""
        for server in self._inodes.keys() - peers.keys():
            del self._inodes[server]
            self._clients.pop(server, None)

    def of(self, connections: Iterable[int], certainty: Certainty) -> tuple[Who, ...]:
        """The programs of these connections, no surer than both the attribution and the name.

        Several connections mean that it is one of them; where they are several programs, none is more than possible.
        """
        found: dict[tuple[int | None, str], Certainty] = {}
        for connection in connections:
            for who in self._clients.get(connection, (_NOBODY,)):
                found.setdefault((who.pid, who.program), least(who.certainty, certainty))
        if len(found) > 1:
            found = dict.fromkeys(found, "possible")
        return tuple(Who(pid=pid, program=name, certainty=sure) for (pid, name), sure in found.items())

    def pid_of(self, connection: int) -> int | None:
        """The process, where it is known beyond doubt."""
        (first, *more) = self._clients.get(connection, (_NOBODY,))
        return first.pid if not more and first.certainty == "certain" else None

    def may_be(self, connection: int, program: str) -> bool:
        """Whether it is that program's, or nobody knows whose it is."""
        named = self._clients.get(connection, (_NOBODY,))
        return any(who.certainty != "certain" or who.pid is None or who.program == program for who in named)

    def may_be_connected(self, pid: int) -> bool:
        """Whether a connection is this process's, or of a program that cannot be told."""
        return any(who.pid in (pid, None) for named in self._clients.values() for who in named)


_NOBODY = Who(pid=None, program="a connection without a program", certainty="likely")


def _named(pid: int | None, uid: int | None) -> tuple[Who, ...]:
    if pid is not None:
        return (Who(pid=pid, program=processes.program_of(pid), certainty="certain"),)
    if uid is None:
        return (Who(pid=None, program="a program that is not visible", certainty="certain"),)
    if uid != os.geteuid():
        return (Who(pid=None, program=f"a program of {processes.user_name(uid)}", certainty="certain"),)
    hidden = _hidden_of_mine()
    sure: Certainty = "likely" if len(hidden) == 1 else "possible"
    named = tuple(Who(pid=it, program=program, certainty=sure) for it, program in hidden)
    return named or (Who(pid=None, program="a program of mine that hides its files", certainty="certain"),)


def _hidden_of_mine() -> list[tuple[int, str]]:
    """My processes whose open files not even I may see (scdaemon, KeePassXC); of them those that may use cards."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _is_mine_and_hidden(int(entry)):
            found.append((int(entry), processes.program_of(int(entry))))
    found = [(pid, name) for pid, name in found if name not in NEVER_CLIENTS]
    return [(pid, name) for pid, name in found if holders.known(name)] or found


def _is_mine_and_hidden(pid: int) -> bool:
    if proc.uid(pid) != os.geteuid() or proc.state(pid) == "Z":
        return False
    return proc.socket_inodes(pid) is None
