"""/proc, read in one place. What is absent or hidden is None or empty: nothing here raises."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

COMM_BYTES = 64  # the kernel keeps 15
STAT_BYTES = 1024
STATUS_BYTES = 16384  # a user may be in very many groups
CGROUP_BYTES = 1 << 14
ARGUMENTS_BYTES = 1 << 16
SOCKET_PROTOCOL = "system.sockprotoname"
_ZOMBIE = ("Z", "X")
_UNIT = re.compile(rb"/(session-\w{1,32}\.scope|user@\d{1,10}\.service)(?=/|$)", re.MULTILINE)
_SERVICE = re.compile(
    rb"^(?:0:|\d+:name=systemd):/system\.slice/(?:[^/\n]+\.slice/)*([\w@.:-]{1,250}\.service)$", re.MULTILINE
)


def pids() -> list[int]:
    """Every process that this mount of /proc shows."""
    try:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return []


def comm(pid: int) -> str | None:
    """A process's own name, 15 characters at most."""
    content = _read(f"/proc/{pid}/comm", COMM_BYTES)
    return None if content is None else content.rstrip(b"\n").decode(errors="replace")


def arguments(pid: int) -> list[str]:
    """Its command line, bounded; empty where it is hidden, and for kernel threads."""
    content = _read(f"/proc/{pid}/cmdline", ARGUMENTS_BYTES) or b""
    return [os.fsdecode(word) for word in content.split(b"\0")[:-1]]


def variable(pid: int, name: str) -> str | None:
    """A variable of the environment that a process was started with; None where it has none, or hides it."""
    start = os.fsencode(name) + b"="
    words = (_read(f"/proc/{pid}/environ", ARGUMENTS_BYTES) or b"").split(b"\0")
    return next((os.fsdecode(word[len(start) :]) for word in words if word.startswith(start)), None)


def state(pid: int) -> str | None:
    """The letter in /proc/PID/stat: "T" is stopped, "Z" has ended."""
    fields = _stat(pid)
    return fields[0].decode(errors="replace") if fields else None


def parent(pid: int) -> int | None:
    """The pid of the process that started it, or that took it over."""
    fields = _stat(pid)
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else None


def started_ticks(pid: int) -> int | None:
    """When a process was started, in ticks since boot: unique together with its pid. None: it has ended."""
    fields = _stat(pid)
    if len(fields) <= 19 or not fields[19].isdigit() or fields[0].decode(errors="replace") in _ZOMBIE:
        return None
    return int(fields[19])


def started(pid: int) -> float | None:
    """The same in seconds since the epoch, as today's clock counts them; to a hundredth of a second."""
    ticks = started_ticks(pid)
    if ticks is None:
        return None
    since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - since_boot_s


def _stat(pid: int) -> list[bytes]:
    """What follows the name, which may hold any character: proc(5) counts from 3 on."""
    return (_read(f"/proc/{pid}/stat", STAT_BYTES) or b"").rpartition(b")")[2].split()


def uid(pid: int) -> int | None:
    """Whose process it is; /proc/PID itself belongs to root where the process forbids ptrace."""
    words = _status(pid, b"Uid:")
    return int(words[0]) if words and words[0].isdigit() else None


def acts_as(pid: int) -> tuple[int, set[int]] | None:
    """The user and the groups whose rights a process has, for files; None where that is hidden."""
    user, group = _status(pid, b"Uid:"), _status(pid, b"Gid:")
    words = [*user[3:], *group[3:], *_status(pid, b"Groups:")]
    if len(user) != 4 or len(group) != 4 or not all(word.isdigit() for word in words):
        return None
    return int(words[0]), {int(word) for word in words[1:]}


def unit(pid: int | str = "self") -> str | None:
    """The session or user manager that systemd runs a process in, by its control group; "" where it is in neither.

    None where its control group is hidden.
    """
    content = _read(f"/proc/{pid}/cgroup", CGROUP_BYTES)
    if content is None:
        return None
    found = _UNIT.search(content)
    return found[1].decode() if found else ""


def control_groups(pid: int) -> str:
    """The lines of /proc/PID/cgroup; empty where they are hidden."""
    return (_read(f"/proc/{pid}/cgroup", CGROUP_BYTES) or b"").decode(errors="replace")


