"""One run at a time: a lock that the kernel releases when its holder ends. The file stays empty."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WAIT_S = 30.0
POLL_S = 0.1
NAME = "lock"
TABLE = "/proc/locks"
TABLE_BYTES = 1 << 20


class NotLocked(Exception):
    """The lock could not be had; the message says why, and who holds it."""


@contextmanager
def locked(directory: int, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock in this open directory; raises NotLocked."""
    # Not inherited by the daemons that are started meanwhile: they would keep the lock.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(NAME, flags, 0o600, dir_fd=directory)
    except OSError as error:
        raise NotLocked(f"the lock cannot be opened: {error.strerror}") from error
    try:
        try:
            _wait(descriptor, time.monotonic() + wait_s)
        except OSError as error:
            raise NotLocked(f"the lock cannot be taken: {error.strerror}") from error
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


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
            pid = holder(descriptor)
            raise NotLocked(f"another gpgdoctor (pid {pid or 'unknown'}) is at work, and did not end in time")
        time.sleep(POLL_S)


def holder(descriptor: int) -> int | None:
    """The process that holds a lock on an open file, as far as the kernel's table shows it (proc_locks(5))."""
    inode = os.fstat(descriptor).st_ino
    with suppress(OSError), open(TABLE, "rb") as table:
        for line in table.read(TABLE_BYTES).splitlines():
            words = line.split()
            # "1: FLOCK ADVISORY WRITE 1234 fe:01:5678 0 EOF"; who waits has "->" behind the number. The device is not
            # compared: stat(2) reports a different one on btrfs and overlays.
            if len(words) > 5 and words[1] == b"FLOCK" and words[5].rpartition(b":")[2] == b"%d" % inode:
                return int(words[4]) if words[4].isdigit() and words[4] != b"0" else None
    return None
