"""The files that a fleet report is made of, one after the other: each bounded, none followed out of its directory."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LIMIT_BYTES = 4 << 20  # a document has some 40 KB, one for twenty users a few hundred
DEPTH_LIMIT = 16
ENDINGS = (".json", ".fact")
# What supportconfig's file has between its text and its document: hooks/failure.py.
SECTION = b"#==[ gpgdoctor JSON ]"


class Damaged(Exception):
    """A file, or a document in it, that cannot be used; the message says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file and what was in it: ``content`` is decoded JSON, or None with the reason in ``damage``."""

    name: str  # the file's, as it was given or from its directory on
    label: str  # what its host is called, unlike every other one's of the run
    content: Any = None
    damage: str | None = None


def sources(arguments: Sequence[str]) -> Iterator[Source]:
    """Every file that is named, and every file below a directory that is named; each once, in a stable order."""
    labels = _Labels()
    seen: set[tuple[int, int]] = set()
    for argument in arguments:
        for path, name in _files(argument, several=len(arguments) > 1):
            try:
                content = _load(path, seen, follow=path == argument)
            except _SeenBefore:
                continue
            except Damaged as damage:
                yield Source(name, name, damage=str(damage))
            else:
                yield Source(name, labels.of(name), content)


class _SeenBefore(Exception):
    """The same file by another name."""


class _Labels:
    """A file's name without its ending, as long as no other file has that; it stands for the host."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        short = name
        for ending in ENDINGS:
            short = short.removesuffix(ending)
        label, number = (short or name) if short not in self._taken else name, 2
        while label in self._taken:
            label, number = f"{name} ({number})", number + 1
        self._taken.add(label)
        return label


def _files(argument: str, *, several: bool) -> Iterator[tuple[str, str]]:
    """Paths, and what each is called in the report."""
    if not os.path.isdir(argument):
        yield argument, argument if several else os.path.basename(argument)
        return
    prefix = argument.rstrip("/") + "/"
    for path in _below(argument, DEPTH_LIMIT):
        yield path, path if several else path.removeprefix(prefix)


def _below(directory: str, depth: int) -> Iterator[str]:
    """Everything but hidden files. Links to directories are not followed: they would lead out, or in a circle."""
    try:
        with os.scandir(directory) as listing:
            entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda it: it.name)
    except OSError:
        yield directory  # which _load then says
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and depth:
            yield from _below(entry.path, depth - 1)
        else:
            yield entry.path


def _load(path: str, seen: set[tuple[int, int]], *, follow: bool) -> Any:
    content = _read(path, seen, follow=follow)
    if content.lstrip()[:1] not in (b"{", b"["):
        content = content.partition(SECTION)[2].partition(b"\n")[2]
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise Damaged("nested too deeply") from error
    except ValueError as error:
        raise Damaged("not JSON") from error


def _read(path: str, seen: set[tuple[int, int]], *, follow: bool) -> bytes:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    try:
        if not follow and stat.S_ISLNK(os.lstat(path).st_mode):
            raise Damaged("a symbolic link, which is not followed")
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise Damaged(getattr(error, "strerror", None) or "cannot be opened") from error
    try:
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Damaged("not a regular file")
            if (status.st_dev, status.st_ino) in seen:
                raise _SeenBefore
            seen.add((status.st_dev, status.st_ino))
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise Damaged(error.strerror or "cannot be read") from error
    if len(content) > LIMIT_BYTES:
        raise Damaged(f"larger than {LIMIT_BYTES >> 20} MiB")
    return content


def _refuse(word: str) -> None:
    raise ValueError(word)
