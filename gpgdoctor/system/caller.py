"""The user for whom root acts: the caller of sudo, pkexec or doas, or the owner of the GnuPG home that was named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from gpgdoctor.system.deadline import STRETCH
from gpgdoctor.system.ownership import owners_of_the_system, places_to

if TYPE_CHECKING:
    import pwd

# What names the caller, and what sets it.
CALLERS = (("SUDO_UID", "sudo"), ("PKEXEC_UID", "pkexec"), ("DOAS_USER", "doas"))
# Of root's environment: where the terminal, the language and pcscd are. The search path finds gpgconf where it is.
KEPT = ("PATH", "LANG", "TERM", "PCSCLITE_CSOCK_NAME", STRETCH)


class UnknownCaller(Exception):
    """The user for whom root should act is not known, or root must not act there; the message says why."""


class RunAs(NamedTuple):
    """The user as whom root looks and acts, and the GnuPG home that was named, without links; None: the user's own."""

    user: pwd.struct_passwd
    home: str | None = None


def called_by(environment: Mapping[str, str]) -> str | None:
    """The program that made us root, if any."""
    return next((program for variable, program in CALLERS if environment.get(variable)), None)


def run_as(environment: Mapping[str, str], homedir: str | None) -> RunAs | None:
    """The user as whom root looks and acts; None for the user who runs this. Raises UnknownCaller.

    A home that is named, by option or GNUPGHOME, belongs to its owner; else it is the caller's own.
    """
    if os.geteuid() != 0:
        return None
    named = homedir or environment.get("GNUPGHOME")
    if named and os.path.isdir(named):
        return _owner_of(named)
    user = _caller(environment)
    return None if user is None or user.pw_uid == 0 else RunAs(user)


def _caller(environment: Mapping[str, str]) -> pwd.struct_passwd | None:
    for variable, _ in CALLERS:
        value = environment.get(variable)
        if value:
            return _entry(variable, value)
    return None


def _entry(variable: str, value: str) -> pwd.struct_passwd:
    import pwd

    try:
        return pwd.getpwnam(value) if variable == "DOAS_USER" else pwd.getpwuid(int(value))
    except (KeyError, ValueError, OverflowError) as error:
        why = f"{variable} names nobody on this machine: run gpgdoctor as the user whose GnuPG is meant"
        raise UnknownCaller(why) from error


def _owner_of(home: str) -> RunAs | None:
    """The home's owner, if nobody else but root can change where its path leads."""
    resolved = os.path.realpath(home)
    try:
        owner = os.stat(resolved).st_uid
        _refuse_detours(os.path.abspath(home), resolved, owner)
    except OSError as error:
        raise UnknownCaller(f"{home}: {error.strerror}") from error
    if owner == 0:
        return None
    import pwd

    try:
        user = pwd.getpwuid(owner)
    except KeyError as error:
        raise UnknownCaller(f"{resolved} belongs to uid {owner}, whom this machine does not know") from error
    is_default = resolved == os.path.realpath(os.path.join(user.pw_dir, ".gnupg"))
    return RunAs(user, None if is_default else resolved)


def _refuse_detours(home: str, resolved: str, owner: int) -> None:
    """A link or a directory of somebody else on the way could lead root, or the owner, to any other place."""
    trusted = {owner, *owners_of_the_system()}
    for place, status in places_to(home):
        if status.st_uid not in trusted:
            raise UnknownCaller(
                f"{home} leads to {resolved}, which belongs to uid {owner}, by way of {place}, "
                f"which belongs to uid {status.st_uid}: name the home by a way of its owner's"
            )


def environment_of(run_as: RunAs) -> dict[str, str]:
    """A clean environment for a program that runs as that user."""
    user = run_as.user
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    home = {} if run_as.home is None else {"GNUPGHOME": run_as.home}
    return {
        **kept,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell,
        **home,
    }


def become(run_as: RunAs) -> None:
    """Give up root for good, and be that user."""
    user = run_as.user
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    clean = environment_of(run_as)
    os.environ.clear()
    os.environ.update(clean)
