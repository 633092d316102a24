"""Runs this Python where some directories are others, and as somebody else: in a mount namespace of its own."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from gpgdoctor.lab.parts import cache_directory
from gpgdoctor.lab.plan import SOURCE_TREE


def needed() -> set[Path]:
    """What this Python must see to open a lab."""
    imported = {Path(entry) for entry in sys.path if os.path.isdir(entry)}
    return {SOURCE_TREE, Path(sys.prefix), Path(sys.base_prefix), cache_directory() / "parts", *imported}


def closed_to_others() -> set[Path]:
    """The directories on the way to what is needed that nobody else may enter."""
    found = set()
    for path in needed():
        way = [*reversed(path.parents), path]
        found |= {next((step for step in way if not step.stat().st_mode & stat.S_IXOTH), Path())}
    return found - {Path()}


def argv(code: str, *, covers: Mapping[Path, Path], user: int | None = None) -> list[str]:
    """Run ``code`` where each key of ``covers`` shows its value, with what is needed bound back into it."""
    script = ["set -e", *(line for place, cover in covers.items() for line in _covering(place, cover))]
    become = f"setpriv --reuid {user} --regid {user} --clear-groups --inh-caps=-all " if user else ""
    script.append(f"exec {become}{shlex.quote(sys.executable)} -c {shlex.quote(code)}")
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *as_root, "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)]


def _covering(place: Path, cover: Path) -> Iterable[str]:
    for path in sorted(needed()):
        if path.is_relative_to(place):
            target = shlex.quote(str(cover / path.relative_to(place)))
            yield f"mkdir -p {target}; mount --rbind {shlex.quote(str(path))} {target}"
    yield f"mount --rbind {shlex.quote(str(cover))} {shlex.quote(str(place))}"
