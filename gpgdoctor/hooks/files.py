"""The files of hooks: read without following links, written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

LIMIT_BYTES = 1 << 16  # a shim has a few hundred


def read(path: str) -> bytes | None:
    """The content; None where nothing is there; b"" for what is not a regular file, or too long to be a shim."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return b""
    try:
        status = os.fstat(descriptor)
        ordinary = stat.S_ISREG(status.st_mode) and status.st_size <= LIMIT_BYTES
        return os.read(descriptor, LIMIT_BYTES) if ordinary else b""
    finally:
        os.close(descriptor)


def write(path: str, content: bytes, mode: int) -> list[str]:
    """Write a temporary file and rename it. Returns the directories that had to be made, readable for everybody."""
    made = _make_directory(os.path.dirname(path))
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        error.filename = error.filename or path
        raise
    return made


def remove(path: str) -> None:
    os.unlink(path)


def remove_empty(directory: str) -> None:
    """Remove a directory, if nothing is in it any more."""
    with suppress(OSError):
        os.rmdir(directory)


def _make_directory(path: str) -> list[str]:
    if not path or os.path.isdir(path):  # "" is where we are
        return []
    made = _make_directory(os.path.dirname(path))
    os.mkdir(path)
    os.chmod(path, 0o755)
    return [*made, path]
