"""Debian packages that are not installed here, unpacked in the cache: programs to run with their own libraries."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpgdoctor.lab.debian import Apt, DebianUnavailable, unpack
from gpgdoctor.lab.parts import cache_directory, locked


@dataclass(frozen=True, slots=True)
class Unpacked:
    prefix: Path

    def program(self, name: str) -> Path:
        """The unpacked program, or the machine's own; raises DebianUnavailable."""
        for base in (self.prefix, Path("/")):
            for folder in ("usr/bin", "usr/sbin"):
                if (base / folder / name).exists():
                    return base / folder / name
        raise DebianUnavailable(f"{name} is neither installed nor in the packages that were unpacked")

    @property
    def libraries(self) -> list[Path]:
        """Every shared library that was unpacked."""
        return sorted(path for path in (self.prefix / "usr/lib").rglob("*.so.*") if path.parent.name.endswith("-gnu"))

    def launcher(self, name: str, into: Path) -> Path:
        """A script that runs the program with what was unpacked with it."""
        folders = sorted({str(path.parent) for path in self.libraries})
        python = self.prefix / "usr/lib/python3/dist-packages"
        target = self.program(name)
        with target.open("rb") as start:
            script = start.read(2) == b"#!"
        words = ["/usr/bin/python3", str(target)] if script else [str(target)]
        into.mkdir(parents=True, exist_ok=True)
        launcher = into / name
        launcher.write_text(
            f"#!/bin/sh\nexport LD_LIBRARY_PATH={shlex.quote(':'.join(folders))}\n"
            f'export PYTHONPATH={shlex.quote(str(python))}\nexec {shlex.join(words)} "$@"\n'
        )
        launcher.chmod(0o755)
        return launcher


def packages(*names: str) -> Unpacked:
    """These packages with what they depend on, as far as it is not installed; raises DebianUnavailable."""
    home = cache_directory() / "fleet"
    with locked(home):
        apt = Apt(home=home / "apt")
        try:
            return _unpacked(apt, names, home)
        except DebianUnavailable:
            return _unpacked(apt.refreshed(), names, home)


def _unpacked(apt: Apt, names: Sequence[str], home: Path) -> Unpacked:
    pinned = apt.missing(names)
    tree = home / f"tree-{hashlib.sha256(repr(pinned).encode()).hexdigest()[:16]}"
    if not tree.exists():
        with tempfile.TemporaryDirectory(prefix="new-", dir=home, ignore_cleanup_errors=True) as scratch:
            new = Path(scratch, "tree")
            unpack(apt.download(pinned, Path(scratch, "archives")), new)
            os.rename(new, tree)
    return Unpacked(tree)
