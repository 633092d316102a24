"""The Unix sockets of this network namespace: which process listens at a path, and who is connected to it.

The kernel lists the names with which sockets were bound, each in its own mount namespace: a container's
/run/pcscd/pcscd.comm is not ours. A socket is ours if it is bound to the same file that our path leads to.
"""

from __future__ import annotations

import os
import stat
from functools import cached_property

from gpgdoctor.system import mounts
from gpgdoctor.system.record import Record
from gpgdoctor.system.sock_diag import ESTABLISHED, LISTENING, File, UnixSocket, unix_sockets

_DEVICES: dict[int, tuple[int, int]] = {}
"""A file system's number as the kernel means it, by the one that stat(2) gives."""


class Peer(Record):
    """The client's end of a connection of pcscd. ``inode`` 0: the client is gone."""

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
        """Who listens there, by whatever name the socket was bound."""
        return self._bound_to(path, LISTENING)

    def peers(self, path: str) -> list[Peer]:
        """Who is connected with the listener there."""
        return [
            Peer(server=entry.inode, inode=entry.peer, uid=self._uids.get(entry.peer))
            for entry in self._bound_to(path, ESTABLISHED)
        ]

    def _bound_to(self, path: str, state: int) -> list[UnixSocket]:
        ours = file_of(path)
        return [entry for entry in self._all if entry.state == state and is_bound_to(entry, ours, path)]

    def named(self, name: str) -> list[UnixSocket]:
        """Listening sockets that were bound by that name, in whatever directory and mount namespace: see leads_to."""
        ending = b"/" + os.fsencode(name)
        return [entry for entry in self._all if entry.state == LISTENING and entry.path.endswith(ending)]

    def has_listener_below(self, directory: str) -> bool:
        prefix = os.fsencode(directory)
        return any(e.state == LISTENING and e.path.startswith(prefix) and leads_to(e) for e in self._all)

    @cached_property
    def _uids(self) -> dict[int, int | None]:
        return {entry.inode: entry.uid for entry in self._all}

    @cached_property
    def inodes(self) -> set[int]:
        return {entry.inode for entry in self._all}


def leads_to(entry: UnixSocket) -> bool:
    """Whether a socket's own name leads to it from here."""
    path = os.fsdecode(entry.path)
    return os.path.isabs(path) and is_bound_to(entry, file_of(path), path)


def is_bound_to(entry: UnixSocket, ours: File | None, path: str) -> bool:
    """Whether it is bound to that file; where the kernel does not say, its name decides."""
    if entry.file is None:
        return ours is not None and entry.path == os.fsencode(path)
    return entry.file == ours


def file_of(path: str) -> File | None:
    """The socket that a path leads to; None where there is none. It is not connected, nor opened.

    On btrfs and overlays stat(2) reports a made-up device: the mount table has the one that the kernel uses.
    """
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(place)
        if not stat.S_ISSOCK(status.st_mode):
            return None
        return File(status.st_ino & 0xFFFFFFFF, *_kernels_device(place, status.st_dev))
    finally:
        os.close(place)


def _kernels_device(place: int, device: int) -> tuple[int, int]:
    """Asked for once: whoever follows pcscd's connections asks again and again, and the table is long."""
    if device not in _DEVICES:
        mount = mounts.of_descriptor(place)
        _DEVICES[device] = mount.device if mount else (os.major(device), os.minor(device))
    return _DEVICES[device]


def is_same_place(one: str, other: str) -> bool:
    """Whether two paths are the same name in the same directory, however that is spelled."""
    if os.path.basename(one) != os.path.basename(other):
        return False
    try:
        return os.path.samefile(os.path.dirname(one), os.path.dirname(other))
    except (OSError, ValueError):
        return False
