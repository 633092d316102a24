"""A socket is ours where it is the one that our path leads to, whatever it was called where it was bound."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gpgdoctor.system.sockets import Sockets, file_of, leads_to
from tests.support.labs import cannot_run

pytestmark = pytest.mark.machine_dependent

NAME = "pcscd.comm"
ELSEWHERE = """
import socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("listening", flush=True)
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
sys.stdin.read()
"""


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        yield server


@contextmanager
def in_a_mount_namespace_of_its_own(folder: Path) -> Iterator[None]:
    """A process that binds that very path, where another file system is mounted over the folder for it alone."""
    enter = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]
    script = 'mount -t tmpfs none "$1" && exec "$2" -c "$3" "$1/$4"'
    command = [*enter, "sh", "-c", script, "sh", str(folder), sys.executable, ELSEWHERE, NAME]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        if not process.stdout.readline():
            cannot_run("no mount namespaces here")
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_listener_and_its_peers(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with listening(path) as server, closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(path))
        accepted, _ = server.accept()
        sockets = Sockets()
        assert [entry.inode for entry in sockets.listening(str(path))] == [os.fstat(server.fileno()).st_ino]
        (peer,) = sockets.peers(str(path))
        assert (peer.server, peer.inode) == tuple(os.fstat(it.fileno()).st_ino for it in (accepted, client))
        accepted.close()


def test_by_whatever_link_one_comes_to_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to("run")
    with listening(tmp_path / "run" / NAME):
        assert len(Sockets().listening(str(tmp_path / "var" / NAME))) == 1


def test_one_of_another_mount_namespace_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with in_a_mount_namespace_of_its_own(tmp_path):
        named = [entry for entry in Sockets().named(NAME) if entry.path == os.fsencode(path)]
        assert len(named) == 1, "the kernel lists it by the name that it has there"
        assert not leads_to(named[0])
        assert Sockets().listening(str(path)) == []
        with listening(path) as server:
            assert [entry.inode for entry in Sockets().listening(str(path))] == [os.fstat(server.fileno()).st_ino]
            assert Sockets().peers(str(path)) == []


def test_one_whose_file_was_replaced_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with listening(path):
        path.unlink()
        assert Sockets().listening(str(path)) == []
        path.touch()
        assert Sockets().listening(str(path)) == []


def test_what_is_no_socket_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("file", "fifo", "circle", "nothing"):
        assert file_of(str(tmp_path / name)) is None
