"""Files that a command writes: readable for their owner only, and never half written."""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import suppress

from gpgdoctor.system import atomic

READER_DEADLINE_S = 5.0


class Unwritable(Exception):
    """The file could not be written; the message names it."""


def write_text(path: str, text: str) -> None:
    """Write a file as UTF-8; raises Unwritable, and leaves nothing behind then."""
    try:
        if _is_regular(path):
            atomic.write(os.path.realpath(path), text.encode())
        else:
            _write_to(path, text)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}") from error


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def _write_to(path: str, text: str) -> None:
    """Write to a terminal, a pipe or /dev/null, which is not replaced; gives up on a reader that does not read."""
    from gpgdoctor.system.deadline import Deadline

    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        left, deadline = memoryview(text.encode()), Deadline(READER_DEADLINE_S)
        while left:
            if not select.select([], [descriptor], [], deadline.left())[1]:
                raise OSError(errno.ETIMEDOUT, "nobody reads it")
            with suppress(BlockingIOError):
                left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
