"""Private directories for what a trace needs while it runs: the socket, a home of copies."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress

# What sockaddr_un holds, less the NUL; libpcsclite cuts a longer name silently (src/winscard_msg.c).
PATH_LIMIT_BYTES = 107
SOCKET_DIRECTORY, HOME_DIRECTORY = "gpgdoctor-trace-", "gpgdoctor-home-"
SOCKET_NAME = "pcscd.comm"
YOUNGEST_ABANDONED_S = 5.0  # one that has just been made may not be locked yet


class NoPlace(Exception):
    """There is no directory for a socket; the message says why."""


class PrivateDirectory:
    """A new directory, mine alone, in which a socket of that name has a path that is short enough; raises NoPlace.

    Locked as long as this process lives, so that the next trace can tell what a killed one left behind.
    """

    def __init__(self, prefix: str, longest_name: str) -> None:
        self.path = _made(prefix, longest_name)
        self._lock: int | None = _locked(self.path)

    def remove(self) -> None:
        """With all that is in it; may be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def abandoned() -> list[str]:
    """The directories of this user's traces that were killed."""
    found = []
    for place in dict.fromkeys(_places()):
        with suppress(OSError):
            names = [it for it in os.listdir(place) if it.startswith((SOCKET_DIRECTORY, HOME_DIRECTORY))]
            found += [path for path in (os.path.join(place, name) for name in names) if _is_abandoned(path)]
    return found


def _is_abandoned(path: str) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    if time.time() - status.st_ctime < YOUNGEST_ABANDONED_S:
        return False
    lock = _locked(path)
    if lock is not None:
        os.close(lock)
    return lock is not None


def _locked(path: str) -> int | None:
    """A descriptor that keeps the directory locked; None where another process has the lock, or none can be had."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _made(prefix: str, longest_name: str) -> str:
    problem = "no directory for temporary files can be written to"
    for place in dict.fromkeys(_places()):
        try:
            path = tempfile.mkdtemp(prefix=prefix, dir=place)
        except OSError as error:
            problem = f"{place}: {error.strerror}"
            continue
        if len(os.fsencode(os.path.join(path, longest_name))) <= PATH_LIMIT_BYTES:
            return path
        os.rmdir(path)
        problem = f"{place}: the path is too long for a socket"
    raise NoPlace(problem)


def _places() -> Iterator[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    with suppress(OSError):
        if os.path.isabs(runtime) and os.stat(runtime).st_uid == os.geteuid():
            yield runtime
    with suppress(FileNotFoundError):  # there is none where a file can be made
        yield tempfile.gettempdir()
    yield "/tmp"