def service(pid: int) -> str | None:
    """The service of the system that systemd runs a process as, by its control group, which no user can choose."""
    found = _SERVICE.search(_read(f"/proc/{pid}/cgroup", CGROUP_BYTES) or b"")
    return found[1].decode() if found else None


def namespace_depth(pid: int) -> int | None:
    """In how many pid namespaces, from ours inwards, a process has a number."""
    return len(_status(pid, b"NSpid:")) or None


def _status(pid: int, name: bytes) -> list[bytes]:
    lines = (_read(f"/proc/{pid}/status", STATUS_BYTES) or b"").split(b"\n")
    return next((line[len(name) :].split() for line in lines if line.startswith(name)), [])


def is_below(pid: int) -> bool:
    """Whether a process runs in a container of this system, as far as pid namespaces show."""
    its, mine = namespace_depth(pid), namespace_depth(os.getpid())
    return its is not None and mine is not None and its > mine


def ancestors(of: int | None = None) -> set[int]:
    """A process, by default this one, and the processes that started it."""
    found: set[int] = set()
    pid = of or os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        pid = parent(pid) or 0
    return found


def others_are_hidden() -> bool:
    """Whether /proc keeps others from us (hidepid), and with them our own daemons of GnuPG, which forbid ptrace."""
    return _read("/proc/1/comm", COMM_BYTES) is None


def descriptors(pid: int) -> Iterator[str]:
    """What a process has open, as /proc names it: a path, or "socket:[INODE]"."""
    return (target for _, target in _opened(pid))


def _opened(pid: int) -> Iterator[tuple[str, str]]:
    """The same, each with its own path in /proc."""
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                path = f"/proc/{pid}/fd/{descriptor}"
                yield path, os.readlink(path)


def _inode(target: str) -> int | None:
    return int(target[8:-1]) if target.startswith("socket:[") and target[8:-1].isdigit() else None


def socket_inodes(pid: int) -> set[int] | None:
    """The inodes of every socket that a process has open; None where we may not look.

    What has a capability that we lack lists its descriptors and does not say what they are (ptrace(2)): so does
    `systemd --user` since systemd 254, which has CAP_WAKE_ALARM.
    """
    try:
        listed = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return None
    targets = list(descriptors(pid))
    if listed and not targets:
        return None
    return {inode for inode in map(_inode, targets) if inode is not None}


def unix_sockets(pid: int) -> set[int] | None:
    """The inodes of its Unix sockets alone, in whatever network namespace; None where that is not to be seen.

    The kernel tells the protocol of a socket in an attribute (net/socket.c, sockfs_xattr_get): UNIX, UNIX-STREAM, TCP.
    """
    if socket_inodes(pid) is None:
        return None
    found = set()
    for path, target in _opened(pid):
        inode = _inode(target)
        try:
            if inode is not None and os.getxattr(path, SOCKET_PROTOCOL).startswith(b"UNIX"):
                found.add(inode)
        except OSError:
            if _target(path) == target:
                return None
            continue  # closed meanwhile, or another file has its number
    return found


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def owners(inodes: Collection[int], among: Iterable[int] | None = None) -> dict[int, int]:
    """The pid behind each socket inode, as far as /proc shows it to us; stops when all are found."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for pid in among if among is not None else pids():
        if len(found) == len(wanted):
            break
        for target in descriptors(pid):
            if target in wanted:
                found.setdefault(wanted[target], pid)
    return found


def namespace(pid: int | str, kind: str) -> str | None:
    """The kernel's name of one namespace of a process; None where we may not look."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return None


def executable(pid: int) -> str | None:
    """The program file, with the kernel's mark " (deleted)" where it is gone; None where it is hidden."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def mapped(word: str, pid: int | str = "self") -> str | None:
    """The first file with that word in its path that a process has mapped; None where we may not look."""
    with suppress(OSError), open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        return next((line.split(None, 5)[5].strip() for line in maps if word in line), None)
    return None


def _read(path: str, limit_bytes: int) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(limit_bytes)
    except (OSError, ValueError):
        return None
