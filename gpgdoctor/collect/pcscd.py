"""pcscd without talking to it: its socket, who listens there, and who is connected."""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Sequence
from typing import TypeAlias

from gpgdoctor.collect import traced
from gpgdoctor.collect.pcscd_program import PLACES
from gpgdoctor.collect.processes import HIDDEN
from gpgdoctor.facts import Connection, Maybe, Unknown
from gpgdoctor.system import mounts, proc
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.sockets import Peer, Sockets

DEFAULT_SOCKET = "/run/pcscd/pcscd.comm"  # since pcsc-lite 1.9.0; before that the same place, through /var/run
SERVICE = "pcscd.service"
Paired: TypeAlias = tuple[tuple[Connection, ...], dict[int, int]]

UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
PACKAGES = "/var/lib/dpkg/status"
PACKAGE_LINES = 100
SETTLE_S = 0.05


def socket_path() -> str:
    """Where libpcsclite would connect. (In a set-uid program it would ignore the environment.)"""
    return os.environ.get("PCSCLITE_CSOCK_NAME") or DEFAULT_SOCKET


def socket_file(path: str) -> Maybe[str]:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        return Unknown.because(f"{path}: {error.strerror}")
    return "socket" if stat.S_ISSOCK(mode) else "not a socket"


def mounted(path: str) -> Maybe[bool]:
    """Whether the socket or its directory is a mount point, as in a container that gets it from its host."""
    real = os.path.realpath(path)
    try:
        points = {mount.point for mount in mounts.mounts()}
    except OSError as error:
        return Unknown.because(f"{mounts.TABLE}: {error.strerror}")
    return bool({real, os.path.dirname(real)} & points)


def listener(path: str, sockets: Sockets, daemons: Collection[int]) -> Maybe[str | None]:
    """Who listens at pcscd's socket: "pcscd", an "activator" such as systemd, or None.

    We may connect only where a running pcscd listens: a connection to systemd's socket would start one.
    """
    if sockets.error is not None:
        return Unknown.because(sockets.error)
    listening = {entry.inode for entry in sockets.listening(path)}
    if not listening:
        return None
    if any(peer.server for peer in sockets.peers(path)):
        return "pcscd"  # an activator never accepts: a connection that waits in its queue has no inode yet
    visible = {pid: proc.socket_inodes(pid) for pid in daemons}
    if any(inodes is not None and inodes & listening for inodes in visible.values()):
        return "pcscd"
    if not daemons and proc.others_are_hidden():
        return Unknown.because(HIDDEN)
    opaque = [pid for pid, inodes in visible.items() if inodes is None]
    return "pcscd" if any(_may_be_the_daemon(pid, path) for pid in opaque) else "activator"


def _may_be_the_daemon(pid: int, path: str) -> bool:
    """Whether a process whose descriptors we may not see can be the one that listens there.

    Its name proves little: it must belong to the owner of the socket, or be the systemd service (where pcscd runs as
    a user of its own), and must not run in a container below this system.
    """
    try:
        owner = os.stat(path).st_uid
    except OSError:
        return False
    if proc.namespace_depth(pid) != proc.namespace_depth(os.getpid()):
        return False
    return proc.uid(pid) == owner or (owner == 0 and proc.service(pid) == SERVICE)


def may_be_refused(path: str, kind: Maybe[str], listener: Maybe[str | None], daemons: Collection[int]) -> Maybe[bool]:
    """Whether connect() may be refused; True means that it has to be tried, which reaches nobody."""
    if isinstance(listener, Unknown):
        return listener
    if isinstance(kind, Unknown):
        return kind
    if kind != "socket" or listener is not None:
        return False
    if daemons:
        return Unknown.because("pcscd runs, but its socket belongs to another network namespace")
    if mounted(path) is not False:
        return Unknown.because("the socket of pcscd comes from outside this container")
    if _apart():
        return Unknown.because("who listens at pcscd's socket is not visible from this network namespace")
    return True


def refused(path: str, code: int | None) -> Maybe[bool]:
    """What the errno of a connect() means."""
    if code is None:
        return Unknown.because(f"{path}: whether it refuses connections was not to be learnt in time")
    return code == errno.ECONNREFUSED or (Unknown.because(f"{path}: {os.strerror(code)}") if code else False)


def _apart() -> bool:
    """Whether the sockets of system services may be invisible here, in another network namespace."""
    first = proc.namespace(1, "net")
    if first is not None and first != proc.namespace("self", "net"):
        return True
    # Without root the first process's namespace is hidden; then systemd's sockets, visible to everybody, are the test.
    by_systemd = os.path.isdir("/run/systemd/system")
    if first is None and by_systemd and not Sockets().has_listener_below("/run/systemd/"):
        return True
    try:
        with open("/proc/self/uid_map", encoding="ascii") as table:
            return table.read().split() != ["0", "0", "4294967295"] and by_systemd
    except OSError:
        return False


