"""Running daemons, and the programs behind sockets."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from gpgdoctor.facts import Maybe, Process, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.record import replace
from gpgdoctor.system.regular import NotRegular, open_regular

T = TypeVar("T")

_COMM_LENGTH = 15  # the kernel keeps no more of a name
NAME_LENGTH = 64  # of a program name out of a command line: a script can have any name
PROGRAM_LIMIT_BYTES = 16 << 20
MOST_OPTIONS = 100
COMMAND_LINE_BYTES = 1 << 16
ROLES = ("pcscd", "scdaemon", "gpg-agent")
# Nixpkgs' makeWrapper renames the program like this, and restores its own name in argv[0] only.
DAEMONS = {name: role for role in ROLES for name in (role, f".{role}-wrapped"[:_COMM_LENGTH])}
_INTERPRETER = re.compile(r"(python[\d.]*|perl|ruby|node|java|bash|sh|dash)$")
_MODULE = re.compile(r"-[A-Za-z]*m")  # of Python; alone or after flags that take no value
_COMMAND = re.compile(r"-[A-Za-z]*c")
_TAKES_COMMANDS = ("python", "bash", "sh", "dash")
# Options of interpreters that take their value as the next word, which is then not the script.
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
    # An scdaemon that was killed stays a zombie until gpg-agent looks after it, up to 4 s (agent/call-scd.c).
    return {pid: DAEMONS[name] for pid, name in _names() if name in DAEMONS and proc.state(pid) != "Z"}


def _names() -> Iterable[tuple[int, str]]:
    if not sys.platform.startswith("linux"):
        import psutil

        yield from ((process.pid, process.info["name"] or "") for process in psutil.process_iter(["name"]))
        return
    for pid in proc.pids():  # psutil needs twice as long for the names alone
        name = proc.comm(pid)
        if name is not None:
            yield pid, name


def describe(pid: int, role: str, ours: Collection[int]) -> Process | None:
    """Everything known about a process; None where it has ended meanwhile."""
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            arguments = _try(process.cmdline)
            program = _program(process.name()[:NAME_LENGTH], arguments)[:NAME_LENGTH]
            executable = _try(process.exe)
            return Process(
                pid=pid,
                program=program,
                role=role,
                user=_user(_try(lambda: process.uids().real)),
                uid=_try(lambda: process.uids().real),
                parent=_try(process.ppid),
                started=_try(lambda: round(process.create_time(), 2)),
                state=proc.state(pid) or Unknown.because("its state is not visible"),
                executable=executable,
                replaced=_replaced(pid),
                homedir=_homedir(arguments) if role in ("scdaemon", "gpg-agent") else None,
                ours=pid in ours or program == "gpgdoctor",
                session=session_of(pid),
                options=_options(arguments) if role in ("scdaemon", "gpg-agent") else (),
            )
    except psutil.Error:
        return None


def _try(get: Callable[[], T]) -> Maybe[T]:
    import psutil

    try:
        return get()
    except psutil.AccessDenied:
        return Unknown.because("this user may not see it")
    except psutil.Error as error:
        raise psutil.NoSuchProcess(0) from error


def _program(name: str, arguments: Maybe[list[str]]) -> str:
    """The name that people use for it: for an interpreter, that of the script or module it runs."""
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
    """A process's name alone; "unknown" where it has ended meanwhile."""
    name = proc.comm(pid) or "unknown"
    return DAEMONS.get(name, name)


def program_of(pid: int) -> str:
    """The name that people use for a process, without reading anything else about it."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments = file.read(COMMAND_LINE_BYTES).rstrip(b"\0").decode(errors="replace").split("\0")
    except OSError:
        arguments = []
    return _program(name_of(pid), [argument for argument in arguments if argument])


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
    # psutil removes this mark where the path exists again, which is the case that matters here.
    target = proc.executable(pid)
    if target is None:
        return Unknown.because("this user may not see its program file")
    path, deleted, _ = target.partition(" (deleted)")
    return bool(deleted) and not _same_bytes(f"/proc/{pid}/exe", path)


def _same_bytes(running: str, installed: str) -> bool:
    """Whether the same package was only reinstalled. The owner of that place may have put anything there."""
    try:
        with os.fdopen(open_regular(installed, follow=False), "rb") as one, open(running, "rb") as other:
            if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
                return False
            return one.read(PROGRAM_LIMIT_BYTES) == other.read(PROGRAM_LIMIT_BYTES)
    except (OSError, NotRegular):
        return False


def not_replaced(process: Process, path: str | None) -> Process:
    """The process, known not to be replaced where its hidden program file has not changed since it started."""
    if path is None or not isinstance(process.replaced, Unknown) or isinstance(process.started, Unknown):
        return process
    try:
        changed = os.stat(path).st_ctime
    except OSError:
        return process
    newer = Unknown.because(f"{path} changed after it started, and which of both it runs is not visible")
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


def _options(arguments: Maybe[list[str]]) -> Maybe[tuple[str, ...]]:
    """The names of the options that it was started with, without their values."""
    if isinstance(arguments, Unknown):
        return arguments
    return tuple(word.partition("=")[0][:NAME_LENGTH] for word in arguments[1:MOST_OPTIONS] if word.startswith("-"))


def session_of(pid: int | str) -> Maybe[str | None]:
    """The session or user manager of systemd that a process is in; None where it is in neither."""
    unit = proc.unit(pid)
    return Unknown.because("its control group is not visible") if unit is None else unit or None
