"""Root looks for the user who called sudo: that user's part is looked at by a child that has become that user."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gpgdoctor.collect.probe_child import with_source
from gpgdoctor.crash import UnknownCaller
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import STRETCH, Deadline, stretch

if TYPE_CHECKING:
    import pwd

    from gpgdoctor.collect.user import UserFacts
    from gpgdoctor.facts import Maybe, PcscDriver
    from gpgdoctor.system.sockets import Sockets

LOOK_DEADLINE_S = 4.0
KEPT = ("PATH", "LANG", "TERM")


def caller(environment: Mapping[str, str], homedir: str | None) -> pwd.struct_passwd | None:
    """The user on whose behalf root runs: who called sudo, pkexec or doas, and named no home.

    Raises UnknownCaller rather than to take root's own home for hers.
    """
    if os.geteuid() != 0 or homedir is not None or environment.get("GNUPGHOME"):
        return None
    import pwd

    for variable in ("SUDO_UID", "PKEXEC_UID", "DOAS_USER"):
        value = environment.get(variable)
        if not value:
            continue
        try:
            user = pwd.getpwnam(value) if variable == "DOAS_USER" else pwd.getpwuid(int(value))
        except (KeyError, ValueError, OverflowError) as error:
            why = f"{variable} names nobody on this machine: run gpgdoctor as the user whose GnuPG is meant"
            raise UnknownCaller(why) from error
        return user if user.pw_uid != 0 else None
    return None


def environment_of(user: pwd.struct_passwd) -> dict[str, str]:
    """A clean environment for a program that runs as that user."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell}


def become(user: pwd.struct_passwd) -> None:
    """Give up root for good, and be that user."""
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    hers = environment_of(user)
    os.environ.clear()
    os.environ.update(hers)


def nothing(why: str) -> UserFacts:
    """The facts about a user of whom nothing could be learnt."""
    from gpgdoctor.collect.user import UserFacts
    from gpgdoctor.snapshot import decode_as

    names = ("gnupg", "configuration", "scdaemons", "agent_program")
    facts = decode_as(UserFacts, {name: {"unknown": why} for name in names})
    assert isinstance(facts, UserFacts)
    return facts


class NobodysLook:
    """The same as a UserLook, where it is not known for whom to look."""

    driver = None
    deadline: Deadline

    def __init__(self, why: str) -> None:
        self._why = why

    def finish(
        self, _sockets: Sockets, _daemons: dict[int, str], _user: str, _driver: Maybe[PcscDriver | None]
    ) -> UserFacts:
        return nothing(self._why)

    def close(self) -> None:
        """It has nothing."""


class BorrowedLook:
    """The same as a UserLook, done by a child."""

    driver = None  # root loads nobody's library: the child has it loaded

    def __init__(self, user: pwd.struct_passwd) -> None:
        self.deadline = Deadline(LOOK_DEADLINE_S)
        self._command = Command(
            [sys.executable, "-m", "gpgdoctor.collect.user", str(LOOK_DEADLINE_S)],
            user=user,
            environment={**environment_of(user), "PYTHONPATH": with_source(), STRETCH: str(stretch())},
        )

    def finish(
        self, sockets: Sockets, daemons: dict[int, str], user: str, driver: Maybe[PcscDriver | None]
    ) -> UserFacts:
        from gpgdoctor.collect.user import UserFacts
        from gpgdoctor.snapshot import BadSnapshot, decode_as

        try:
            output = self._command.result(self.deadline)
            facts = decode_as(UserFacts, json.loads(output.stdout))
        except (CommandFailed, ValueError, BadSnapshot) as error:
            return nothing(f"the look as {user} failed: {error}")
        assert isinstance(facts, UserFacts)
        return facts

    def close(self) -> None:
        self._command.kill()