def connections(first: Sequence[Peer], second: Sequence[Peer] | None) -> list[Peer]:
    """The connections that both looks show."""
    if second is None:
        return list(first)
    still = {peer.server for peer in second}
    return [peer for peer in first if peer.server in still]


def pair(peers: Sequence[Peer], sockets: Sockets) -> Paired:
    """Connections with the pids of their clients, and those pids by socket inode, as far as they are visible to us."""
    pids = proc.owners({peer.inode for peer in peers if peer.inode})
    paired = tuple(
        Connection(
            inode=peer.server,
            uid=peer.uid if peer.uid is not None else Unknown.because("this kernel does not tell"),
            pid=pids.get(peer.inode, Unknown.because("the program is not visible to this user")),
        )
        for peer in peers
        if peer.inode
    )
    return traced.followed(paired, pids, sockets)


def waiting(peers: Sequence[Peer]) -> int:
    """The number of connections without a peer: pcscd still works on a call whose caller is gone."""
    return sum(1 for peer in peers if not peer.inode)


def orphans(path: str, first: Sequence[Peer]) -> int:
    """The same, without those that pcscd closes a moment later because their client has just gone."""
    suspects = {peer.server for peer in first if not peer.inode}
    if not suspects:
        return 0
    time.sleep(SETTLE_S)
    return sum(1 for peer in Sockets().peers(path) if peer.server in suspects and not peer.inode)


def hidden(daemons: Collection[int], shown: Sockets) -> Maybe[int]:
    """How many of pcscd's connections this network namespace does not show: clients in another one.

    ``shown`` is a list from a moment ago; a new one is made only where that does not explain everything.
    """
    before = _unix_sockets(daemons)
    if before is None:
        return Unknown.because("only root sees connections from other network namespaces")
    if shown.error is None and before <= shown.inodes:
        return 0
    shown = Sockets()
    after = _unix_sockets(daemons)
    if after is None:
        return Unknown.because("only root sees connections from other network namespaces")
    if shown.error is not None:
        return Unknown.because(shown.error)
    return len((before & after) - shown.inodes)


def _unix_sockets(pids: Collection[int]) -> set[int] | None:
    found: set[int] = set()
    for pid in pids:
        its = proc.unix_sockets(pid)
        if its is None:
            return None
        found |= its
    return found


def installed() -> bool:
    return _program() is not None


def _program() -> str | None:
    return shutil.which("pcscd", path=PLACES)


def version(deadline: Deadline) -> Maybe[str | None]:
    """The version of the installed pcscd, as it prints it; None where there is none."""
    program = _program()
    if program is None:
        return None
    try:
        said = Command([program, "--version"]).result(deadline).stdout
    except CommandFailed as error:
        return Unknown.because(str(error))
    found = re.match(r"pcsc-lite version (\d[\w.+~-]{0,30}?)\.?$", said, re.MULTILINE)
    return found[1] if found else Unknown.because(f"{program} does not tell its version")


def library_version(path: str) -> Maybe[str | None]:
    """The version of the installed PC/SC library; ``path`` is where it was loaded from.

    The library itself has no call for it: Debian's list of packages has the version of its own library.
    """
    if not path.startswith(("/usr/lib/", "/lib/")):
        return Unknown.because(f"{path} does not tell its version")
    try:
        with open(PACKAGES, encoding="utf-8", errors="replace") as status:
            for line in status:
                if line == "Package: libpcsclite1\n":
                    fields = itertools.takewhile(str.strip, itertools.islice(status, PACKAGE_LINES))
                    return next((it[9:].strip() for it in fields if it.startswith("Version: ")), None)
    except OSError:
        pass
    return Unknown.because("no package tells the version of the PC/SC library")


def unit() -> Maybe[str | None]:
    """The state of pcscd.socket, read from systemd's directories, which is faster than asking systemctl."""
    for directory in UNIT_DIRECTORIES:
        path = f"{directory}/pcscd.socket"
        if os.path.lexists(path):
            try:
                if os.path.realpath(path) == "/dev/null" or os.path.getsize(path) == 0:
                    return "masked"
            except OSError as error:  # a link that leads nowhere, for one
                return Unknown.because(f"{path}: {error.strerror}")
            wanted = "/etc/systemd/system/sockets.target.wants/pcscd.socket"
            return "enabled" if os.path.lexists(wanted) else "disabled"
    return None
