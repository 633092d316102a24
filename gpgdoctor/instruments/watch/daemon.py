"""Which process is the pcscd that listens on a socket, without connecting."""

from __future__ import annotations

import os

from gpgdoctor.collect import processes
from gpgdoctor.system import proc
from gpgdoctor.system.sockets import Sockets

SYSTEM_USERS_BELOW = 1000  # pcscd runs as root or as a user of its own


def candidates(path: str) -> list[int]:
    """The living pcscds that may listen at ``path``; more than one where nobody can tell them apart."""
    found = [pid for pid, role in processes.daemons().items() if role == "pcscd" and _may_be(pid, path)]
    if len(found) < 2:
        return found
    listening = {entry.inode for entry in Sockets().listening(path)}
    return [pid for pid in found if listening & (proc.socket_inodes(pid) or set())] or found


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
