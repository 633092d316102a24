"""However the program ends that started a machine, nothing of it stays but what its cache clears up by itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpgdoctor.lab.machine import build
from gpgdoctor.lab.machine.machine import Machine
from gpgdoctor.lab.parts import locked
from gpgdoctor.lab.plan import LabUnavailable
from tests.support.labs import cannot_run, needing_a_lab

pytestmark = [pytest.mark.lab, pytest.mark.machine]
CLONE = Path(__file__).parents[2]
START_DEADLINE_S = 600.0
END_DEADLINE_S = 30.0
POLL_S = 0.1
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
ELSEWHERE = ("home", "tmp", "run", "here")  # where a program might leave files


@pytest.fixture(scope="module")
def built() -> build.Built:
    try:
        return build.build(lambda what: print(what, file=sys.stderr))
    except LabUnavailable as unavailable:
        cannot_run(str(unavailable))


@dataclass(frozen=True, slots=True)
class Started:
    """A program that was started in a session of its own, with directories of its own."""

    process: subprocess.Popen[str]
    directory: Path

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(END_DEADLINE_S)

    def processes(self) -> list[str]:
        """All that it has started, and that did not leave its session."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                _, _, rest = stat.read_text().rpartition(")")
                if int(rest.split()[3]) == self.process.pid and rest.split()[0] not in "ZX":
                    found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        return found

    def mounts(self) -> list[str]:
        """Of what it uses; others may mount what they like meanwhile."""
        used = (str(self.directory), str(build.directory()))
        return [line for line in Path("/proc/self/mounts").read_text().splitlines() if any(it in line for it in used)]

    def assert_nothing_is_left(self) -> None:
        deadline = time.monotonic() + END_DEADLINE_S
        while self.processes() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        assert self.processes() == []
        assert self.mounts() == []
        assert [path for name in ELSEWHERE for path in (self.directory / name).rglob("*")] == []


@contextmanager
def started(directory: Path, cache: Path, *arguments: str) -> Iterator[Started]:
    for name in ELSEWHERE:
        (directory / name).mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "HOME": str(directory / "home"),
        "TMPDIR": str(directory / "tmp"),
        "XDG_RUNTIME_DIR": str(directory / "run"),
        "XDG_CACHE_HOME": str(cache),
        "PYTHONPATH": str(CLONE),
    }
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=directory / "here",
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Started(process, directory)
        finally:
            process.kill()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(POLL_S)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda it: it.name)
def test_of_a_scenario(built: build.Built, number: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path, build.directory().parents[1], "gpgdoctor", "demo", "usb-own-driver") as program:
        assert program.process.stdout is not None
        assert any(line.startswith("$ gpg") for line in program.process.stdout), "the scenario did not begin"
        (directory,) = build.directory().glob(f"run-{program.process.pid}-*")
        assert any("qemu-system" in argv for argv in program.processes())
        program.end(number)
        program.assert_nothing_is_left()
    with needing_a_lab(), Machine():  # which clears up after one that was killed
        assert not directory.exists()
    assert not list(build.directory().glob(f"run-{os.getpid()}-*"))


@pytest.mark.parametrize("number", SIGNALS, ids=lambda it: it.name)
def test_of_a_boot(built: build.Built, number: signal.Signals, tmp_path: Path) -> None:
    home = _unsaved(built, tmp_path / "cache")
    left: set[Path] = set()
    for signal_number in (number, signal.SIGKILL):
        with started(tmp_path, tmp_path / "cache", "gpgdoctor.lab.machine") as program:
            wait_for(lambda: any("qemu-system" in argv for argv in program.processes()))
            begun = set(home.glob("boot-*"))
            assert len(begun) == 1 and not begun & left, "what the one before left is gone by now"
            program.end(signal_number)
            program.assert_nothing_is_left()
        left = set(home.glob("boot-*"))
        assert not (left and signal_number is signal.SIGINT)


def _unsaved(built: build.Built, cache: Path) -> Path:
    """A cache that has all of the machine but its saved state."""
    home = cache / "gpgdoctor" / "machine"
    (home / built.base.name).mkdir(parents=True)
    for part in built.base.iterdir():
        if not re.match("saved-", part.name):
            (home / built.base.name / part.name).symlink_to(part)
    return home


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache whose machine counts as built, in which others were killed while they built theirs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "_digest", lambda _parts: "0")
    (build.directory() / "debian-trixie-0" / "saved-0").mkdir(parents=True)
    (build.directory() / "new-x" / "base").mkdir(parents=True)
    (build.directory() / "boot-x").mkdir()
    return build.directory()


def test_what_a_killed_build_left_goes_with_the_next_run(finished: Path) -> None:
    build.build(lambda _: None)
    assert sorted(it.name for it in finished.iterdir() if it.is_dir()) == ["debian-trixie-0"]


def test_a_build_that_goes_on_is_left_alone(finished: Path) -> None:
    with locked(finished):
        build.build(lambda _: None)
    assert (finished / "new-x").exists() and (finished / "boot-x").exists()
