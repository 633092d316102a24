"""Who could replace a file: this depends on every directory and every link on the way to it."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Collection, Iterator

LINKS_LIMIT = 40
ACCESS_LIST = "system.posix_acl_access"
BOTH = 0o6  # read and write
_LIST_HEADER, _LIST_ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_OWNER, _USER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


def who_may_change(path: str, owners: Collection[int] = (0,), *, shared: bool = False) -> Iterator[str]:
    """Why others than these users may change a file, a line for each place; nothing where nobody else may.

    ``shared`` accepts directories like /tmp (sticky bit), where everybody may replace only their own files.
    The last line is about the file itself, where that does not exist.
    """
    if not os.path.isabs(path):
        yield f"{path} is not an absolute path"
        return
    try:
        for place, status in places_to(path):
            yield from objections_to(place, status, owners, shared=shared)
    except OSError as error:
        yield f"{error.filename}: {error.strerror}"


def places_to(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every directory and link on the way to a file, from / on, and the file. Raises OSError where the way ends."""
    todo, here, links = path.split("/")[::-1], "/", 0
    yield here, os.lstat(here)
    while todo:
        step = todo.pop()
        if step in ("", "."):
            continue
        here = os.path.dirname(here) if step == ".." else os.path.join(here, step)
        status = os.lstat(here)
        yield here, status
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > LINKS_LIMIT:
                raise OSError(errno.ELOOP, "too many links", path)
            target = os.readlink(here)  # fails where it is another one by now
            here = "/" if os.path.isabs(target) else os.path.dirname(here)
            todo += target.split("/")[::-1]


def owners_of_the_system() -> set[int]:
    """Root, and the owners of / and /usr: in a user namespace root has another number there."""
    return {0, *(os.stat(place).st_uid for place in ("/", "/usr") if os.path.exists(place))}


def objections_to(
    path: str, status: os.stat_result, owners: Collection[int] = (0,), *, shared: bool = False
) -> Iterator[str]:
    """Why one place may be changed by others than these users."""
    mode, names = status.st_mode, "root" if set(owners) == {0} else "root and you"
    if status.st_uid not in owners:
        yield f"{path} does not belong to {names}"
    elif stat.S_ISLNK(mode) or (shared and stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return
    elif mode & stat.S_IWOTH or (mode & stat.S_IWGRP and (not _is_own_group(status, owners) or _has_access_list(path))):
        yield f"{path} is writable by others than {names}"


def _is_own_group(status: os.stat_result, owners: Collection[int]) -> bool:
    """Whether the group is root's, or the user's own private group."""
    return status.st_gid == 0 or (status.st_gid == os.getegid() and os.geteuid() in owners)


def _has_access_list(path: str) -> bool:
    """Whether there is an access list, so that the group's bits are its mask: acl(5)."""
    try:
        os.getxattr(path, ACCESS_LIST)
    except OSError:
        return False
    return True


def may_read_and_write(path: str, user: int, groups: Collection[int]) -> bool:
    """Whether another user, with these groups, may open a file for both; raises OSError where it is not there.

    By its mode and its POSIX access list, in the order of acl(5). The way to it is not looked at.
    """
    status = os.stat(path)
    if user == 0:
        return True
    access = _access_list(path) or _of_mode(status.st_mode)
    if status.st_uid == user:
        return _grants(access, _OWNER)
    mask = next((bits for kind, bits, _ in access if kind == _MASK), BOTH)
    named = [bits for kind, bits, who in access if kind == _USER and who == user]
    if named:
        return named[0] & mask & BOTH == BOTH
    of_groups = [
        bits
        for kind, bits, who in access
        if (kind == _GROUP and who in groups) or (kind == _OWNING_GROUP and status.st_gid in groups)
    ]
    if of_groups:
        return any(bits & mask & BOTH == BOTH for bits in of_groups)
    return _grants(access, _OTHERS)


def _of_mode(mode: int) -> list[tuple[int, int, int]]:
    return [(_OWNER, mode >> 6, 0), (_OWNING_GROUP, mode >> 3, 0), (_OTHERS, mode, 0)]


def _grants(access: list[tuple[int, int, int]], wanted: int) -> bool:
    return any(kind == wanted and bits & BOTH == BOTH for kind, bits, _ in access)


def _access_list(path: str) -> list[tuple[int, int, int]]:
    """Its entries: kind, bits of r, w and x, user or group; none where it has no list. linux/posix_acl_xattr.h."""
    try:
        content = os.getxattr(path, ACCESS_LIST)
    except OSError:
        return []
    whole = len(content) - (len(content) - _LIST_HEADER.size) % _LIST_ENTRY.size
    return list(_LIST_ENTRY.iter_unpack(content[_LIST_HEADER.size : whole]))
