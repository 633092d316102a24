"""The kernel's list of sockets, and a scdaemon that answers what it likes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st

from gpgdoctor.collect import pcscd
from gpgdoctor.collect.scdaemon import NoAnswer, ask
from gpgdoctor.facts import Unknown
from gpgdoctor.system import sockets
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import replace
from gpgdoctor.system.sock_diag import SOCK_DIAG_BY_FAMILY, UnixSocket, parse_replies
from tests.support.fuzzing import EVIL, attack, survives
from tests.support.specimens import machines

PCSCD = b"/run/pcscd/pcscd.comm"
LENGTHS = st.integers(0, 64) | st.sampled_from([0xFFFF, 0xFFFE, 4, 3, 1])
INODES = st.integers(0, 0xFFFFFFFF)
NAMES = st.sampled_from([PCSCD, PCSCD + b"\0", b"\0abstract", b"/tmp/S.scdaemon", b"x" * 300]) | st.binary(max_size=9)

ANSWER_LIMIT_S = 2.0


@st.composite
def attributes(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from([0, 1, 2, 7, 5, 0xFFFF]))
    value = draw(NAMES | INODES.map(lambda inode: struct.pack("=I", inode)) | st.binary(max_size=9))
    length = draw(st.just(len(value) + 4) | LENGTHS)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-len(value) % 4)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    state = draw(st.sampled_from([1, 10, 7, 255]))
    body = struct.pack("=BBBBIII", 1, 1, state, 0, draw(INODES), 0, 0) + b"".join(
        draw(st.lists(attributes(), max_size=4))
    )
    kind = draw(st.sampled_from([SOCK_DIAG_BY_FAMILY] * 6 + [2, 3, 0]))
    length = draw(st.just(len(body) + 16) | st.just(len(body) + 16) | LENGTHS)
    return struct.pack("=IHHII", length, kind, 2, 1, 0) + body + b"\0" * (-len(body) % 4)


PACKETS = st.lists(messages(), max_size=6).map(b"".join) | st.binary(max_size=80)


def test_any_reply_of_the_kernel_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(packet: bytes) -> None:
        monkeypatch.setattr(sockets, "unix_sockets", lambda: _listed(packet))
        found = sockets.Sockets()
        found.listening(PCSCD.decode())
        [sockets.leads_to(entry) for entry in found.named("S.scdaemon")]
        peers = found.peers(PCSCD.decode())
        connections, _ = pcscd.pair(peers, found)
        waiting = pcscd.waiting(pcscd.connections(peers, peers[:1]))
        for facts in machines().values():
            hidden = Unknown.because(found.error) if found.error else None
            changed = replace(facts.pcscd, connections=hidden or connections, waiting=hidden or waiting)
            survives(replace(facts, pcscd=changed))

    attack(look, PACKETS)


def _listed(packet: bytes) -> list[UnixSocket]:
    found: list[UnixSocket] = []
    parse_replies(packet, found)
    return found


class _Scdaemon:
    """Says the same to everybody, whatever is asked."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.says = b""
        self.stays = False
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(0.5)
                connection.sendall(self.says)
                while self.stays and connection.recv(4096):
                    connection.sendall(self.says)

    def end(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def scdaemon(folder: Path) -> Iterator[_Scdaemon]:
    daemon = _Scdaemon(folder / "S.scdaemon")
    thread = threading.Thread(target=daemon.serve, daemon=True)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.end()
        thread.join(5)


LINES = (
    st.sampled_from(
        [b"OK", b"OK Pleased to meet you", b"ERR 1 x", b"D 4711", b"D 2.2.40", b"S SERIALNO D2760001", b"D ", b"S"]
    )
    | st.text(max_size=30).map(str.encode)
    | EVIL.map(lambda text: b"D " + text.encode(errors="surrogateescape"))
    | EVIL.map(lambda text: b"S SERIALNO " + text.encode(errors="surrogateescape"))
    | st.integers(1, 1 << 18).map(lambda length: b"D " + b"9" * length)
)
GREETINGS = st.sampled_from([b"OK Pleased\nD 4711\nOK\nD 2.2.40\nOK\n", b"OK\n", b""])
ANSWERS = st.tuples(GREETINGS, st.lists(LINES, max_size=12).map(b"\n".join)).map(b"".join)


def test_any_answer_of_scdaemon_is_understood_or_refused(tmp_path: Path) -> None:
    with scdaemon(tmp_path) as daemon:

        def look(said: tuple[bytes, bool]) -> None:
            daemon.says, daemon.stays = said
            started = time.monotonic()
            try:
                running = ask(daemon.path, Deadline(1.0))
            except NoAnswer as why:
                answer: object = Unknown.because(str(why))
            else:
                answer = running
            assert time.monotonic() - started < ANSWER_LIMIT_S
            for facts in machines().values():
                survives(replace(facts, gnupg=replace(facts.gnupg, running=answer)))

        attack(look, st.tuples(ANSWERS, st.sampled_from([False] * 9 + [True])))


def test_a_scdaemon_that_never_ends_its_answer_is_left_alone(tmp_path: Path) -> None:
    for flood in (b"S SERIALNO 0\n" * 10_000, b"D x" * 10_000):
        with scdaemon(tmp_path) as daemon:
            daemon.says, daemon.stays = flood, True
            with pytest.raises(NoAnswer):
                ask(daemon.path, Deadline(5.0))
        Path(daemon.path).unlink()
