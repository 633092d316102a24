"""The proxy between a client and a pcscd: every byte goes through, and each side's end is the other's."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpgdoctor.instruments.trace import leaving
from gpgdoctor.instruments.trace.events import Call, Ended, Event, NoService, NotUnderstood
from gpgdoctor.instruments.trace.proxy import Proxy
from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.wire import Command
from tests.support.talk import CARD, CONTEXT, READER

DEADLINE_S = 20.0


class Pcscd:
    """Listens as pcscd does; ``serve`` gets each connection in a thread of its own."""

    def __init__(self, path: str, serve: Callable[[socket.socket], None]) -> None:
        self.path, self._serve = path, serve
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._serve(connection)


class Traced:
    """A proxy that serves in a thread until the test is over."""

    def __init__(self, directory: Path, real: str) -> None:
        self.events: list[Event] = []
        self.path = str(directory / "pcscd.comm")
        self.proxy = Proxy(self.path, real, self.events.append)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self.proxy.serve, args=(self._over.is_set,), daemon=True)
        self._thread.start()

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE_S)
        client.connect(self.path)
        return client

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, self.events
            time.sleep(0.01)

    def wait_for_event(self, kind: type) -> Event:
        self.wait_for(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))

    def close(self) -> None:
        self._over.set()
        self._thread.join(DEADLINE_S)
        self.proxy.close()


Start = Callable[..., Traced]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(serve)``: a proxy before a pcscd that serves so; without ``serve`` there is none."""
    with contextlib.ExitStack() as stack:

        def begin(serve: Callable[[socket.socket], None] | None = None) -> Traced:
            real = str(tmp_path / "real.comm")
            if serve is not None:
                stack.callback(Pcscd(real, serve).listener.close)
            traced = Traced(tmp_path, real)
            stack.callback(traced.close)
            return traced

        yield begin


def exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ConnectionResetError
        received += chunk
    return received


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def version(connection: socket.socket) -> wire.Body:
    connection.sendall(wire.request(Command.VERSION, major=4, minor=4))
    layout = wire.LAYOUTS[Command.VERSION]
    return layout.decode(exactly(connection, layout.size))


def answers_versions(connection: socket.socket) -> None:
    while asked := exactly(connection, 20):
        connection.sendall(asked[8:])


@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_nobody_understands_go_through_unchanged(seed: int, start: Start) -> None:
    traced = start(echo)
    content = random.Random(seed).randbytes(3 << 20)
    with traced.connect() as client:
        sender = threading.Thread(target=client.sendall, args=(content,))
        sender.start()
        assert exactly(client, len(content)) == content
        sender.join()
    traced.wait_for_event(NotUnderstood)


def test_a_side_that_does_not_read_holds_the_other_back_and_loses_nothing(start: Start) -> None:
    sent = threading.Event()

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"\xff" * (8 << 20))
        sent.set()
        connection.recv(1)

    traced = start(flood)
    with traced.connect() as client:
        assert not sent.wait(0.5), "the proxy takes no more than it can hand on"
        assert exactly(client, 8 << 20) == b"\xff" * (8 << 20)
        assert sent.wait(DEADLINE_S)


def test_many_clients_at_once_are_kept_apart(start: Start) -> None:
    traced = start(answers_versions)
    clients = [traced.connect() for _ in range(40)]
    for _ in range(5):
        for client in clients:
            assert version(client)["minor"] == 4
    for client in clients:
        client.close()
    traced.wait_for(lambda: not traced.proxy.clients())
    assert traced.proxy.connections == 40
    assert not any(isinstance(event, NotUnderstood) for event in traced.events)


def test_where_there_is_no_pcscd_the_program_is_told_so(start: Start) -> None:
    traced = start()
    with traced.connect() as client:
        answer = version(client)
        assert (answer["major"], answer["minor"], answer["rv"]) == (4, 4, 0x8010001D)
        assert client.recv(1) == b""
    assert isinstance(traced.wait_for_event(NoService), NoService)


def test_a_pcscd_that_dies_is_the_end_for_its_client(start: Start) -> None:
    def once(connection: socket.socket) -> None:
        connection.sendall(exactly(connection, 20)[8:])
        exactly(connection, 20)

    traced = start(once)
    with traced.connect() as client:
        version(client)
        client.sendall(wire.request(Command.ESTABLISH_CONTEXT, dwScope=2))
        assert client.recv(1) == b""
    ended = traced.wait_for_event(Ended)
    assert isinstance(ended, Ended)
    assert ended.by_pcscd
    assert ended.unanswered == ("SCardEstablishContext",)


