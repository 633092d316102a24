"""The Unix sockets of this network namespace: who listens, and who is connected with whom."""

from __future__ import annotations

import os
from functools import cached_property

from gpgdoctor.system.record import Record
from gpgdoctor.system.sock_diag import ESTABLISHED, LISTENING, UnixSocket, unix_sockets


class Peer(Record):
    """The client's end of a connection of pcscd. ``inode`` 0: there is nobody at the other end any more."""

    server: int
    inode: int
    uid: int | None


class Sockets:
    """The Unix sockets of this network namespace at one moment."""

    def __init__(self) -> None:
        self.error: str | None = None
        self._all: list[UnixSocket] = []
        try:
            self._all = unix_sockets()
        except OSError as error:
            self.error = f"the kernel does not list Unix sockets: {error.strerror or error}"

    def listening(self, path: str) -> list[UnixSocket]:
        """Who listens there, by whatever name of its directory the socket was bound."""
        names = _names(path)
        exact = [entry for entry in self._all if entry.state == LISTENING and entry.path in names]
        return exact or [
            entry
            for entry in self.listening_below(os.path.basename(path))
            if is_same_place(os.fsdecode(entry.path), path)
        ]

    def listening_below(self, name: str) -> list[UnixSocket]:
        """Sockets whose path ends with that name, in whatever directory."""
        ending = b"/" + os.fsencode(name)
        return [entry for entry in self._all if entry.state == LISTENING and entry.path.endswith(ending)]

    def has_listener_below(self, directory: str) -> bool:
        return any(entry.state == LISTENING and entry.path.startswith(os.fsencode(directory)) for entry in self._all)

    def peers(self, path: str) -> list[Peer]:
        names = _names(path)
        return [
            Peer(server=entry.inode, inode=entry.peer, uid=self._uids.get(entry.peer))
            for entry in self._all
            if entry.state == ESTABLISHED and entry.path in names
        ]

    @cached_property
    def _uids(self) -> dict[int, int | None]:
        return {entry.inode: entry.uid for entry in self._all}

    @cached_property
    def inodes(self) -> set[int]:
        return {entry.inode for entry in self._all}


def is_same_place(one: str, other: str) -> bool:
    """Whether two paths are the same name in the same directory, however that is spelled."""
    if os.path.basename(one) != os.path.basename(other):
        return False
    try:
        return os.path.samefile(os.path.dirname(one), os.path.dirname(other))
    except (OSError, ValueError):
        return False


def _names(path: str) -> set[bytes]:
    """A socket keeps the name by which it was bound; /var/run is a link to /run."""
    name = os.fsencode(path)
    other = name.removeprefix(b"/var") if name.startswith(b"/var/run/") else b"/var" + name
    return {name, other, os.path.realpath(name)}
