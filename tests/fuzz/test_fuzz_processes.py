"""Processes come and go while they are looked at, and call themselves what they like."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from gpgdoctor.collect import pcscd, processes
from gpgdoctor.facts import Process
from gpgdoctor.system import proc
from gpgdoctor.system.record import replace
from gpgdoctor.system.sockets import Sockets
from tests.support.fuzzing import ATTACKS, EVIL, SECONDS, attack, survives
from tests.support.specimens import machines

NAMES = st.sampled_from([b"pcscd\n", b"scdaemon\n", b"gpg-agent\n", b"a) S 1 (b\n", b""]) | st.binary(max_size=15)
NUMBERS = st.integers(0, 2**64).map(lambda number: str(number).encode())
WHOLE_STATS = st.tuples(NUMBERS, NAMES, st.sampled_from([b"S", b"Z", b"T"]), NUMBERS).map(
    lambda parts: b"%s (%s) %s %s 1 1" % parts
)
STATS = WHOLE_STATS | st.tuples(WHOLE_STATS, st.integers(0, 20)).map(lambda cut: cut[0][: cut[1]])
STATUSES = st.tuples(st.sampled_from([b"Uid:\t", b"NSpid:\t", b"Name:\t", b""]), NUMBERS).map(b"".join) | st.binary(
    max_size=30
)
LINKS = st.sampled_from(["socket:[4711]", "socket:[4712]", "pipe:[1]", "/dev/null", "/dev/bus/usb/001/002"]) | EVIL
GONE = st.none()  # it ended between two looks
PROCESSES = st.fixed_dictionaries(
    {
        "comm": NAMES | GONE,
        "stat": STATS | GONE,
        "status": STATUSES | GONE,
        "fd": st.lists(LINKS | GONE, max_size=4) | GONE,
    }
)
TABLES = st.dictionaries(st.integers(1, 5).map(str), PROCESSES, max_size=5)


class _Proc:
    """A /proc of its own, in the place of `os` and `open` of a module."""

    def __init__(self) -> None:
        self.table: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: str, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO(self._there(path))

    def listdir(self, path: str) -> list[str]:
        if path == "/proc":
            return [*self.table, "self", "meminfo", "99999"]
        return [str(number) for number in range(len(self._there(path)))]

    def readlink(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        link = self._there(folder)[int(name)]
        if link is None:
            raise FileNotFoundError(2, "gone")
        return str(link)

    def _there(self, path: str) -> Any:
        pid, _, name = path.removeprefix("/proc/").partition("/")
        found = self.table.get(pid, {}).get(name)
        if found is None:
            raise (FileNotFoundError if pid in self.table else ProcessLookupError)(2, "gone")
        return found


def test_any_table_of_processes_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    table_of = _Proc()
    monkeypatch.setattr(proc, "os", table_of)
    monkeypatch.setattr(proc, "open", table_of.open, raising=False)

    def look(table: dict[str, dict[str, Any]]) -> None:
        table_of.table = table
        for pid in (*processes.daemons(), 1, 2):
            proc.state(pid)
            proc.uid(pid)
            proc.started_ticks(pid)
            proc.arguments(pid)
            proc.namespace_depth(pid)
            processes.name_of(pid)
            proc.socket_inodes(pid)
        proc.owners({4711, 4712})
        proc.ancestors()

    attack(look, TABLES)


@pytest.fixture
def coming_and_going(tmp_path: Path) -> Iterator[None]:
    """Programs with the names of the daemons that live a few milliseconds each."""
    for name in ("pcscd", "scdaemon", "gpg-agent"):
        shutil.copy("/bin/sleep", tmp_path / name)
    script = "while :; do ./pcscd 0.01 & ./scdaemon 0.003 & ./gpg-agent 0 & wait; done"
    with subprocess.Popen(["sh", "-c", script], cwd=tmp_path, start_new_session=True) as shell:
        try:
            yield
        finally:
            os.killpg(shell.pid, signal.SIGKILL)


@pytest.mark.usefixtures("coming_and_going")
def test_processes_that_end_while_they_are_looked_at() -> None:
    end = time.monotonic() + SECONDS / ATTACKS
    seen = 0
    while time.monotonic() < end:
        daemons = processes.daemons()
        ours = proc.ancestors()
        described = [processes.describe(pid, role, ours) for pid, role in daemons.items()]
        proc.owners({1, 2, 3})
        pcscd.hidden([pid for pid, role in daemons.items() if role == "pcscd"], Sockets())
        found = tuple(process for process in described if isinstance(process, Process))
        seen += len(found)
        survives(replace(machines()["healthy"], processes=found))
    assert seen
