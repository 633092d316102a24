"""jcecard, the virtual OpenPGP card: no distribution has it, so it comes from the Python index where it is missing.

Nothing is installed: Debian's pip is unpacked, run from its wheel, and fills a directory of the cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from gpgdoctor.lab.debian import OFFLINE, Apt, DebianUnavailable, unpack
from gpgdoctor.lab.parts import PartsUnavailable, cache_directory, locked

REQUIREMENT = "jcecard==0.1.0"  # the extra "lab" of pyproject.toml
PIP_PACKAGE = "python3-pip-whl"  # a bare Debian has no pip, and its venv module cannot make one
PIP_DEADLINE_S = 600
ADVICE = "pip install 'gpgdoctor[lab]'"


def find(*, progress: Callable[[str], None] | None = None) -> None:
    """Have it where Python imports it; raises PartsUnavailable, with the reason on one line."""
    if find_spec("jcecard") is not None:
        return
    home = cache_directory() / "card"
    folder = home / f"{REQUIREMENT}-{sys.implementation.cache_tag}"
    try:
        with locked(home):
            if not folder.exists():
                if progress:
                    progress(f"fetching a virtual card ({REQUIREMENT}) into {home}")
                _fetch(home, folder)
    except (DebianUnavailable, OSError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise PartsUnavailable(f"the virtual card needs jcecard ({ADVICE}), and cannot be fetched: {reason}") from error
    sys.path.append(str(folder))


def search_path() -> list[str]:
    """What the path of Python needs for it."""
    spec = find_spec("jcecard")
    return [str(Path(spec.origin).parents[1])] if spec is not None and spec.origin is not None else []


def _fetch(home: Path, folder: Path) -> None:
    if os.environ.get(OFFLINE):
        raise DebianUnavailable(f"nothing is fetched where {OFFLINE} is set")
    with tempfile.TemporaryDirectory(prefix="new-", dir=home, ignore_cleanup_errors=True) as scratch:
        pip = _pip(Path(scratch))
        new = Path(scratch) / "packages"
        command = [sys.executable, str(pip), "install", "--no-input", "--target", str(new), REQUIREMENT]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PIP_DEADLINE_S,
            )
        except subprocess.TimeoutExpired:
            raise DebianUnavailable(f"pip did not end within {PIP_DEADLINE_S} s") from None
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
            raise DebianUnavailable(f"pip: {said[-1]}")
        new.rename(folder)


def _pip(scratch: Path) -> Path:
    apt = Apt(home=cache_directory() / "parts" / "apt")
    with locked(cache_directory() / "parts"):
        try:
            archives = apt.download([PIP_PACKAGE], scratch / "archives")
        except DebianUnavailable:
            archives = apt.refreshed().download([PIP_PACKAGE], scratch / "archives")
    unpack(archives, scratch / "debian")
    wheels = sorted((scratch / "debian").rglob("pip-*.whl"))
    if not wheels:
        raise DebianUnavailable(f"there is no pip in {PIP_PACKAGE}")
    return wheels[-1] / "pip"
