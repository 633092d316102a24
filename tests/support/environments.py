"""Python environments for tests that need other packages than those the tests run with, kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpgdoctor.lab import bootstrap
from gpgdoctor.lab.bootstrap import Environment
from gpgdoctor.lab.debian import DebianUnavailable
from gpgdoctor.lab.parts import cache_directory, locked

PIP_DEADLINE_S = 600


class EnvironmentUnavailable(Exception):
    """Why these packages cannot be had here, in one line."""


def with_packages(name: str, requirements: Sequence[str], compiling: Mapping[str, str] | None = None) -> Environment:
    """An environment with Debian's pyscard, and these packages from the Python index; the clone is in it too.

    ``compiling`` is what a compiler needs in its environment; then pyscard is pip's.
    """
    interpreter = bootstrap.chosen_interpreter()
    words = [str(bootstrap.CLONE), str(interpreter.path), interpreter.version, *requirements]
    key = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
    environment = Environment(home=cache_directory() / f"test-env-{name}-{key}", interpreter=interpreter)
    try:
        with locked(environment.home):
            if not environment.is_ready(name):
                bootstrap.make_base(environment)
                if compiling:
                    _forget_pyscard(environment)
                _install(environment, requirements, compiling or {})
                compile_all(environment.home / "venv", environment.python)
                environment.mark_ready(name)
    except (bootstrap.BootstrapFailed, DebianUnavailable, OSError) as error:
        raise EnvironmentUnavailable(str(error)) from error
    return environment


def _forget_pyscard(environment: Environment) -> None:
    """Debian's, which pip would not replace: its list of files is not there."""
    for folder in (environment.home / "venv" / "lib").glob("python3*/site-packages"):
        for entry in (*folder.glob("pyscard-*"), *folder.glob("smartcard")):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _install(environment: Environment, requirements: Sequence[str], compiling: Mapping[str, str]) -> None:
    """Debian's pip runs from its wheel, as in the bootstrap."""
    pip = sorted((environment.home / "debian").rglob("pip-*.whl"))[-1] / "pip"
    command = [str(environment.python), str(pip), "install", "--no-input", "--prefer-binary", *requirements]
    try:
        done = subprocess.run(
            command,
            env={
                **bootstrap.surroundings(environment),
                **compiling,
                "PIP_USER": "0",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PIP_DEADLINE_S,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentUnavailable(f"pip did not end within {PIP_DEADLINE_S} s") from None
    if done.returncode != 0:
        complaint = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise EnvironmentUnavailable(f"pip failed: {complaint}")


def compile_all(folder: Path, python: Path | str) -> None:
    """As pip does with what it installs: what is timed must not be slower than what people run."""
    subprocess.run([python, "-m", "compileall", "-q", folder], capture_output=True, check=False, timeout=PIP_DEADLINE_S)
