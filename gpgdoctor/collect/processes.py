"""Running daemons, and the programs behind sockets."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TypeVar

from gpgdoctor.facts import Maybe, Process, Unknown
from gpgdoctor.system.record import replace

T = TypeVar("T")

_COMM_LENGTH = 15
PROGRAM_LIMIT_BYTES = 16 << 20
ROLES = ("pcscd", "scdaemon", "gpg-agent")
# Nixpkgs' makeWrapper moves a program away so, and gives it its own name back as argv[0] only.
DAEMONS = {name: role for role in ROLES for name in (role, f".{role}-wrapped"[:_COMM_LENGTH])}
_INTERPRETER = re.compile(r"(python[\d.]*|perl|ruby|node|java|bash|sh|dash)$")
_MODULE = re.compile(r"-[A-Za-z]*m")  # of Python; alone or after flags that take no value
_COMMAND = re.compile(r"-[A-Za-z]*c")
_TAKES_COMMANDS = ("python", "bash", "sh", "dash")
# Options of interpreters whose value is a word of its own, which is no script.
_WITH_VALUES = {
    "python": ("-W", "-X", "--check-hash-based-pycs"),
    "perl": ("-I", "-M"),
    "ruby": ("-I", "-r", "-C", "-E"),
    "node": ("-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"),
    "java": (
        *("-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules"),
        *("--enable-native-access", "--add-exports", "--add-opens", "--add-reads", "--limit-modules", "--source"),
    ),
    "bash": ("-o", "-O", "--rcfile", "--init-file"),
    "sh": ("-o",),
    "dash": ("-o",),
}
HIDDEN = "this machine hides the processes of others (hidepid)"


def daemons() -> dict[int, str]:
    """The pids of every pcscd, scdaemon and gpg-agent, with their roles; zombies left out."""
    return {pid: DAEMONS[name] for pid, name in _names() if name in DAEMONS and not _is_zombie(pid)}


def _names() -> Iterable[tuple[int, str]]:
    if not sys.platform.startswith("linux"):
        import psutil

        yield from ((process.pid, process.info["name"] or "") for process in psutil.process_iter(["name"]))
        return
    for entry in os.listdir("/proc"):  # psutil needs twice as long for the names alone
        if entry.isdigit():
            with suppress(OSError), open(f"/proc/{entry}/comm", "rb") as comm:
                yield int(entry), comm.read(64).rstrip(b"\n").decode(errors="replace")


def _is_zombie(pid: int) -> bool:
    # An scdaemon that was killed stays a zombie until gpg-agent looks after it, up to 4 s (agent/call-scd.c).
    return state_of(pid) == "Z"


def state_of(pid: int) -> str | None:
    """The letter in /proc/PID/stat; None where the process is gone or there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read(512).rpartition(b")")[2].split()[0].decode(errors="replace")
    except (OSError, IndexError):
        return None


def uid_of(pid: int) -> int | None:
    """Whose process it is; /proc/PID itself belongs to root where the process forbids ptrace."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            found = re.search(rb"^Uid:\s+(\d+)", status.read(4096), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) if found else None


def namespace_depth(pid: int) -> int | None:
    """In how many pid namespaces, from ours inwards, a process has a number."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            found = re.search(rb"^NSpid:(.*)$", status.read(4096), re.MULTILINE)
    except OSError:
        return None
    return len(found.group(1).split()) if found else None


def is_below(pid: int) -> bool:
    """Whether a process runs in a container of this system, as far as pid namespaces tell."""
    its, mine = namespace_depth(pid), namespace_depth(os.getpid())
    return its is not None and mine is not None and its > mine


def are_hidden() -> bool:
    """Whether /proc keeps others from us (hidepid), and with them our own daemons of GnuPG, which forbid ptrace."""
    try:
        with open("/proc/1/comm", "rb"):
            return False
    except OSError:
        return True


