"""Configuration files, read and replaced without losing anything, and without following other users' links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gpgdoctor.collect import management
from gpgdoctor.facts import Manager
from gpgdoctor.plan.steps import Edit
from gpgdoctor.scdaemon_conf.kinds import classify
from gpgdoctor.system import atomic, mounts
from gpgdoctor.system.atomic import NotDurable
from gpgdoctor.system.record import Record, replace
from gpgdoctor.system.regular import read_up_to

LIMIT_BYTES = 8 << 20


class Obstacle(Exception):
    """The file must not be written; the message is half a sentence about it."""


class NotWritten(Exception):
    """Writing failed, and the file is what it was; the message names the file and the reason."""


class Drifted(NotWritten):
    """It is not what it was when the change was planned."""


class Found(Record):
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
        descriptor = os.open(directory, atomic.OPEN_DIRECTORY)
    except FileNotFoundError as error:
        raise Obstacle(f"the directory {directory} does not exist") from error
    except OSError as error:
        raise Obstacle(f"{directory}: {error.strerror}") from error
    with atomic.closing(descriptor):
        # Another owner of the directory could replace the file while we work.
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise Obstacle("its directory belongs to another user")
        yield descriptor, directory, name


def _check_links(path: str, real: str) -> None:
    """A link is followed within one's own home, and not into what somebody manages."""
    links = [place for place in _places_on_the_way(path) if os.path.islink(place)]
    if not links:
        return
    own = (os.path.realpath(os.path.expanduser("~")), os.path.realpath(os.path.dirname(path)))
    if not any(real.startswith(f"{place}/") for place in own):
        raise Obstacle(f"it is a symbolic link out of your home, to {real}")
    try:
        status = os.stat(path)
        managers = [management.manager(path, os.lstat(link), status) for link in links]
    except FileNotFoundError:
        return
    except OSError as error:  # it leads where somebody else lets nobody in
        raise Obstacle(f"it is a symbolic link, and what it leads to cannot be looked at ({error.strerror})") from error
    for manager in filter(None, managers):
        another = manager == Manager.ANOTHER_USER
        raise Obstacle("it belongs to another user" if another else f"{manager} manages it")


def _places_on_the_way(path: str) -> Iterator[str]:
    place = os.path.abspath(path)
    while place != "/":
        yield place
        place = os.path.dirname(place)


def _read(directory: int, found: Found) -> Found:
    try:
        descriptor = os.open(found.name, atomic.OPEN_TO_READ, dir_fd=directory)
    except FileNotFoundError:
        return found
    except OSError as error:
        raise Obstacle(f"it cannot be read ({error.strerror})") from error
    try:
        with atomic.closing(descriptor):
            status = os.fstat(descriptor)
            _check_status(status)
            if _is_mount_point(os.path.join(found.directory, found.name)):
                raise Obstacle("it is mounted there, and can only be changed where it comes from")
            content = read_up_to(descriptor, LIMIT_BYTES)
    except OSError as error:
        raise Obstacle(f"it cannot be read ({error.strerror})") from error
    kind = classify(content)
    if kind is not None:
        raise Obstacle(f"it is no plain configuration ({kind})")
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return replace(found, content=content, mode=stat.S_IMODE(status.st_mode), identity=identity)


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
    """A file may be a mount point, as in a container: then it cannot be replaced."""
    with suppress(OSError):
        return any(mount.point == path for mount in mounts.mounts())
    return False


def as_planned(edit: Edit) -> Found:
    """The file that an edit is about; raises Drifted where it is not what the edit was made for."""
    try:
        found = find(edit.path)
    except Obstacle as error:
        raise Drifted(f"{edit.path}: {error}") from error
    if found.content != edit.before:
        raise Drifted(f"{edit.path}: it was changed meanwhile")
    return found


def write(found: Found, content: bytes, temporary: str, mode: int | None = None) -> None:
    """Put a new file in the place of the one that was found, whole and durable or not at all.

    Raises NotWritten, and NotDurable where it is written all the same.
    """
    with _as_not_written(found.path), _directory_of(found.path) as (descriptor, _, name):
        atomic.replace(
            descriptor,
            name,
            content,
            temporary=temporary,
            like=name if found.content is not None else None,
            mode=found.mode if mode is None else mode,
            check=lambda: _check_unchanged(descriptor, found),
        )


def delete(found: Found) -> None:
    """Delete a file that was created; raises as `write` does."""
    with _as_not_written(found.path), _directory_of(found.path) as (descriptor, _, name):
        _check_unchanged(descriptor, found)
        os.unlink(name, dir_fd=descriptor)
        atomic.make_durable(descriptor)


@contextmanager
def _as_not_written(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"{path}: {error.strerror}") from error
    except Obstacle as error:
        raise NotWritten(f"{path}: {error}") from error
    except NotDurable as error:
        raise NotDurable(f"{path} is written, but may be lost if the power fails now: {error}") from error


def remove_leftover(path: str, temporary: str) -> None:
    """Delete what a killed run may have left beside a file."""
    with suppress(OSError, Obstacle), _directory_of(path) as (descriptor, _, _name):
        atomic.remove(descriptor, temporary)


def _check_unchanged(directory: int, found: Found) -> None:
    if _read(directory, Found(path=found.path, directory=found.directory, name=found.name)) != found:
        raise Obstacle("it was changed meanwhile")
