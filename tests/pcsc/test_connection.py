"""Our own connection to pcscd: to a real one, and to those that answer nonsense or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpgdoctor.lab.scenario import Client, Scenario
from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.connection import PREFERRED_MINOR, Connection, NoAnswer, Refused
from gpgdoctor.pcsc.wire import Command
from gpgdoctor.system import proc
from gpgdoctor.system.caller import RunAs
from tests.support.labs import OpenLab

Serve = Callable[[Callable[[socket.socket], None]], str]

STATES = """
import json
from gpgdoctor.pcsc.connection import Connection
with Connection("/run/pcscd/pcscd.comm") as pcscd:
    print(json.dumps([pcscd.minor, [[it.name, it.sharing, it.atr.hex()] for it in pcscd.reader_states()]]))
"""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve(answer)``: a pcscd of our own for one connection; returns its socket's path."""
    with contextlib.ExitStack() as stack:

        def start(answer: Callable[[socket.socket], None]) -> str:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            path = str(tmp_path / "comm")
            listener.bind(path)
            listener.listen()

            def run() -> None:
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        answer(connection)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join, 10)
            return path

        yield start


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Where another user may go."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_root_connects_as_the_user_and_that_process_lives_until_pcscd_has_answered(open_directory: Path) -> None:
    seen = []
    nobody = pwd.getpwnam("nobody")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(open_directory / "comm"))
        os.chmod(open_directory / "comm", 0o666)
        listener.listen()

        def judge() -> None:
            connection, _ = listener.accept()
            with connection:
                pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                seen.append((uid, proc.uid(pid)))
                version(connection, 4)
                connection.recv(8, socket.MSG_WAITALL)  # a question that comes after the handshake

        thread = threading.Thread(target=judge)
        thread.start()
        connection = Connection(str(open_directory / "comm"), 5.0, RunAs(nobody))
        with contextlib.suppress(NoAnswer):
            connection.reader_states()
        connection.close()
        thread.join(10)
    assert seen == [(nobody.pw_uid, nobody.pw_uid)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_where_the_user_may_not_connect_it_says_so(open_directory: Path) -> None:
    nobody = RunAs(pwd.getpwnam("nobody"))
    with pytest.raises(NoAnswer, match="No such file"):
        Connection(str(open_directory / "none"), 5.0, nobody)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(open_directory / "comm"))
        os.chmod(open_directory / "comm", 0o600)
        listener.listen()
        with pytest.raises(NoAnswer, match="Permission denied"):
            Connection(str(open_directory / "comm"), 5.0, nobody)


def version(connection: socket.socket, minor: int, rv: int = 0) -> int:
    """Answer one question about the version; returns what was asked."""
    asked = connection.recv(20, socket.MSG_WAITALL)
    connection.sendall(wire.LAYOUTS[Command.VERSION].encode(major=4, minor=minor, rv=rv))
    return wire.LAYOUTS[Command.VERSION].decode(asked[8:])["minor"]


@pytest.mark.lab
@pytest.mark.parametrize(("kind", "sharing"), [("idle", 0), ("shared", 1), ("exclusive", -1)])
def test_a_real_pcscd_tells_how_many_connections_a_reader_has(kind: str, sharing: int, open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="test", about="made for a test", clients=(Client(kind=kind),)))  # type: ignore[arg-type]
    done = lab.run([lab.python, "-c", STATES])
    assert done.returncode == 0, done.stderr
    minor, readers = json.loads(done.stdout)
    assert minor in range(2, PREFERRED_MINOR + 3)
    assert [reader[:2] for reader in readers if reader[2]] == [[lab.readers[0], sharing]]


def test_more_than_sixteen_readers_are_asked_for_at_4_6(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        assert version(connection, 6, rv=0x8010001E) == 4
        assert version(connection, 6) == 6
        assert connection.recv(8, socket.MSG_WAITALL) == wire.request(Command.READERS_STATE_SIZE)
        connection.sendall(wire.NUMBER.pack(20))
        assert connection.recv(8, socket.MSG_WAITALL) == wire.request(Command.READERS_STATE_ARRAY)
        connection.sendall(b"".join(f"R{number}".encode().ljust(184, b"\0") for number in range(20)))

    with Connection(serve(answer)) as pcscd:
        assert len(pcscd.reader_states()) == 20


def test_an_older_minor_is_agreed_on(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        version(connection, 3, rv=0x8010001E)
        assert version(connection, 3) == 3

    with Connection(serve(answer)) as pcscd:
        assert pcscd.minor == 3


@pytest.mark.parametrize("major_answer", [(5, 0), (4, 9), (4, -1)])
def test_a_protocol_that_nobody_knows_is_refused(major_answer: tuple[int, int], serve: Serve) -> None:
    major, minor = major_answer

    def answer(connection: socket.socket) -> None:
        connection.recv(20, socket.MSG_WAITALL)
        connection.sendall(wire.LAYOUTS[Command.VERSION].encode(major=major, minor=minor, rv=0x8010001E))

    with pytest.raises(Refused, match="SCARD_E_SERVICE_STOPPED"):
        Connection(serve(answer))


def test_a_connection_that_ends_is_refused(serve: Serve) -> None:
    with pytest.raises(Refused):
        Connection(serve(lambda connection: None))


def test_a_stopped_pcscd_costs_no_more_than_the_timeout(serve: Serve) -> None:
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        ended.wait(10)

    path = serve(answer)
    with pytest.raises(NoAnswer, match="does not answer"):
        Connection(path, timeout_s=0.1)
    ended.set()


@pytest.mark.parametrize("count", [-1, 0, 1 << 30])
def test_a_senseless_number_of_readers_is_not_waited_for(count: int, serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        version(connection, 6, rv=0x8010001E)
        version(connection, 6)
        connection.recv(8, socket.MSG_WAITALL)
        connection.sendall(wire.NUMBER.pack(count))

    with Connection(serve(answer)) as pcscd, pytest.raises(NoAnswer):
        pcscd.reader_states()


@pytest.mark.parametrize("name", ["absent", "x" * 200, "a\0b"])
def test_a_path_where_nobody_listens(name: str, tmp_path: Path) -> None:
    with pytest.raises(NoAnswer):
        Connection(str(tmp_path / name))
