"""Who listens on gpg-agent's socket, where who it is does not show; and which agent is installed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gpgdoctor.collect import agents
from gpgdoctor.facts import Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.sockets import Sockets


@contextmanager
def named(name: str) -> Iterator[int]:
    """A process of that name, which does nothing."""
    script = (
        "open('/proc/self/comm', 'w').write(__import__('sys').argv[1]); print(flush=True); __import__('time').sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every process has open is hidden, as from a user who is not root."""
    monkeypatch.setattr(proc, "owners", lambda inodes, among=None: {})
    monkeypatch.setattr(proc, "socket_inodes", lambda pid: None)
    all_pids = proc.pids
    monkeypatch.setattr(proc, "pids", lambda: [pid for pid in all_pids() if proc.parent(pid) == os.getpid()])


@contextmanager
def listening(path: Path) -> Iterator[None]:
    time.sleep(0.05)  # the kernel tells hundredths of a second of a process's start
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        yield
    path.unlink()


def listener(path: Path, *pids: int) -> object:
    return agents.listener(str(path), Sockets(), list(pids), {os.geteuid()})


def test_it_is_systemds_where_nobody_else_can_have_made_it(tmp_path: Path, hidden: None) -> None:
    path = tmp_path / "S.gpg-agent"
    with named("systemd"), listening(path):
        assert listener(path) == "systemd"
        time.sleep(0.05)
        with named("sshd-session"):
            assert listener(path) == "systemd", "a log-in over SSH, after it"
    with named("sshd"), listening(path):
        assert isinstance(listener(path), Unknown)
        with named("systemd"):
            assert isinstance(listener(path), Unknown)
    with named("systemd"), named("sshd"), listening(path):
        assert isinstance(listener(path), Unknown), "which of both is not clear"
    with listening(path):
        assert isinstance(listener(path), Unknown)
    assert listener(path) is None


def test_sockets_that_are_made_together_are_systemds(tmp_path: Path, hidden: None) -> None:
    path, beside, of_ssh = (tmp_path / name for name in ("S.gpg-agent", "S.gpg-agent.extra", "S.gpg-agent.ssh"))
    with named("systemd"), named("sshd"), listening(beside), listening(path):
        assert listener(path) == "systemd"
        os.utime(path, (time.time() + 10, time.time() + 10))
        assert isinstance(listener(path), Unknown), "a forwarded one was put in the place of the first"
    with named("systemd"), named("sshd"), listening(of_ssh), listening(path):
        assert isinstance(listener(path), Unknown), "that one is forwarded, too, by some"
    with named("sshd"), listening(beside), listening(path):
        assert isinstance(listener(path), Unknown)
    with named("systemd"), named("sshd"), listening(path):
        beside.touch()
        assert isinstance(listener(path), Unknown), "nobody listens there"


def test_a_living_agent_comes_first(tmp_path: Path, hidden: None) -> None:
    path = tmp_path / "S.gpg-agent"
    with named("systemd"), named("gpg-agent") as agent, listening(path):
        assert listener(path, agent) == "gpg-agent"


def test_who_can_be_seen_is_named(tmp_path: Path) -> None:
    path = tmp_path / "S.gpg-agent"
    with listening(path):
        assert listener(path) == proc.comm(os.getpid())


@pytest.mark.parametrize(
    ("says", "version"),
    [("gpg-agent (GnuPG) 2.2.40", "2.2.40"), ("gpg-agent (GnuPG) 2.5.12-unknown", "2.5.12-unknown"), ("", Unknown)],
)
def test_its_version(says: str, version: object, tmp_path: Path) -> None:
    program = tmp_path / "gpg-agent"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    question = agents.VersionQuestion(str(program))
    try:
        found = question.answer(Deadline(5))
    finally:
        question.close()
    assert isinstance(found, Unknown) if version is Unknown else found == version


def test_without_an_agent_there_is_no_version(tmp_path: Path) -> None:
    unknown = Unknown.because("gpgconf does not list its components")
    assert agents.VersionQuestion(unknown).answer(Deadline(5)) == unknown
    assert agents.VersionQuestion(str(tmp_path / "none")).answer(Deadline(5)) is None
