"""Replaces a file by another one, whole and durable or not at all, and readable for nobody new."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

NEW_FILE_MODE = 0o600
OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
ACCESS_LIST = "system.posix_acl_access"
# The kernel computes these itself and lets nobody copy them: Documentation/ABI/testing/evm.
KERNELS_OWN_ATTRIBUTES = ("security.ima", "security.evm")


class NotDurable(Exception):
    """The new content is in place, but may not survive a loss of power."""


def replace(
    directory: int,
    name: str,
    content: bytes,
    *,
    temporary: str,
    like: str | None = None,
    mode: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Put a file into an open directory, by renaming a temporary one.

    ``like`` names a file there whose group and extended attributes (including access control lists) it gets; without
    one only its owner may read it, whatever the directory's default list says. ``check`` may raise right before the
    old file is replaced. Raises OSError while everything is as before, NotDurable afterwards.
    """
    remove(directory, temporary)
    descriptor = os.open(temporary, OPEN_NEW, NEW_FILE_MODE, dir_fd=directory)
    try:
        with closing(descriptor):
            _write_all(descriptor, content)
            _make_like(descriptor, directory, like)
            os.fchmod(descriptor, NEW_FILE_MODE if mode is None else mode)
            os.fsync(descriptor)
        check()
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        remove(directory, temporary)
        raise
    make_durable(directory)


def write(path: str, content: bytes, mode: int = NEW_FILE_MODE) -> None:
    """Create or replace the file at a path; raises OSError with that path while all is as before."""
    directory, name = os.path.split(path)
    try:
        opened = os.open(directory or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with closing(opened) as descriptor, suppress(NotDurable):  # it is there all the same
            replace(descriptor, name, content, temporary=f".{os.getpid()}.gpgdoctor.tmp", mode=mode)
    except OSError as error:
        error.filename = path
        raise


def make_durable(directory: int) -> None:
    """Make what was renamed or removed there durable; raises NotDurable."""
    try:
        os.fsync(directory)
    except OSError as error:
        raise NotDurable(error.strerror or str(error)) from error


def remove(directory: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=directory)


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """Close it at the end, ignoring errors of close(): fsync() has reported what matters."""
    try:
        yield descriptor
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _make_like(descriptor: int, directory: int, like: str | None) -> None:
    """Group and attributes as the other file has them, and none that were inherited from the directory."""
    wanted: dict[str, bytes] = {}
    if like is not None:
        with closing(os.open(like, OPEN_TO_READ, dir_fd=directory)) as original:
            status = os.fstat(original)
            if status.st_gid != os.fstat(descriptor).st_gid:
                os.fchown(descriptor, -1, status.st_gid)
            wanted = attributes(original)
    found = attributes(descriptor)
    for name in found.keys() - wanted.keys():
        if like is not None or name == ACCESS_LIST:
            os.removexattr(descriptor, name)
    for name, value in wanted.items():
        if found.get(name) != value:
            os.setxattr(descriptor, name, value)


def attributes(descriptor: int) -> dict[str, bytes]:
    """The extended attributes of an open file, without those that are the kernel's own."""
    try:
        names = os.listxattr(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return {}
        raise
    return {name: os.getxattr(descriptor, name) for name in names if name not in KERNELS_OWN_ATTRIBUTES}
