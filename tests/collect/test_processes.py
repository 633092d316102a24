"""Processes by the names that people give them, and by where they run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpgdoctor.collect import processes
from gpgdoctor.system import proc
from tests.support.labs import cannot_run

pytestmark = pytest.mark.machine_dependent

SLEEP_S = "60"


@contextmanager
def running(path: Path, argv0: str) -> Iterator[int]:
    """A program below this path that calls itself otherwise."""
    shutil.copy(shutil.which("sleep") or "/bin/sleep", path)
    process = subprocess.Popen([argv0, SLEEP_S], executable=path)
    try:
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
            time.sleep(0.01)  # the kernel is not done with it yet
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("daemon", processes.ROLES)
def test_a_daemon_that_a_wrapper_moved_away_keeps_its_role(daemon: str, tmp_path: Path) -> None:
    with running(tmp_path / f".{daemon}-wrapped", f"/nix/store/x/libexec/{daemon}") as pid:
        assert processes.daemons()[pid] == daemon
        assert processes.name_of(pid) == daemon
        described = processes.describe(pid, daemon, ())
        assert described is not None and described.program == daemon


@pytest.mark.parametrize("program", ["firefox", "gsd-smartcard", "a-program-with-a-long-name"])
def test_a_wrapped_program_has_the_name_of_its_wrapper(program: str, tmp_path: Path) -> None:
    with running(tmp_path / f".{program}-wrapped", f"/nix/store/x/bin/{program}") as pid:
        described = processes.describe(pid, "client", ())
        assert described is not None and described.program == program


def test_what_runs_in_a_container_is_below() -> None:
    own_pids = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--pid", "--fork"]
    outer = subprocess.Popen([*own_pids, "sh", "-c", f"echo; sleep {SLEEP_S}"], stdout=subprocess.PIPE)
    try:
        assert outer.stdout is not None
        if not outer.stdout.readline():
            cannot_run("no pid namespaces here")
        (inner,) = (int(pid) for pid in Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split())
        assert proc.is_below(inner)
        assert not proc.is_below(outer.pid)
        assert not proc.is_below(os.getpid())
        os.kill(inner, signal.SIGKILL)
    finally:
        outer.kill()
        outer.communicate()


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("python3", "python3 -X utf8 cardtool.py", "cardtool.py"),
        ("python3.11", "python3 -W ignore -u /opt/cardtool.py --pin", "cardtool.py"),
        ("python3", "python3 --check-hash-based-pycs always cardtool.py", "cardtool.py"),
        ("python3", "python3 -I cardtool.py", "cardtool.py"),
        ("python3", "python3 -Im gpgdoctor.collect", "gpgdoctor"),
        ("python3", "python3 -m gpgdoctor check", "gpgdoctor"),
        ("python3", "python3 -c pass", "python3"),
        ("python3", "python3 -X utf8", "python3"),
        ("python3", "python3 -Ic pass", "python3"),
        ("bash", "bash -lc true", "bash"),
        ("bash", "bash -m run.sh", "run.sh"),
        ("perl", "perl -I lib x.pl", "x.pl"),
        ("node", "node -r hook app.js", "app.js"),
        ("java", "java -cp a.jar:b.jar Main", "Main"),
        ("java", "java -Dx=y -jar /opt/eid.jar", "eid"),
        ("bash", "bash -o errexit script", "script"),
    ],
)
def test_an_interpreter_is_called_by_what_it_runs(name: str, arguments: str, expected: str) -> None:
    assert processes._program(name, arguments.split()) == expected


def test_a_fifo_in_the_place_of_a_program_is_not_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "gpg-agent"
    with running(program, "gpg-agent") as pid:
        content = program.read_bytes()
        program.unlink()
        program.write_bytes(content)
        assert processes._replaced(pid) is False, "installed anew, byte for byte"
        program.write_bytes(content[:-1] + b"x")
        assert processes._replaced(pid) is True
        program.unlink()
        os.mkfifo(program)
        assert processes._replaced(pid) is True


def test_a_device_in_the_place_of_a_program_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the folder may have made a link of it, and opening some devices does things."""
    folder = tmp_path / "folder"
    folder.mkdir()
    opened: list[str] = []
    real = os.open

    def watched(path: str, flags: int, *rest: int, **how: int) -> int:
        if not flags & os.O_PATH:
            opened.append(os.path.realpath(path))
        return real(path, flags, *rest, **how)

    with running(folder / "zero", "gpg-agent") as pid:
        shutil.rmtree(folder)
        folder.symlink_to("/dev")
        monkeypatch.setattr(os, "open", watched)
        assert processes._replaced(pid) is True
    assert "/dev/zero" not in opened


@pytest.mark.parametrize("length", [15, 16, 64, 30_000])
def test_a_program_cannot_call_itself_without_end(length: int, tmp_path: Path) -> None:
    with running(tmp_path / ("x" * 20), "x" * length) as pid:
        described = processes.describe(pid, "client", ())
        assert described is not None
        assert described.program == "x" * min(length, 64)
