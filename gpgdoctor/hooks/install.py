"""Installs the shims where their hosts look for them, and removes them again."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from glob import glob
from itertools import takewhile
from pathlib import Path
from typing import Literal

from gpgdoctor.hooks import files, marker
from gpgdoctor.hooks.targets import TARGETS, Target, template
from gpgdoctor.system.record import Record

State = Literal["absent", "same", "ours", "changed", "packaged", "foreign"]

PLACE = "/usr/share/bug/gpgdoctor/"
# reportbug looks there for packages that bring no script of their own.
PLACE_FOR_OTHERS = "/usr/share/bug/default/{package}/"
DPKG_LISTS = "/var/lib/dpkg/info/*.list"  # what each package installed, one path a line
EXECUTABLE = re.compile(r"/[A-Za-z0-9_./+-]+")  # shims name it without quotes, and sos has none
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian Policy 5.6.1
# Reportbug's, which asked another question.
SCRIPT_OF_0_1_0 = "cae793197d9b8dccf921c80b74323f79d15ba4b12235b934823a249bbb7f4da2"


class Refused(Exception):
    """Nothing was done; the message has a line for each reason."""


class Piece(Record):
    """A file of a hook as it is to be; ``template`` still has @EXE@ for the program."""

    path: str
    content: bytes
    template: bytes
    mode: int


def pieces(target: Target, executable: str, *, package: str | None = None) -> list[Piece]:
    """The files of a hook; ``package`` is the one that reportbug's script is to serve."""
    return [
        Piece(
            path=_place(shim.path, package),
            content=template(shim.source).replace(b"@EXE@", executable.encode()),
            template=template(shim.source),
            mode=shim.mode,
        )
        for shim in target.shims
    ]


def _place(path: str, package: str | None) -> str:
    return path.replace(PLACE, PLACE_FOR_OTHERS.format(package=package)) if package else path


def _for_others(target: Target) -> list[Piece]:
    """The files that a target may have for other packages, wherever there is a directory for one."""
    if not any(shim.path.startswith(PLACE) for shim in target.shims):
        return []
    packages = [place.split("/")[-2] for place in sorted(glob(_place(PLACE, "*")))]
    return [piece for package in packages for piece in pieces(target, "", package=package)]


def state(piece: Piece, destdir: str = "") -> State:
    """absent; the same; ours, with other content; ours but changed since; a package's; or somebody else's."""
    present = files.read(destdir + piece.path)
    if present is None:
        return "absent"
    if destdir:
        return "same" if present == piece.content else "foreign"
    marked = marker.read(present)
    if marked is not None:
        return "changed" if not marked.intact else "same" if marked.content == piece.content else "ours"
    pattern = re.escape(piece.template).replace(b"@EXE@", EXECUTABLE.pattern.encode())
    of_0_1_0 = re.fullmatch(pattern, present) or hashlib.sha256(present).hexdigest() == SCRIPT_OF_0_1_0
    if of_0_1_0 and _belongs_to_no_package(piece.path):  # it wrote no marker
        return "ours"
    return "packaged" if present == piece.content else "foreign"


def _belongs_to_no_package(path: str) -> bool:
    """Whether dpkg knows the packages here, and none of them has this file."""
    lists = glob(DPKG_LISTS)
    line = b"\n" + path.encode() + b"\n"
    try:
        return bool(lists) and not any(line in b"\n" + Path(name).read_bytes() for name in lists)
    except OSError:
        return False


def install(wanted: list[Piece], *, destdir: str = "", dry_run: bool = False) -> list[str]:
    """Write what is missing or old, and return what was done; raises Refused before anything is written.

    Below a destdir no marker is written, so that a package's files are never taken for what was installed here.
    """
    states = {piece.path: state(piece, destdir) for piece in wanted}
    obstacles = [_obstacle(path, how, destdir) for path, how in states.items() if how in ("changed", "foreign")]
    if obstacles:
        raise Refused("\n".join(obstacles))
    contents = {piece.path: piece.content for piece in wanted} if destdir else _marked(wanted)
    done = []
    for piece in wanted:
        if states[piece.path] in ("same", "packaged"):
            done.append(f"unchanged {destdir}{piece.path}")
            continue
        done.append(f"{'would write' if dry_run else 'wrote'} {destdir}{piece.path} ({piece.mode:04o})")
        if not dry_run:
            files.write(destdir + piece.path, contents[piece.path], piece.mode)
    return done


def _obstacle(path: str, how: State, destdir: str) -> str:
    if destdir:
        return f"{destdir}{path} is there, and is not what this command writes"
    if how == "changed":
        return f"{path} was changed since gpgdoctor wrote it"
    return f"{path} is there, and gpgdoctor did not write it, or 0.1.0 did"


def _marked(wanted: list[Piece]) -> dict[str, bytes]:
    """The contents with their markers. A directory that was made for another file of ours counts as made, too."""
    everything = [piece for target in TARGETS for piece in [*pieces(target, ""), *_for_others(target)]]
    ours = {directory for piece in everything for directory in _made_for(piece.path)}

    def made(path: str) -> int:
        above = Path(path).parents
        return len(list(takewhile(lambda directory: directory in ours or not os.path.lexists(directory), above)))

    return {piece.path: marker.mark(piece.content, made(piece.path)) for piece in wanted}


def _made_for(path: str) -> Sequence[Path]:
    """The directories that were made for a file: a marker can name no others than those above it."""
    marked = marker.read(files.read(path) or b"")
    return Path(path).parents[: marked.made] if marked is not None and marked.intact else ()


class Removal(Record):
    done: tuple[str, ...]
    kept: tuple[str, ...]  # with the reason


def uninstall(
    target: Target, wanted: list[Piece], *, destdir: str = "", only_wanted: bool = False, dry_run: bool = False
) -> Removal:
    """Remove what gpgdoctor wrote and nobody changed, and the directories that were made for it, once they are empty.

    Without ``only_wanted`` that is also what reportbug has for other packages.
    """
    others = [] if destdir or only_wanted else _for_others(target)
    done, kept, directories = [], [], set[Path]()
    for piece in [*wanted, *others]:
        path, how = f"{destdir}{piece.path}", state(piece, destdir)
        if how in ("same", "ours"):
            done.append(f"{'would remove' if dry_run else 'removed'} {path}")
            directories.update(_made_for(path))
            if not dry_run:
                files.remove(path)
        elif how == "changed" or (how != "absent" and piece in wanted):
            kept.append(_kept(path, how, destdir))
    if not dry_run:
        for directory in sorted(directories, reverse=True):
            files.remove_empty(str(directory))
    return Removal(done=tuple(done), kept=tuple(kept))


def _kept(path: str, how: State, destdir: str) -> str:
    if destdir:
        return f"{path} is not what install writes there, and stays; was it another --exe?"
    if how == "changed":
        return f"{path} was changed, and stays"
    return f"{path} has no marker of hook install, and stays"
