"""Whether it is pcscd that listens at its socket, where what it has open is hidden."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gpgdoctor.collect import pcscd
from gpgdoctor.system import proc
from gpgdoctor.system.sockets import Sockets

DAEMON = 4242


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A socket of root's that somebody listens at; no process shows what it has open."""
    if os.geteuid() != 0:
        pytest.skip("only root has sockets of root's")
    monkeypatch.setattr(proc, "socket_inodes", lambda pid: None)
    monkeypatch.setattr(proc, "namespace_depth", lambda pid: 1)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / "pcscd.comm"))
        server.listen()
        yield str(tmp_path / "pcscd.comm")


@pytest.mark.parametrize(
    ("uid", "service", "listener"),
    [
        (0, None, "pcscd"),
        (470, "pcscd.service", "pcscd"),  # as its own user: Arch, Fedora 44
        (470, None, "activator"),
        (1000, "another.service", "activator"),
    ],
)
def test_a_pcscd_may_run_as_a_user_of_its_own(
    uid: int, service: str | None, listener: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc, "uid", lambda pid: uid)
    monkeypatch.setattr(proc, "service", lambda pid: service)
    assert pcscd.listener(path, Sockets(), [DAEMON]) == listener
    assert pcscd.listener(path, Sockets(), []) == "activator"


def test_one_in_a_container_is_none(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "uid", lambda pid: 0)
    monkeypatch.setattr(proc, "namespace_depth", lambda pid: 2 if pid == DAEMON else 1)
    assert pcscd.listener(path, Sockets(), [DAEMON]) == "activator"
