"""Opens files only after checking that they are regular: opening a device or a FIFO has effects."""

from __future__ import annotations

import os
import stat

_KINDS = ((stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"))


class NotRegular(Exception):
    """It is not a regular file; the message says what it is. ``status`` is what stat(2) says of it."""

    def __init__(self, status: os.stat_result) -> None:
        super().__init__(kind_of(status.st_mode))
        self.status = status


def kind_of(mode: int) -> str:
    """The name of this kind of file, with its article."""
    return next((name for test, name in _KINDS if test(mode)), "a device")


def open_regular(path: str, *, follow: bool = True) -> int:
    """A descriptor for reading a regular file; raises OSError, and NotRegular for anything else, without opening it.

    O_PATH only refers to the file. That same file is then read, even if it is replaced meanwhile.
    """
    flags = os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    place = os.open(path, getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY) | flags)
    try:
        status = os.fstat(place)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegular(status)
        return _opened(place, path, status, flags)
    finally:
        os.close(place)


def read_regular(path: str, limit_bytes: int) -> bytes:
    """The content of a regular file, or one byte more than the limit of it; raises as `open_regular` does."""
    descriptor = open_regular(path)
    try:
        return read_up_to(descriptor, limit_bytes)
    finally:
        os.close(descriptor)


def _opened(place: int, path: str, status: os.stat_result, flags: int) -> int:
    reading = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
    if os.path.isdir("/proc/self/fd"):
        return os.open(f"/proc/self/fd/{place}", reading | os.O_CLOEXEC)
    descriptor = os.open(path, reading | flags)
    if not os.path.samestat(os.fstat(descriptor), status):
        os.close(descriptor)
        raise OSError(0, "it was replaced in this moment", path)
    return descriptor


def read_up_to(descriptor: int, limit_bytes: int) -> bytes:
    """The content, or one byte more than the limit of it."""
    pieces, left = [], limit_bytes + 1
    while left > 0 and (piece := os.read(descriptor, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
