"""Installs the shims where their hosts look for them, and removes them again."""

from __future__ import annotations

import os
import re
from typing import Literal

from gpgdoctor.hooks import files, ledger
from gpgdoctor.hooks.ledger import DIRECTORY, Entry, digest
from gpgdoctor.hooks.targets import Target, template
from gpgdoctor.system.record import Record

PackagedState = Literal["absent", "same", "ours", "changed", "foreign"]

PLACE = "/usr/share/bug/gpgdoctor/"
# reportbug looks there for packages that bring no script of their own.
PLACE_FOR_OTHERS = "/usr/share/bug/default/{package}/"
EXECUTABLE = re.compile(r"/[A-Za-z0-9_./+-]+")  # shims name it without quotes, and sos has none
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian Policy 5.6.1


class Refused(Exception):
    """Nothing was done; the message has a line for each reason."""


class Piece(Record):
    """A file of a hook as it is to be, and how what is there now relates to it."""

    path: str
    content: bytes
    mode: int


def pieces(target: Target, executable: str, *, package: str | None = None) -> list[Piece]:
    """The files of a hook; ``package`` is the one that reportbug's script is to serve."""
    return [
        Piece(
            path=_place(shim.path, package),
            content=template(shim.source).replace(b"@EXE@", executable.encode()),
            mode=shim.mode,
        )
        for shim in target.shims
    ]


def _place(path: str, package: str | None) -> str:
    return path.replace(PLACE, PLACE_FOR_OTHERS.format(package=package)) if package else path


def state(piece: Piece, installed: list[Entry], destdir: str = "") -> PackagedState:
    """absent; the same; ours as installed; ours but changed since; or somebody else's."""
    present = files.read(destdir + piece.path)
    if present is None:
        return "absent"
    recorded = [entry for entry in installed if entry.path == piece.path]
    if not recorded:
        return "same" if present == piece.content else "foreign"
    if digest(present) != recorded[0].sha256:
        return "changed"
    return "same" if present == piece.content else "ours"


def install(target: Target, wanted: list[Piece], *, destdir: str = "", dry_run: bool = False) -> list[str]:
    """Write what is missing or old, and return what was done; raises Refused before anything is written."""
    installed = [] if destdir else ledger.load()
    states = {piece.path: state(piece, installed, destdir) for piece in wanted}
    obstacles = [_obstacle(path, how, destdir) for path, how in states.items() if how in ("changed", "foreign")]
    if obstacles:
        raise Refused("\n".join(obstacles))
    done = []
    for piece in wanted:
        if states[piece.path] == "same":
            done.append(f"unchanged {destdir}{piece.path}")
            continue
        done.append(f"{'would write' if dry_run else 'wrote'} {destdir}{piece.path} ({piece.mode:04o})")
        if dry_run:
            continue
        made = files.write(destdir + piece.path, piece.content, piece.mode)
        if not destdir:
            installed = _recorded(installed, target, piece, made)
            ledger.save(installed)
    return done


def _obstacle(path: str, how: PackagedState, destdir: str) -> str:
    if destdir:  # no ledger is kept there
        return f"{destdir}{path} is there, and is not what this command writes"
    if how == "changed":
        return f"{path} was changed since gpgdoctor wrote it"
    return f"{path} is there, and gpgdoctor did not write it"


def _recorded(installed: list[Entry], target: Target, piece: Piece, made: list[str]) -> list[Entry]:
    others = [entry for entry in installed if entry.path != piece.path]
    directories = [Entry(target=target.name, path=path, sha256=DIRECTORY) for path in made]
    return [*others, *directories, Entry(target=target.name, path=piece.path, sha256=digest(piece.content))]


class Removal(Record):
    done: tuple[str, ...]
    kept: tuple[str, ...]  # with the reason


def uninstall(
    target: Target, wanted: list[Piece], *, destdir: str = "", only_wanted: bool = False, dry_run: bool = False
) -> Removal:
    """Remove what gpgdoctor wrote and nobody changed.

    ``wanted`` says what that is below a destdir; with ``only_wanted`` nothing else of this target is removed.
    """
    installed = [] if destdir else ledger.load()
    places = {piece.path for piece in wanted}
    ours = [entry for entry in installed if entry.target == target.name and (not only_wanted or entry.path in places)]
    if destdir:
        ours = [Entry(target=target.name, path=piece.path, sha256=digest(piece.content)) for piece in wanted]
    done, kept, gone = [], [], []
    for entry in (entry for entry in ours if entry.sha256 != DIRECTORY):
        present = files.read(destdir + entry.path)
        if present is not None and digest(present) != entry.sha256:
            kept.append(_kept(f"{destdir}{entry.path}", unlike_ours=bool(destdir)))
            continue
        gone.append(entry)
        if present is not None:
            done.append(f"{'would remove' if dry_run else 'removed'} {destdir}{entry.path}")
            if not dry_run:
                files.remove(destdir + entry.path)
    if not destdir and not dry_run:
        _forget(installed, target, gone)
    kept += [] if ours else _not_ours(wanted)
    return Removal(done=tuple(done), kept=tuple(kept))


def _kept(path: str, *, unlike_ours: bool) -> str:
    if unlike_ours:
        return f"{path} is not what install writes there, and stays; was it another --exe?"
    return f"{path} was changed, and stays"


def _not_ours(wanted: list[Piece]) -> list[str]:
    return [
        f"{piece.path} was not installed by gpgdoctor, and stays" for piece in wanted if os.path.lexists(piece.path)
    ]


def _forget(installed: list[Entry], target: Target, gone: list[Entry]) -> None:
    left = [entry for entry in installed if entry not in gone]
    for entry in reversed([entry for entry in left if entry.target == target.name and entry.sha256 == DIRECTORY]):
        files.remove_empty(entry.path)
        if not os.path.lexists(entry.path):
            left.remove(entry)
    ledger.save(left)
