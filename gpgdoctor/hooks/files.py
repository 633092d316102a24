"""The files of hooks: read without following links, written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress

from gpgdoctor.system import atomic
from gpgdoctor.system.regular import NotRegular, open_regular

LIMIT_BYTES = 1 << 16  # a shim has a few hundred


def read(path: str) -> bytes | None:
    """The content; None where nothing is there; b"" for what is not a regular file, or too long to be a shim."""
    try:
        with os.fdopen(open_regular(path, follow=False), "rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, NotRegular):
        return b""
    return content if len(content) <= LIMIT_BYTES else b""


def write(path: str, content: bytes, mode: int) -> None:
    """Write a file, in directories that everybody may read where they have to be made. Raises OSError."""
    _make_directory(os.path.dirname(path))
    atomic.write(path, content, mode)


def remove(path: str) -> None:
    os.unlink(path)


def remove_empty(directory: str) -> None:
    """Remove a directory, if nothing is in it any more."""
    with suppress(OSError):
        os.rmdir(directory)


def _make_directory(path: str) -> None:
    if path and not os.path.isdir(path):  # "" is where we are
        _make_directory(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)
