"""What a hook sees: the machine, and the GnuPG of whoever runs it, or of every user."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from gpgdoctor.collect.early import Early
from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.machine import Look, Wishes, with_cards
from gpgdoctor.collect.on_behalf import NobodysLook, nothing
from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.facts import Facts, Process, known_or
from gpgdoctor.hooks.borrowed import LOOK_S, Borrowed
from gpgdoctor.hooks.observers import set_apart
from gpgdoctor.hooks.users import Candidates, candidates
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record, replace

if TYPE_CHECKING:
    import pwd

    from gpgdoctor.collect.user import UserFacts

TOGETHER = 5  # looks as users that run at once
ALL_USERS_S = 18.0
EACH = "looked at for each user"
REMOTE = "the home is on a file system that may hang, and no daemon of GnuPG runs"


class Survey(Record):
    """``machine`` holds whoever called, where nobody asked for all users; else ``users`` are facts of their own."""

    machine: Facts
    users: tuple[Facts, ...] | None = None
    left_out: int = 0


def survey(all_users: bool) -> Survey:
    """A passive look. Who is not root sees nobody but herself."""
    if not all_users or os.geteuid() != 0:
        return Survey(machine=set_apart(Look(Wishes(passive=True, versions=True)).facts()))
    machine = set_apart(Look(Wishes(passive=True, versions=True), _ForNobody()).facts())
    connections = known_or(machine.pcscd.connections, ())
    chosen = candidates(os.environ, (known_or(connection.uid, 0) for connection in connections))
    found = _looks(chosen)
    machine = replace(machine, processes=_with_cards(machine, found))
    return Survey(
        machine=machine, users=tuple(_facts(machine, user, mine) for user, mine in found), left_out=chosen.left_out
    )


class _ForNobody(Early):
    """The children of a look at the machine alone: nobody's gpgconf is asked."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.probe = ProbeChild()
        self.uid = os.geteuid()
        self.borrowed = NobodysLook(EACH)
        self.gpgconf = GpgconfQuestions(None, ask=False)


def _looks(chosen: Candidates) -> list[tuple[pwd.struct_passwd, UserFacts]]:
    """One child for each user, a few at a time, so that a slow machine is not overrun."""
    deadline = Deadline(ALL_USERS_S)
    found = []
    for start in range(0, len(chosen.users), TOGETHER):
        batch = chosen.users[start : start + TOGETHER]
        started = {user.pw_uid: Borrowed(user) for user in batch if user.pw_uid not in chosen.remote}
        within = deadline.sooner(LOOK_S)
        try:
            for user in batch:
                look = started.get(user.pw_uid)
                found.append((user, look.facts(within) if look else nothing(REMOTE)))
        finally:
            for look in started.values():
                look.close()
    return found


def _with_cards(machine: Facts, found: list[tuple[pwd.struct_passwd, UserFacts]]) -> tuple[Process, ...]:
    """The processes, each scdaemon with what it said to the child of its own user, and of no other."""
    described = []
    for process in known_or(machine.processes, ()):
        for user, mine in found:
            if process.role == "scdaemon" and known_or(process.uid, -1) == user.pw_uid:
                process = with_cards(process, mine)
        described.append(process)
    return tuple(described)


def _facts(machine: Facts, user: pwd.struct_passwd, mine: UserFacts) -> Facts:
    """The machine as it is for one user."""
    return replace(
        machine,
        gnupg=mine.gnupg,
        configuration=mine.configuration,
        host=replace(machine.host, user=user.pw_name, uid=user.pw_uid, called_by=None),
    )
