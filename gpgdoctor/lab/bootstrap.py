"""Runs gpgdoctor's demo and its tests from a fresh clone, on a bare Debian.

usage: bootstrap.py demo [ARGS]   a virtual reader, card and conflict; ARGS as for "gpgdoctor demo"
       bootstrap.py test [ARGS]   the test suite; ARGS as for pytest
       bootstrap.py test --full   with all scenarios that need a whole machine, not eight of them
       bootstrap.py lint          ruff (check and format) and mypy over the clone
       bootstrap.py python [ARGS] Python with the packages that the tests need; ARGS as for python

Needs python3 (3.10 or later), apt-get and a network the first time; neither root, pip, python3-venv nor a compiler.
Nothing is installed on this machine: a virtual environment and unpacked Debian packages go to
    {cache}
which may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parents[2]
if not __package__:
    # As a script: the clone itself in place of this directory, whose modules would be found at top level.
    sys.path[0] = str(CLONE)

from gpgdoctor.lab.debian import Apt, DebianUnavailable, unpack  # noqa: E402
from gpgdoctor.lab.jcecard import PIP_PACKAGE  # noqa: E402
from gpgdoctor.lab.parts import PartsUnavailable, cache_directory, find, locked  # noqa: E402

# Debian's pyscard, because the Python index has no build of it for Linux: no compiler, no headers.
PYSCARD_PACKAGE = "python3-pyscard"
DEBIAN_PYTHON = Path("/usr/bin/python3")
OLDEST_PYTHON = (3, 10)

QUICK_DEADLINE_S = 30
VENV_DEADLINE_S = 120
PIP_DEADLINE_S = 900
LINT_DEADLINE_S = 600
COMPILE_DEADLINE_S = 120

# Labs do not meet, and most tests wait for something. tests/conftest.py has the order.
SIDE_BY_SIDE_COUNT = 2 * (os.cpu_count() or 1) + 1
SIDE_BY_SIDE = ("-n", str(SIDE_BY_SIDE_COUNT), "--dist", "loadfile", "--no-loadscope-reorder")
FULL = "--full"

LINTERS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))

EXIT_USAGE = 2
EXIT_CANNOT_RUN = 3
LAYOUT = "1"


class BootstrapFailed(Exception):
    """Why the environment cannot be made, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    path: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment that belongs to one clone, one pyproject.toml and one interpreter."""

    home: Path
    interpreter: Interpreter

    @property
    def programs(self) -> Path:
        return self.home / "venv" / "bin"

    @property
    def python(self) -> Path:
        return self.programs / "python"

    def is_ready(self, extra: str) -> bool:
        return self._stamp(extra).exists()

    def mark_ready(self, extra: str) -> None:
        self._stamp(extra).touch()

    def _stamp(self, extra: str) -> Path:
        return self.home / f"ready-{extra}"


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print((__doc__ or "").format(cache=cache_directory()), end="")
        return 0
    command, rest = arguments[0], arguments[1:]
    if not (CLONE / "pyproject.toml").is_file():
        say("this works in a clone of the repository; where gpgdoctor is installed there is gpgdoctor demo")
        return EXIT_CANNOT_RUN
    try:
        if command == "demo":
            return demo(rest)
        if command == "test":
            return test(rest)
        if command == "lint":
            return lint()
        if command == "python":
            return run_instead(prepared("base", "test"), *rest)
    except (BootstrapFailed, DebianUnavailable, PartsUnavailable) as reason:
        say(str(reason))
        return EXIT_CANNOT_RUN
    except KeyboardInterrupt:
        return 130
    say(f"unknown command {command!r}; try --help")
    return EXIT_USAGE


def demo(arguments: Sequence[str]) -> int:
    environment = prepared("base", "lab")
    find(progress=say)
    return run_instead(environment, "-m", "gpgdoctor", "demo", *arguments)


def test(arguments: Sequence[str]) -> int:
    environment = prepared("base", "test")
    try:
        find(progress=say)
    except PartsUnavailable as reason:
        # Most tests need no lab; those that do say what its absence means for them.
        say(f"the lab is not available: {reason}")
    os.chdir(CLONE)
    compile_clone(environment)
    if not arguments or list(arguments) == [FULL]:
        arguments = [*SIDE_BY_SIDE, *arguments]
    return run_instead(environment, "-m", "pytest", *arguments)


def lint() -> int:
    environment = prepared("base", "test", "lint")
    worst = 0
    for tool in LINTERS:
        say("running " + " ".join(tool))
        try:
            code = subprocess.run(
                [environment.python, "-m", *tool], cwd=CLONE, env=surroundings(environment), timeout=LINT_DEADLINE_S
            ).returncode
        except subprocess.TimeoutExpired:
            raise BootstrapFailed(f"{' '.join(tool)} did not end within {LINT_DEADLINE_S} s") from None
        worst = max(worst, abs(code))
    return worst


def prepared(*extras: str) -> Environment:
    """The environment with these extras of pyproject.toml in it, made or completed where it is not there yet."""
    interpreter = chosen_interpreter()
    environment = Environment(home=cache_directory() / f"env-{_key(interpreter)}", interpreter=interpreter)
    if all(environment.is_ready(extra) for extra in extras):
        return environment
    try:
        with locked(environment.home):
            if not environment.is_ready("base"):
                make_base(environment)
            for extra in extras:
                if not environment.is_ready(extra):
                    install(environment, extra)
    except OSError as error:
        raise BootstrapFailed(f"{environment.home} cannot be used: {error.strerror or error}") from error
    return environment


def chosen_interpreter() -> Interpreter:
    """Debian's own python3 where there is one, since Debian's pyscard is compiled for that."""
    for path in (DEBIAN_PYTHON, Path(sys.executable)):
        if not path.exists():
            continue
        words = _output(path, "-c", "import sys; print(*sys.version_info[:2], sys.version)").split(maxsplit=2)
        if (int(words[0]), int(words[1])) >= OLDEST_PYTHON:
            return Interpreter(path=path, version=" ".join(words))
    raise BootstrapFailed("python3 3.10 or later is not here")


def make_base(environment: Environment) -> None:
    """An environment with the clone, Debian's pip and Debian's pyscard, but nothing from the Python index."""
    home = environment.home
    say(f"making a virtual environment in {home}")
    for leftover in ("venv", "debian", "archives"):
        shutil.rmtree(home / leftover, ignore_errors=True)
    _output(environment.interpreter.path, "-m", "venv", "--without-pip", home / "venv", deadline_s=VENV_DEADLINE_S)
    say(f"fetching {PIP_PACKAGE} and {PYSCARD_PACKAGE} from Debian")
    unpack(_downloaded([PIP_PACKAGE, PYSCARD_PACKAGE], home / "archives"), home / "debian")
    shutil.rmtree(home / "archives")
    site_packages = next((home / "venv" / "lib").glob("python3*/site-packages"))
    for entry in (home / "debian" / "usr" / "lib" / "python3" / "dist-packages").iterdir():
        shutil.move(entry, site_packages / entry.name)
    (site_packages / "gpgdoctor-clone.pth").write_text(f"{CLONE}\n")
    _write_launcher(environment.programs / "gpgdoctor", environment.python)


def install(environment: Environment, extra: str) -> None:
    """What pyproject.toml lists for this extra, by Debian's pip, which runs from its wheel."""
    wheels = sorted((environment.home / "debian").rglob("pip-*.whl"))
    if not wheels:
        raise BootstrapFailed(f"no pip in {environment.home}; delete that directory and try again")
    say(f"installing what gpgdoctor needs ({extra}) into it")
    command = [str(environment.python), str(wheels[-1] / "pip"), "install", "--no-input", "--prefer-binary"]
    log = environment.home / f"pip-{extra}.log"
    with log.open("w") as output:
        try:
            done = subprocess.run(
                [*command, *requirements(read_pyproject(wheels[-1]), extra)],
                env={**surroundings(environment), "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=PIP_DEADLINE_S,
            )
        except subprocess.TimeoutExpired:
            raise BootstrapFailed(f"pip did not end within {PIP_DEADLINE_S} s; see {log}") from None
    if done.returncode != 0:
        raise BootstrapFailed(f"pip failed: {_last_error(log)} (see {log})")
    environment.mark_ready(extra)


def compile_clone(environment: Environment) -> None:
    """Tests start thousands of programs of the clone's; where bytecode is not written, half their time is compiling."""
    folders = [CLONE / "gpgdoctor", *environment.home.glob("venv/lib/python3*/site-packages/smartcard")]
    command = [str(environment.python), "-m", "compileall", "-q", "-x", "/collection/", *map(str, folders)]
    with suppress(subprocess.TimeoutExpired):  # a clone that cannot be written to is slower, and no worse
        subprocess.run(command, env=surroundings(environment), capture_output=True, timeout=COMPILE_DEADLINE_S)


def read_pyproject(pip_wheel: Path) -> dict[str, Any]:
    try:
        toml = importlib.import_module("tomllib")
    except ModuleNotFoundError:
        # Python 3.10 has no reader of TOML; pip brings one along.
        sys.path.append(str(pip_wheel))
        toml = importlib.import_module("pip._vendor.tomli")
    parsed: dict[str, Any] = toml.loads((CLONE / "pyproject.toml").read_text())
    return parsed


def requirements(pyproject: dict[str, Any], extra: str) -> list[str]:
    """The requirements of one extra; "base" are the project's own. An extra that names another one includes it."""
    project = pyproject["project"]
    listed: Iterable[str] = project["dependencies"] if extra == "base" else project["optional-dependencies"][extra]
    found: list[str] = []
    for requirement in listed:
        included = re.fullmatch(rf"{re.escape(project['name'])}\[(\w+)\]", requirement)
        found += requirements(pyproject, included[1]) if included else [requirement]
    return found


def surroundings(environment: Environment) -> dict[str, str]:
    """The caller's environment variables (CI, proxies, pip's settings) with this virtual environment in front."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    path = os.pathsep.join([str(environment.programs), os.environ.get("PATH", os.defpath)])
    return {**inherited, "VIRTUAL_ENV": str(environment.home / "venv"), "PATH": path}


def run_instead(environment: Environment, *arguments: str) -> int:
    sys.stderr.flush()
    os.execve(environment.python, [str(environment.python), *arguments], surroundings(environment))


def say(line: str) -> None:
    print(f"bootstrap: {line}", file=sys.stderr, flush=True)


def _key(interpreter: Interpreter) -> str:
    parts = [LAYOUT, str(CLONE), str(interpreter.path), interpreter.version, (CLONE / "pyproject.toml").read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _downloaded(packages: Sequence[str], into: Path) -> list[Path]:
    apt = Apt(home=cache_directory() / "parts" / "apt")
    with locked(cache_directory() / "parts"):
        try:
            return apt.download(packages, into)
        except DebianUnavailable:
            return apt.refreshed().download(packages, into)


def _write_launcher(launcher: Path, python: Path) -> None:
    """For the demo's shell. Not a shebang line, which must be short and without spaces."""
    quoted = "'" + str(python).replace("'", "'\\''") + "'"
    launcher.write_text(f'#!/bin/sh\nexec {quoted} -m gpgdoctor "$@"\n')
    launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _output(program: Path, *arguments: str | Path, deadline_s: float = QUICK_DEADLINE_S) -> str:
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=deadline_s)
    except subprocess.TimeoutExpired:
        raise BootstrapFailed(f"{program} did not end within {deadline_s:g} s") from None
    if done.returncode != 0:
        complaint = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise BootstrapFailed(f"{program} failed: {complaint[-1]}")
    return done.stdout


def _last_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["no reason given"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
