"""The users whose GnuPG root looks at: those with a running daemon, a session, or a log-in of their own.

Nothing below anybody's home is touched here; names, homes and shells come from the passwd database.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress

from gpgdoctor.collect import processes
from gpgdoctor.system import mounts, proc
from gpgdoctor.system.caller import CALLERS
from gpgdoctor.system.record import Record

USERS_LIMIT = 20
TABLE_BYTES = 4 << 20
NO_LOGIN = {"nologin", "false", "sync", "halt", "shutdown"}
UID_RANGE = (1000, 60000)  # of people, where login.defs says nothing else


class Candidates(Record):
    users: tuple[pwd.struct_passwd, ...]
    left_out: int  # beyond the limit
    remote: frozenset[int] = frozenset()  # uids whose home is on a file system that may hang


def candidates(environment: Mapping[str, str], connected: Iterable[int]) -> Candidates:
    """Users in the order of their uids; ``connected`` are the uids behind pcscd's connections."""
    running = _uids_of_daemons()
    busy = running | set(connected)
    found = {uid for uid in busy | _with_runtime_directory() | _hinted(environment) if uid != 0}
    if 0 in running:
        found.add(0)
    # Those with running daemons or connections come first: a report is about them.
    entries = sorted((*_entries(found), *_people(found)), key=lambda user: (user.pw_uid not in busy, user.pw_uid))
    chosen = sorted(entries[:USERS_LIMIT], key=lambda user: user.pw_uid)
    table = _mounts()
    away = {user.pw_uid for user in chosen if user.pw_uid not in running and _is_remote(user.pw_dir, table)}
    return Candidates(users=tuple(chosen), left_out=len(entries) - len(chosen), remote=frozenset(away))


def _uids_of_daemons() -> set[int]:
    """The users that run a gpg-agent or a scdaemon."""
    pids = [pid for pid, role in processes.daemons().items() if role != "pcscd"]
    return {uid for uid in map(proc.uid, pids) if uid is not None}


def _with_runtime_directory() -> set[int]:
    found = set()
    with suppress(OSError), os.scandir("/run/user") as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and entry.name == str(status.st_uid):
                    found.add(status.st_uid)
    return found


def _hinted(environment: Mapping[str, str]) -> set[int]:
    """The user who called sudo, pkexec or doas: a hint, which grants nothing."""
    found = set()
    for value in (environment.get(variable, "") for variable, _ in CALLERS):
        with suppress(KeyError, OverflowError):
            found.add(int(value) if value.isdigit() else pwd.getpwnam(value).pw_uid)
    return found


def _entries(uids: Iterable[int]) -> Iterable[pwd.struct_passwd]:
    for uid in uids:
        with suppress(KeyError, OverflowError):
            yield pwd.getpwuid(uid)


def _people(but: set[int]) -> Iterable[pwd.struct_passwd]:
    """People in /etc/passwd. A directory service is not asked for its list: it may be off, slow or huge."""
    lowest, highest = _uid_range()
    for line in _lines("/etc/passwd"):
        fields = line.split(":")
        if len(fields) != 7 or not fields[2].isdigit() or not fields[3].isdigit():
            continue
        uid = int(fields[2])
        if lowest <= uid <= highest and uid not in but and os.path.basename(fields[6]) not in NO_LOGIN:
            yield pwd.struct_passwd((*fields[:2], uid, int(fields[3]), *fields[4:]))


def _uid_range() -> tuple[int, int]:
    found = dict(zip(("UID_MIN", "UID_MAX"), UID_RANGE, strict=True))
    for line in _lines("/etc/login.defs"):
        words = line.split()
        if len(words) == 2 and words[0] in found and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found["UID_MIN"], found["UID_MAX"]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as table:
            return table.read(TABLE_BYTES).splitlines()
    except OSError:
        return []


def _mounts() -> list[mounts.Mount]:
    with suppress(OSError):
        return mounts.mounts()
    return []


def _is_remote(home: str, table: list[mounts.Mount]) -> bool:
    """By the path alone: even a stat() of the home could hang."""
    mount = mounts.holding(home, table)
    return mount is not None and mount.is_remote