def owners(inodes: Collection[int], pids: Iterable[int] | None = None) -> dict[int, int]:
    """The pid behind each socket inode, as far as /proc shows it to us; stops when all are found."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for pid in pids if pids is not None else _all_pids():
        if len(found) == len(wanted):
            break
        for target in _descriptors(pid):
            if target in wanted:
                found.setdefault(wanted[target], pid)
    return found


def socket_inodes(pid: int) -> set[int] | None:
    """The inodes of every socket that a process has open; None where we may not look."""
    try:
        os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return None
    return {int(target[8:-1]) for target in _descriptors(pid) if target.startswith("socket:[")}


def _all_pids() -> list[int]:
    try:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return []


def _descriptors(pid: int) -> Iterable[str]:
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                yield os.readlink(f"/proc/{pid}/fd/{descriptor}")


def ancestors(of: int | None = None) -> set[int]:
    """A process, by default gpgdoctor itself, and the processes that started it."""
    found, pid = set(), of or os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        pid = _parent(pid)
    return found


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read(512).rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def describe(pid: int, role: str, ours: Collection[int]) -> Process | None:
    """All that is known of a process; None where it ended meanwhile."""
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            arguments = _try(process.cmdline)
            program = _program(process.name(), arguments)
            executable = _try(process.exe)
            return Process(
                pid=pid,
                program=program,
                role=role,
                user=_user(_try(lambda: process.uids().real)),
                uid=_try(lambda: process.uids().real),
                parent=_try(process.ppid),
                started=_try(lambda: round(process.create_time(), 2)),
                state=state_of(pid) or Unknown("its state is not visible"),
                executable=executable,
                replaced=_replaced(pid),
                homedir=_homedir(arguments) if role in ("scdaemon", "gpg-agent") else None,
                ours=pid in ours or program == "gpgdoctor",
            )
    except psutil.Error:
        return None


def _try(get: Callable[[], T]) -> Maybe[T]:
    import psutil

    try:
        return get()
    except psutil.AccessDenied:
        return Unknown("this user may not see it")
    except psutil.Error as error:
        raise psutil.NoSuchProcess(0) from error


def _program(name: str, arguments: Maybe[list[str]]) -> str:
    """The name that a person would give it: of an interpreter, the script or module that it runs."""
    if isinstance(arguments, Unknown) or not arguments:
        return name
    interpreter = _INTERPRETER.match(name)
    if interpreter:
        return _script(interpreter[1].rstrip("0123456789."), arguments) or name
    base = os.path.basename(arguments[0])
    if name == f".{base}-wrapped"[:_COMM_LENGTH]:
        return base
    return base if len(name) == _COMM_LENGTH and base.startswith(name) else name


def _script(interpreter: str, arguments: list[str]) -> str | None:
    following = iter(arguments[1:])
    for argument in following:
        if argument == "-jar" or (interpreter == "python" and _MODULE.fullmatch(argument)):
            return os.path.basename(next(following, "")).partition(".")[0] or None
        if argument == "-e" or (interpreter in _TAKES_COMMANDS and _COMMAND.fullmatch(argument)):
            return None
        if argument in _WITH_VALUES.get(interpreter, ()):
            next(following, None)
        elif not argument.startswith("-"):
            return os.path.basename(argument)
    return None


def name_of(pid: int) -> str:
    """A process's name alone; "unknown" where it ended meanwhile."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as comm:
            name = comm.read(64).rstrip(b"\n").decode(errors="replace")
            return DAEMONS.get(name, name)
    except OSError:
        return "unknown"


def _user(uid: Maybe[int]) -> Maybe[str]:
    if isinstance(uid, Unknown):
        return uid
    return user_name(uid)


def user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _replaced(pid: int) -> Maybe[bool]:
    # psutil strips this mark where the path exists again, which is the case that matters.
    try:
        path, deleted, _ = os.readlink(f"/proc/{pid}/exe").partition(" (deleted)")
    except OSError:
        return Unknown("this user may not see its program file")
    return bool(deleted) and not _same_bytes(f"/proc/{pid}/exe", path)


def _open_at_once(path: str, flags: int) -> int:
    """Whoever owns the place may have put a FIFO there."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _same_bytes(one: str, other: str) -> bool:
    """Whether a package was only installed anew."""
    try:
        with open(one, "rb") as running, open(other, "rb", opener=_open_at_once) as installed:
            sizes = [os.fstat(file.fileno()) for file in (running, installed)]
            if not stat.S_ISREG(sizes[1].st_mode) or sizes[0].st_size != sizes[1].st_size:
                return False
            return running.read(PROGRAM_LIMIT_BYTES) == installed.read(PROGRAM_LIMIT_BYTES)
    except OSError:
        return False


def not_replaced(process: Process, path: str | None) -> Process:
    """A process whose program file is hidden from us is not older than the file that was there before it."""
    if path is None or not isinstance(process.replaced, Unknown) or isinstance(process.started, Unknown):
        return process
    try:
        changed = os.stat(path).st_ctime
    except OSError:
        return process
    newer = Unknown(f"{path} changed after it started, and which of both it runs is not visible")
    return replace(process, replaced=False if process.started > changed else newer)


def _homedir(arguments: Maybe[list[str]]) -> Maybe[str | None]:
    if isinstance(arguments, Unknown):
        return arguments
    for number, argument in enumerate(arguments):
        if argument == "--homedir":
            return arguments[number + 1] if number + 1 < len(arguments) else None
        if argument.startswith("--homedir="):
            return argument.partition("=")[2]
    return None