def test_a_client_that_dies_is_the_end_for_pcscds_connection(start: Start) -> None:
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(exactly(connection, 20)[8:])
        assert connection.recv(1) == b""
        ended.set()

    traced = start(serve)
    client = traced.connect()
    version(client)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert ended.wait(DEADLINE_S)


def test_what_pcscd_said_last_still_arrives(start: Start) -> None:
    traced = start(lambda connection: connection.sendall(b"\xff" * 100_000))
    with traced.connect() as client:
        assert exactly(client, 100_000)
        assert client.recv(1) == b""


def test_a_full_queue_is_waited_for_as_it_would_be_at_pcscd(tmp_path: Path) -> None:
    real = str(tmp_path / "real.comm")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(real)
    listener.listen(0)
    fillers = []
    while True:
        filler = socket.socket(socket.AF_UNIX)
        filler.setblocking(False)
        try:
            filler.connect(real)
        except BlockingIOError:
            break
        finally:
            fillers.append(filler)
    traced = Traced(tmp_path, real)
    try:
        with traced.connect() as client, traced.connect() as hasty:
            client.sendall(wire.request(Command.VERSION, major=4, minor=4))
            traced.wait_for(lambda: traced.proxy.connections == 2)
            hasty.close()
            traced.wait_for(lambda: len(traced.proxy.clients()) == 1)
            served = []
            for _ in fillers[:-1]:
                listener.accept()[0].close()
            listener.settimeout(DEADLINE_S)
            served.append(listener.accept()[0])
            assert exactly(served[0], 20)
            served[0].close()
    finally:
        traced.close()
        for filler in fillers:
            filler.close()
        listener.close()


def test_the_name_of_a_client_is_that_of_its_process(start: Start) -> None:
    traced = start(answers_versions)
    with traced.connect() as client:
        version(client)
        client.sendall(wire.request(Command.ESTABLISH_CONTEXT, dwScope=2)[:8])
        (connected,) = traced.proxy.clients()
    assert connected.pid == os.getpid()
    assert connected.program


def test_a_connect_that_waits_for_a_card_alone_is_left_in_order(start: Start) -> None:
    """The client goes; pcscd answers later, and is asked to leave the card as it is."""
    answered, left = threading.Event(), threading.Event()
    named = {"hContext": CONTEXT, "szReader": READER.encode(), "dwShareMode": 1, "dwPreferredProtocols": 3}

    def serve(connection: socket.socket) -> None:
        connection.sendall(exactly(connection, 20)[8:])
        exactly(connection, 8 + wire.LAYOUTS[Command.CONNECT].size)
        assert answered.wait(DEADLINE_S)
        connection.sendall(wire.LAYOUTS[Command.CONNECT].encode(**named, hCard=CARD, dwActiveProtocol=2))  # type: ignore[arg-type]
        layout = wire.LAYOUTS[Command.DISCONNECT]
        body = layout.decode(exactly(connection, 8 + layout.size)[8:])
        assert (body["hCard"], body["dwDisposition"]) == (CARD, 0)
        connection.sendall(layout.encode(hCard=CARD))
        left.set()

    traced = start(serve)
    client = traced.connect()
    version(client)
    client.sendall(wire.request(Command.CONNECT, **named))  # type: ignore[arg-type]
    time.sleep(0.1)
    client.close()
    traced.wait_for(lambda: bool(traced.proxy.abandoned))
    answered.set()
    assert left.wait(DEADLINE_S)
    os.waitpid(traced.proxy.abandoned[0], 0)


def test_a_refused_connect_leaves_nothing_to_leave() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.LAYOUTS[Command.CONNECT].encode(rv=0x8010000B))
        leaving.leave(ours)
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)


def test_calls_are_told_while_the_connection_goes_on(start: Start) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(exactly(connection, 20)[8:])
        exactly(connection, 20)
        connection.sendall(wire.LAYOUTS[Command.ESTABLISH_CONTEXT].encode(hContext=CONTEXT))
        connection.recv(1)

    traced = start(serve)
    with traced.connect() as client:
        version(client)
        client.sendall(wire.request(Command.ESTABLISH_CONTEXT, dwScope=2))
        call = traced.wait_for_event(Call)
        assert isinstance(call, Call)
        assert (call.name, call.code) == ("SCardEstablishContext", 0)
