"""The processes of a look, completed with what the look as their own user found."""

from __future__ import annotations

import os
from collections.abc import Collection

from gpgdoctor.collect import processes
from gpgdoctor.collect.user import UserFacts
from gpgdoctor.facts import Process, Unknown, known_or
from gpgdoctor.system import proc
from gpgdoctor.system.record import replace


def describe(daemons: dict[int, str], clients: Collection[int], mine: UserFacts) -> tuple[Process, ...]:
    """GnuPG's and pcscd's daemons, and the programs behind pcscd's connections."""
    ours = proc.ancestors()
    roles = {**dict.fromkeys(clients, "client"), **daemons}
    described = (processes.describe(pid, role, ours) for pid, role in sorted(roles.items()))
    return tuple(_completed(process, mine) for process in described if process is not None)


def _completed(process: Process, mine: UserFacts) -> Process:
    if process.role not in ("scdaemon", "gpg-agent"):
        return process
    path = mine.gnupg.scdaemon if process.role == "scdaemon" else mine.agent_program
    process = processes.not_replaced(process, None if isinstance(path, Unknown) else path)
    process = _with_home_as_spelled(process, mine)
    return with_cards(process, mine) if process.role == "scdaemon" else process


def _with_home_as_spelled(process: Process, mine: UserFacts) -> Process:
    """One home can be spelled in several ways. GnuPG takes them for one only where its sockets are in the home itself:
    below /run/user the name of the socket directory is a hash of the spelling (common/homedir.c).
    """
    home, sockets = known_or(mine.gnupg.homedir, ""), known_or(mine.gnupg.socketdir, "")
    given = known_or(process.homedir, None)
    if not given or given == home or not (_is_same(given, home) and _is_same(sockets, home)):
        return process
    return replace(process, homedir=home)


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def with_cards(process: Process, mine: UserFacts) -> Process:
    """A scdaemon with its socket, and the number of cards it says it holds."""
    for listening in known_or(mine.scdaemons, ()):
        said = listening.said
        if not isinstance(said, Unknown) and said.pid == process.pid:
            return replace(process, sockets=(listening.path,), cards=len(said.cards))
    silent = Unknown.because("it was not asked, or did not answer")
    return replace(process, sockets=silent, cards=silent)
