"""What a hook sees: the machine, and the GnuPG of the user who runs it, or of every user."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from gpgdoctor.collect import usb
from gpgdoctor.collect.described import with_cards
from gpgdoctor.collect.early import Early
from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.machine import Look, LookOptions
from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.collect.user_child import UserChild, nothing_known
from gpgdoctor.facts import Facts, Process, Reason, Unknown, known_or
from gpgdoctor.hooks.observers import mark_callers
from gpgdoctor.hooks.untrusted import cleaned
from gpgdoctor.hooks.users import Candidates, candidates
from gpgdoctor.system.caller import RunAs
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record, replace

if TYPE_CHECKING:
    import pwd

    from gpgdoctor.collect.readers import ProbeAnswers
    from gpgdoctor.collect.user import UserFacts

TOGETHER = 5  # looks at users that run at once
ALL_USERS_S = 18.0
LOOK_S = 4.5
EACH = "looked at for each user"
REMOTE = "the home is on a file system that may hang, and no daemon of GnuPG runs"


class Survey(Record):
    """With ``users`` None, ``machine`` includes the caller's own facts; else each user has facts of their own."""

    machine: Facts
    users: tuple[Facts, ...] | None = None
    left_out: int = 0


def survey(all_users: bool) -> Survey:
    """A passive look; all users are looked at only by root."""
    if not all_users or os.geteuid() != 0:
        return Survey(machine=mark_callers(Look(LookOptions(passive=True, versions=True)).facts()))
    machine = mark_callers(Look(LookOptions(passive=True, versions=True), _MachineOnly()).facts())
    connections = known_or(machine.pcscd.connections, ())
    chosen = candidates(os.environ, (known_or(connection.uid, 0) for connection in connections))
    found = _looks(chosen, ask=not isinstance(machine.pcscd.answer, Unknown))
    machine = replace(machine, processes=_with_cards(machine, found))
    return Survey(machine=machine, users=tuple(_facts(machine, it) for it in found), left_out=chosen.left_out)


class _MachineOnly(Early):
    """The children of a look at the machine alone: no user's gpgconf is run."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.probe = ProbeChild()
        self.uid = os.geteuid()
        self.user_child = UserChild(None, EACH)
        self.gpgconf = GpgconfQuestions(None, ask=False)


class _AsUser:
    """The children that look as one user, started now and read later."""

    def __init__(self, user: pwd.struct_passwd, *, ask: bool) -> None:
        """``ask``: whether pcscd may be asked, as root's own look was."""
        self.user = user
        self._part = UserChild(RunAs(user))
        self._probe = ProbeChild(LOOK_S, RunAs(user)) if ask else None
        if self._probe:
            self._probe.look(ask=True, probe=False, timeout_s=LOOK_S)

    def read(self, deadline: Deadline) -> _Part:
        self._part.deadline = deadline
        if self._probe:
            self._probe.wait_for_second_look(deadline)
            self._probe.wait(deadline)
        return _Part(
            user=self.user, mine=cleaned(self._part.finish()), answers=self._probe.answers if self._probe else None
        )

    def close(self) -> None:
        self._part.close()
        if self._probe:
            self._probe.close()


class _Part(Record):
    """What was found for one user. ``answers`` is None where pcscd was not asked as that user."""

    user: pwd.struct_passwd
    mine: UserFacts
    answers: ProbeAnswers | None = None


def _looks(chosen: Candidates, *, ask: bool) -> list[_Part]:
    """One child for each user, a few at a time, so that a slow machine is not overrun."""
    deadline = Deadline(ALL_USERS_S)
    found = [_Part(user=user, mine=nothing_known(REMOTE)) for user in chosen.users if user.pw_uid in chosen.remote]
    near = [user for user in chosen.users if user.pw_uid not in chosen.remote]
    for start in range(0, len(near), TOGETHER):
        started = [_AsUser(user, ask=ask) for user in near[start : start + TOGETHER]]
        within = deadline.sooner(LOOK_S)
        try:
            found += [look.read(within) for look in started]
        finally:
            for look in started:
                look.close()
    return sorted(found, key=lambda part: part.user.pw_uid)


def _with_cards(machine: Facts, found: list[_Part]) -> tuple[Process, ...]:
    """The processes, each scdaemon with what it said to the child of its own user, and of no other."""
    described = []
    for process in known_or(machine.processes, ()):
        for part in found:
            if process.role == "scdaemon" and known_or(process.uid, -1) == part.user.pw_uid:
                process = with_cards(process, part.mine)
        described.append(process)
    return tuple(described)


def _facts(machine: Facts, part: _Part) -> Facts:
    """The machine as it is for one user."""
    answers, mine = part.answers, part.mine
    return replace(
        machine,
        gnupg=mine.gnupg,
        configuration=mine.configuration,
        pcscd=replace(machine.pcscd, answer=answers.answer(), library=answers.library()) if answers else machine.pcscd,
        readers=answers.readers(Reason.PASSIVE) if answers else machine.readers,
        usb=usb.as_open(machine.usb, mine.usb_nodes),
        host=replace(machine.host, user=part.user.pw_name, uid=part.user.pw_uid, called_by=None),
    )
