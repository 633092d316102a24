"""Configuration files, read and replaced so that nothing of them is lost and nobody is led astray."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from gpgdoctor.collect import management
from gpgdoctor.scdaemon_conf.kinds import classify

LIMIT_BYTES = 8 << 20
NEW_FILE_MODE = 0o600
MOUNTS = "/proc/self/mountinfo"
# The kernel computes these itself and lets nobody copy them: Documentation/ABI/testing/evm.
KERNELS_OWN_ATTRIBUTES = ("security.ima", "security.evm")
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Obstacle(Exception):
    """The file is not to be written; the message is half a sentence about it."""


class NotWritten(Exception):
    """Writing failed, and the file is what it was; the message names the file and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file as it was found, or its absence. ``identity`` tells whether it is still the same."""

    path: str
    directory: str  # the real one, where a link was followed
    name: str
    content: bytes | None = None
    mode: int | None = None
    identity: tuple[int, ...] | None = None


def find(path: str) -> Found:
    """Read a file that is ours to write; raises Obstacle where it is not."""
    with _directory_of(path) as (descriptor, directory, name):
        found = _read(descriptor, Found(path=path, directory=directory, name=name))
        if not os.access(".", os.W_OK, dir_fd=descriptor):
            read_only = os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
            raise Obstacle("its file system is read-only" if read_only else "its directory is not writable for you")
        return found


@contextmanager
def _directory_of(path: str) -> Iterator[tuple[int, str, str]]:
    """The real directory that holds the file, open, and the file's name in it."""
    real = os.path.realpath(path)
    directory, name = os.path.split(real)
    _check_links(path, real)
    try:
        descriptor = os.open(directory, OPEN_DIRECTORY)
    except FileNotFoundError as error:
        raise Obstacle(f"the directory {directory} does not exist") from error
    except OSError as error:
        raise Obstacle(f"{directory}: {error.strerror}") from error
    try:
        # Whoever else owns the directory could put anything in the file's place while we work.
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise Obstacle("its directory belongs to another user")
        yield descriptor, directory, name
    finally:
        os.close(descriptor)


def _check_links(path: str, real: str) -> None:
    """A link is followed within one's own home, and not into what somebody manages."""
    links = [place for place in _places_on_the_way(path) if os.path.islink(place)]
    if not links:
        return
    own = (os.path.realpath(os.path.expanduser("~")), os.path.realpath(os.path.dirname(path)))
    if not any(real.startswith(f"{place}/") for place in own):
        raise Obstacle(f"it is a symbolic link out of your home, to {real}")
    with suppress(FileNotFoundError):
        status = os.stat(path)
        for link in links:
            manager = management.manager(path, os.lstat(link), status)
            if manager is not None:
                raise Obstacle(f"{manager} manages it" if manager != "another user" else "it belongs to another user")


def _places_on_the_way(path: str) -> Iterator[str]:
    place = os.path.abspath(path)
    while place != "/":
        yield place
        place = os.path.dirname(place)


def _read(directory: int, found: Found) -> Found:
    try:
        descriptor = os.open(found.name, OPEN_TO_READ, dir_fd=directory)
    except FileNotFoundError:
        return found
    except OSError as error:
        raise Obstacle(f"it cannot be read ({error.strerror})") from error
    try:
        status = os.fstat(descriptor)
        _check_status(status)
        if _is_mount_point(os.path.join(found.directory, found.name)):
            raise Obstacle("it is mounted there, and can only be changed where it comes from")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise Obstacle(f"it cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)
    kind = classify(content)
    if kind is not None:
        raise Obstacle(f"it is no plain configuration ({kind})")
    return Found(
        path=found.path,
        directory=found.directory,
        name=found.name,
        content=content,
        mode=stat.S_IMODE(status.st_mode),
        identity=(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns),
    )


def _check_status(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Obstacle("it is no regular file")
    if status.st_uid != os.geteuid():
        raise Obstacle("it belongs to another user")
    if status.st_nlink > 1:
        raise Obstacle("it has a second name (a hard link), which would keep the old text")
    if not status.st_mode & stat.S_IWUSR:
        raise Obstacle("it is read-only")
    if os.geteuid() != 0 and status.st_gid not in (os.getegid(), *os.getgroups()):
        raise Obstacle("its group is one that you do not belong to, and could not be kept")
    if status.st_size > LIMIT_BYTES:
        raise Obstacle("it is too large")


def _is_mount_point(path: str) -> bool:
    """A file may be one, as in a container: nothing can be put in its place then."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as table:
            return any(re.sub(r"\\(\d{3})", _octal, line.split(" ", 5)[4]) == path for line in table)
    except (OSError, IndexError):
        return False


def _octal(match: re.Match[str]) -> str:
    """proc(5): blanks and the like are written so."""
    return chr(int(match[1], 8))


def write(found: Found, content: bytes, temporary: str, mode: int | None = None) -> None:
    """Put a new file in the place of the one that was found, whole and durable or not at all."""
    if mode is None:
        mode = NEW_FILE_MODE if found.mode is None else found.mode
    try:
        with _directory_of(found.path) as (descriptor, _, name):
            _create(descriptor, temporary, name if found.content is not None else None, content, mode)
            try:
                _check_unchanged(descriptor, found)
                os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
            except BaseException:
                remove(descriptor, temporary)
                raise
            os.fsync(descriptor)
    except OSError as error:
        raise NotWritten(f"{found.path}: {error.strerror}") from error
    except Obstacle as error:
        raise NotWritten(f"{found.path}: {error}") from error


def delete(found: Found) -> None:
    """Take away a file that was created."""
    try:
        with _directory_of(found.path) as (descriptor, _, name):
            _check_unchanged(descriptor, found)
            os.unlink(name, dir_fd=descriptor)
            os.fsync(descriptor)
    except OSError as error:
        raise NotWritten(f"{found.path}: {error.strerror}") from error
    except Obstacle as error:
        raise NotWritten(f"{found.path}: {error}") from error


def remove_leftover(path: str, temporary: str) -> None:
    """Take away what a killed run may have left beside a file."""
    with suppress(OSError, Obstacle), _directory_of(path) as (descriptor, _, _name):
        remove(descriptor, temporary)


def remove(directory: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=directory)


def _check_unchanged(directory: int, found: Found) -> None:
    if _read(directory, Found(path=found.path, directory=found.directory, name=found.name)) != found:
        raise Obstacle("it was changed meanwhile")


def _create(directory: int, temporary: str, model: str | None, content: bytes, mode: int) -> None:
    remove(directory, temporary)
    descriptor = os.open(temporary, OPEN_NEW, NEW_FILE_MODE, dir_fd=directory)
    try:
        _write_all(descriptor, content)
        if model is not None:
            _dress(descriptor, directory, model)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    except BaseException:
        remove(directory, temporary)
        raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _dress(descriptor: int, directory: int, model: str) -> None:
    """Group and extended attributes, access control lists among them, as the file has them that is replaced."""
    original = os.open(model, OPEN_TO_READ, dir_fd=directory)
    try:
        status = os.fstat(original)
        if status.st_gid != os.fstat(descriptor).st_gid:
            os.fchown(descriptor, -1, status.st_gid)
        for name in _attributes(original):
            value = os.getxattr(original, name)
            if name not in KERNELS_OWN_ATTRIBUTES and _attribute(descriptor, name) != value:
                os.setxattr(descriptor, name, value)
    finally:
        os.close(original)


def _attributes(descriptor: int) -> list[str]:
    try:
        return os.listxattr(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return []
        raise


def _attribute(descriptor: int, name: str) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except OSError:
        return None
