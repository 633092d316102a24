"""One run at a time: a lock that the kernel takes back when its holder ends, and a count of what was changed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

WAIT_S = 30.0
POLL_S = 0.1
NAME = "lock"
SIZE_LIMIT_BYTES = 4096
NEVER = -1


class NotLocked(Exception):
    """The lock could not be had; the message says why, and who holds it."""


@dataclass(slots=True)
class Lock:
    """The lock while it is held. ``changes`` counts the runs that changed something."""

    descriptor: int
    changes: int

    def count_change(self) -> None:
        self.changes += 1
        with suppress(OSError):
            _note(self.descriptor, self.changes)


def changes_so_far(directory: str) -> int:
    """To be compared with the count under the lock; writes nothing."""
    try:
        descriptor = os.open(os.path.join(directory, NAME), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return NEVER
    try:
        return _read(descriptor)[1]
    finally:
        os.close(descriptor)


@contextmanager
def locked(directory: int, wait_s: float = WAIT_S) -> Iterator[Lock]:
    """Hold the lock in this open directory; raises NotLocked."""
    # Not inherited by the daemons that are started meanwhile: they would keep the lock.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(NAME, flags, 0o600, dir_fd=directory)
    except OSError as error:
        raise NotLocked(f"the lock cannot be opened: {error.strerror}") from error
    try:
        yield _take(descriptor, wait_s)
    finally:
        os.close(descriptor)


def _take(descriptor: int, wait_s: float) -> Lock:
    try:
        _wait(descriptor, time.monotonic() + wait_s)
        _, changes = _read(descriptor)
        _note(descriptor, changes)
    except OSError as error:
        raise NotLocked(f"the lock cannot be taken: {error.strerror}") from error
    return Lock(descriptor, changes)


def _wait(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        else:
            return
        if time.monotonic() > deadline:
            pid, _ = _read(descriptor)
            raise NotLocked(f"another gpgdoctor (pid {pid or 'unknown'}) is changing things, and did not end in time")
        time.sleep(POLL_S)


def _read(descriptor: int) -> tuple[int | None, int]:
    """The pid of the last holder, and how many runs changed something."""
    try:
        content = json.loads(os.pread(descriptor, SIZE_LIMIT_BYTES, 0) or b"{}")
        return content.get("pid"), int(content.get("changes", NEVER))
    except (OSError, ValueError, AttributeError, TypeError):
        return None, NEVER


def _note(descriptor: int, changes: int) -> None:
    content = json.dumps({"pid": os.getpid(), "changes": changes}).encode() + b"\n"
    # Blanks cover what may be left of a longer note.
    os.pwrite(descriptor, content.ljust(os.fstat(descriptor).st_size), 0)
