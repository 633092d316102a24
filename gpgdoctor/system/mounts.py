"""The mount table: where file systems are mounted, of what kind they are, and on which one a path lies."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

TABLE = "/proc/self/mountinfo"
TABLE_BYTES = 4 << 20
# File systems of these kinds may hang for ever, or are on another machine.
_REMOTE = re.compile(r"nfs|cifs|smb|afs|autofs|fuse|9p|ceph|gluster|lustre")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One row of the table; ``device`` is the file system's own number, which stat(2) hides on btrfs and overlays."""

    id: int
    device: tuple[int, int]  # major, minor
    point: str
    kind: str
    options: tuple[str, ...] = ()  # of the file system itself, such as "hidepid=invisible"

    @property
    def is_remote(self) -> bool:
        return _REMOTE.match(self.kind) is not None


def mounts() -> list[Mount]:
    """Every mount of this mount namespace, in the kernel's order; raises OSError where /proc does not say."""
    return [row for row in map(_parsed, _lines()) if row is not None]


def _lines() -> list[str]:
    with open(TABLE, encoding="utf-8", errors="surrogateescape") as table:
        return table.read(TABLE_BYTES).splitlines()


def _parsed(line: str) -> Mount | None:
    """See proc(5): id, parent, major:minor, root, mount point, options, optional fields, "-", kind, source, options."""
    words = line.split(" ")
    try:
        major, minor = words[2].split(":")
        kind, _, options = words[words.index("-", 6) + 1 :][:3]
        place = _unescaped(words[4])
        return Mount(int(words[0]), (int(major), int(minor)), place, kind, tuple(options.split(",")))
    except (ValueError, IndexError):
        return None


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda octal: chr(int(octal.group(1), 8)), text)


def holding(path: str, table: list[Mount]) -> Mount | None:
    """The mount that a path is on, by the path alone, without touching it. The last one on a point covers others."""
    above = [row for row in table if row.point == "/" or f"{path}/".startswith(f"{row.point}/")]
    longest = max((len(row.point) for row in above), default=0)
    return next((row for row in reversed(above) if len(row.point) == longest), None)


def of_descriptor(descriptor: int) -> Mount | None:
    """The mount through which an open descriptor was reached, as the kernel reports it."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as lines:
            ids = [line.split()[1] for line in lines if line.startswith("mnt_id:")]
        return next((_parsed(line) for line in _lines() if ids and line.startswith(f"{ids[0]} ")), None)
    except (OSError, ValueError, IndexError):
        return None


def kind_of(path: str) -> str | None:
    """The kind of file system that a path leads to; None where that does not show."""
    try:
        descriptor = os.open(path, getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        mount = of_descriptor(descriptor)
    finally:
        os.close(descriptor)
    return mount.kind if mount else None
