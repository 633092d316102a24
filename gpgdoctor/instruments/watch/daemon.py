"""Which process is the pcscd that listens on a socket, without connecting."""

from __future__ import annotations

import os

from gpgdoctor.collect import pcscd, processes
from gpgdoctor.system import proc
from gpgdoctor.system.sockets import Sockets

SYSTEM_USERS_BELOW = 1000  # pcscd runs as root or as a user of its own


def candidates(path: str) -> list[int]:
    """The living pcscds that may listen at ``path``; more than one where nobody can tell them apart.

    None where it is an activator that listens: a connection would start what it waits for. A pcscd beside it is
    somebody else's, in a mount namespace of its own.
    """
    found = [pid for pid, role in processes.daemons().items() if role == "pcscd" and _may_be(pid, path)]
    sockets = Sockets()
    if not found or pcscd.listener(path, sockets, found) in (None, "activator"):
        return []
    listening = {entry.inode for entry in sockets.listening(path)}
    visible = {pid: proc.socket_inodes(pid) for pid in found}
    certain = [pid for pid, inodes in visible.items() if inodes is not None and inodes & listening]
    return certain or [pid for pid, inodes in visible.items() if inodes is None]


def _may_be(pid: int, path: str) -> bool:
    """A name proves little: it must be the socket's owner, or a user of the system, and in no container."""
    try:
        owner = os.stat(path).st_uid
    except OSError:
        return False
    uid = proc.uid(pid)
    return uid is not None and (uid == owner or uid < SYSTEM_USERS_BELOW) and not proc.is_below(pid)


def ends_by_itself(pid: int) -> bool:
    """Whether it ends when nobody has been connected for a minute; where that is not visible, it may."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments = file.read(processes.COMMAND_LINE_BYTES).split(b"\0")
    except OSError:
        return True
    return b"--auto-exit" in arguments or b"-x" in arguments
