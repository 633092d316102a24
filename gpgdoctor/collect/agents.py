"""gpg-agent, without ever connecting to it: who listens on its socket, and which version is installed."""

from __future__ import annotations

import os

from gpgdoctor.collect import processes
from gpgdoctor.collect.gnupg import version_of
from gpgdoctor.facts import Maybe, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.child import Command
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.sockets import Sockets

# Other programs that listen where a user's agent would, and hide their open files from that user.
SYSTEMD, FORWARDERS = "systemd", ("sshd", "sshd-session")
# Of the units that GnuPG brings for `systemd --user`, those whose sockets nobody forwards.
MADE_TOGETHER, TOGETHER_S = ("S.gpg-agent.extra", "S.gpg-agent.browser", "S.dirmngr", "S.keyboxd"), 0.5
CLOCK_TICK_S = 0.02  # the resolution of process start times in /proc


class VersionQuestion:
    """``gpg-agent --version``, asked early and read late."""

    def __init__(self, path: Maybe[str | None]) -> None:
        self._absent: Maybe[None] = path if isinstance(path, Unknown) else None
        self._command = Command([path, "--version"]) if isinstance(path, str) and os.path.exists(path) else None

    def answer(self, deadline: Deadline) -> Maybe[str | None]:
        return self._absent if self._command is None else version_of(self._command, deadline)

    def close(self) -> None:
        if self._command is not None:
            self._command.kill()


def listener(path: Maybe[str], sockets: Sockets, agents: list[int], mine: set[int]) -> Maybe[str | None]:
    """Which program has gpg-agent's socket open for listening. Nobody connects to it.

    ``mine`` are the users whose agent may listen there: anybody else's program can have any name it likes.
    """
    if isinstance(path, Unknown):
        return path
    if sockets.error is not None:
        return Unknown.because(sockets.error)
    listening = sockets.listening(path)
    if not listening:
        return None
    pids = proc.owners({entry.inode for entry in listening})
    users = {entry.uid for entry in listening}
    if not mine & users and None not in users:
        return f"{processes.name_of(next(iter(pids.values()))) if pids else 'a program'} of another user"
    if pids:
        return processes.name_of(next(iter(pids.values())))
    # gpg-agent forbids ptrace, which also hides its open files.
    if any(proc.socket_inodes(pid) is None and proc.uid(pid) in users for pid in agents):
        return "gpg-agent"
    if _is_of_systemd(path, users) or _has_systemds_others_beside(path, sockets, users):
        return SYSTEMD
    return Unknown.because("the program that listens on the agent's socket is not visible to this user")


def _is_of_systemd(path: str, users: set[int | None]) -> bool:
    """Whether only `systemd --user` can have made that socket. It hides its open files, as every process does that has
    changed its user.

    So does an ssh server that forwards an agent: that is ruled out where it started after the socket was made.
    """
    try:
        made = os.stat(path).st_mtime
    except OSError:
        return False
    names = {pid: proc.comm(pid) for pid in proc.pids()}
    hidden = {pid: name for pid, name in names.items() if name in (SYSTEMD, *FORWARDERS) and _hides_from(users, pid)}
    step_s = _clock_step_s([pid for pid, name in hidden.items() if name == SYSTEMD])
    return {name for pid, name in hidden.items() if _started_before(pid, made, step_s)} == {SYSTEMD}


def _has_systemds_others_beside(path: str, sockets: Sockets, users: set[int | None]) -> bool:
    """Whether somebody listens beside it on other sockets of GnuPG that are as old.

    `systemd --user` makes them all together, before any log-in; an ssh server that forwards an agent puts its own in
    the place of one.
    """
    if not any(proc.comm(pid) == SYSTEMD and _hides_from(users, pid) for pid in proc.pids()):
        return False
    directory = os.path.dirname(path)
    others = [other for name in MADE_TOGETHER if sockets.listening(other := os.path.join(directory, name))]
    try:
        made = os.stat(path).st_mtime
        return any(abs(os.stat(other).st_mtime - made) <= TOGETHER_S for other in others)
    except OSError:
        return False


def _clock_step_s(managers: list[int]) -> float:
    """How far the clock was put forward after `systemd --user` had begun, as the age of its own socket shows."""
    for pid in managers:
        started = proc.started(pid)
        try:
            made = os.stat(f"/run/user/{proc.uid(pid)}/systemd/private").st_mtime
        except OSError:
            continue
        if started is not None:
            return max(0.0, started - made)
    return 0.0


def _hides_from(users: set[int | None], pid: int) -> bool:
    """Whether a process of one of them does not let us see what it has open."""
    uid = proc.uid(pid)
    return uid is not None and uid in users and proc.socket_inodes(pid) is None


def _started_before(pid: int, moment: float, step_s: float) -> bool:
    started = proc.started(pid)
    return started is None or started - step_s <= moment + CLOCK_TICK_S
