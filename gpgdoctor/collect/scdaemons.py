"""Asks every running scdaemon that may be asked. No other daemon of GnuPG is connected to.

scdaemon and gpg-agent forbid ptrace (PR_SET_DUMPABLE), so that not even their own user may see their open
files. So a socket counts as that of a running scdaemon if it belongs to me and a scdaemon of mine is running.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

from gpgdoctor.collect.processes import HIDDEN
from gpgdoctor.collect.scdaemon import NoAnswer, ask
from gpgdoctor.facts import Maybe, RunningScdaemon, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record
from gpgdoctor.system.sock_diag import UnixSocket
from gpgdoctor.system.sockets import Sockets, is_same_place, leads_to

T = TypeVar("T")

ASK_AT_MOST = 8
ASK_DEADLINE_S = 1.0  # for all of them; each gets half of it at most


class Answers(Record):
    """What each socket said."""

    by_path: dict[str, Maybe[RunningScdaemon]]
    error: str | None = None

    def of_home(self, socketdir: Maybe[str]) -> Maybe[RunningScdaemon | None]:
        """The scdaemon of one GnuPG home; None where none runs there."""
        if isinstance(socketdir, Unknown):
            return socketdir
        if self.error is not None:
            return Unknown.because(self.error)
        wanted = f"{socketdir}/S.scdaemon"
        if wanted in self.by_path:
            return self.by_path[wanted]
        return next((said for path, said in self.by_path.items() if is_same_place(path, wanted)), None)

    def error_or(self, value: T) -> Maybe[T]:
        return value if self.error is None else Unknown.because(self.error)


def ask_all(sockets: Sockets, pids: Sequence[int], deadline: Deadline) -> Answers:
    """Ask every scdaemon of this user; ``pids`` are the running ones. Root asks only root's."""
    if sockets.error is not None:
        return Answers(by_path={}, error=sockets.error)
    pids = [pid for pid in pids if proc.uid(pid) == os.geteuid()]
    visible, opaque = _open_sockets(pids)
    askable = [
        entry
        for entry in sockets.named("S.scdaemon")
        if (entry.inode in visible or (opaque and _belongs_to(entry, os.geteuid()))) and leads_to(entry)
    ]
    shared = deadline.sooner(ASK_DEADLINE_S)
    said = {os.fsdecode(entry.path): _ask(entry, shared) for entry in askable[:ASK_AT_MOST]}
    return Answers(by_path={**_unseen(sockets), **said})


def _unseen(sockets: Sockets) -> dict[str, Maybe[RunningScdaemon]]:
    """My sockets whose process is hidden: they are not asked, and not taken for dead."""
    if not proc.others_are_hidden():
        return {}
    mine = (entry for entry in sockets.named("S.scdaemon") if _belongs_to(entry, os.geteuid()))
    return {os.fsdecode(entry.path): Unknown.because(HIDDEN) for entry in mine if leads_to(entry)}


def _open_sockets(pids: Sequence[int]) -> tuple[set[int], bool]:
    """The sockets that scdaemons have open, and whether one of them hides its open files."""
    visible: set[int] = set()
    opaque = False
    for pid in pids:
        inodes = proc.socket_inodes(pid)
        if inodes is not None:
            visible |= inodes
        else:
            opaque = True
    return visible, opaque


def _belongs_to(entry: UnixSocket, uid: int) -> bool:
    if entry.uid is not None:
        return entry.uid == uid
    try:
        return os.stat(entry.path).st_uid == uid
    except (OSError, ValueError):
        return False


def _ask(entry: UnixSocket, deadline: Deadline) -> Maybe[RunningScdaemon]:
    try:
        return ask(os.fsdecode(entry.path), deadline)
    except NoAnswer as why:
        return Unknown.because(str(why))
