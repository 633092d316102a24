"""A socket like pcscd's, which forwards every byte to the real one and decodes it as it passes.

Each byte is forwarded before it is decoded; what is not understood is forwarded all the same.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from gpgdoctor.collect import processes
from gpgdoctor.instruments.trace.conversation import Conversation
from gpgdoctor.instruments.trace.events import Client, Event, NoService
from gpgdoctor.instruments.trace.link import CHUNK_BYTES, Link
from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.names import NO_SERVICE
from gpgdoctor.pcsc.wire import Command, Malformed

TICK_S = 0.05
BACKLOG = 64
_PEER = struct.Struct("3i")


class Proxy:
    """Listens at ``path`` for the clients of the pcscd at ``real``; ``tell`` is called with what they do."""

    def __init__(self, path: str, real: str, tell: Callable[[Event], None]) -> None:
        """Raises OSError where the socket cannot be made."""
        self._real, self._tell = real, tell
        self._selector = selectors.DefaultSelector()
        self._links: dict[int, Link] = {}
        self._began_s = time.monotonic()
        self.connections = 0
        self.abandoned: list[int] = []
        """Processes that wait for an answer which nobody else waits for any more, to let go of the card."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._listener.bind(path)
            os.chmod(path, 0o600)
            self._listener.listen(BACKLOG)
        except OSError:
            self._listener.close()
            raise
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)

    def now_s(self) -> float:
        """Seconds since the trace began."""
        return time.monotonic() - self._began_s

    def serve(self, until: Callable[[], bool]) -> None:
        """Forward until ``until`` says so; it is asked at least twenty times a second."""
        next_tick = 0.0
        while not until():
            for key, mask in self._selector.select(TICK_S):
                if key.data is None:
                    self._accept()
                else:
                    link, end = key.data
                    self._move(link, end, mask)
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK_S
                self._tick()

    def clients(self) -> list[Client]:
        """Who is connected now."""
        return [link.conversation.client for link in self._links.values()]

    def close(self) -> None:
        """End all connections; pcscd cleans up after them as after any client that has gone."""
        for link in list(self._links.values()):
            self._end(link, by_pcscd=False)
        self._selector.close()
        self._listener.close()

    # -- connections ----------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # it has gone again, or no descriptor is left for it
            return
        client.setblocking(False)
        pid, _, _ = _PEER.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        self.connections += 1
        conversation = Conversation(self.connections, _client(pid), self._tell)
        link = Link(client, conversation)
        self._links[self.connections] = link
        self._connect(link)

    def _connect(self, link: Link) -> None:
        """Where pcscd's queue is full, this tries again; until then the client waits as it would there."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        server.setblocking(False)
        try:
            server.connect(self._real)
        except BlockingIOError:
            server.close()
            return
        except OSError as error:
            server.close()
            self._refuse(link, error.strerror or errno.errorcode.get(error.errno or 0, "no reason given"))
            return
        link.server = server
        for end in (link.client, server):
            self._selector.register(end, selectors.EVENT_READ, (link, end))

    def _refuse(self, link: Link, reason: str) -> None:
        conversation = link.conversation
        self._tell(
            NoService(at_s=self.now_s(), connection=conversation.number, client=conversation.client, reason=reason)
        )
        link.is_refused = True
        self._selector.register(link.client, selectors.EVENT_READ, (link, link.client))

    def _answer_refused(self, link: Link, data: bytes) -> None:
        """A connection that is closed without an answer would read as SCARD_W_SECURITY_VIOLATION."""
        link.pending[link.client] += data
        asked = link.pending[link.client]
        layout = wire.LAYOUTS[Command.VERSION]
        if len(asked) < wire.HEADER.size + layout.size:
            return
        try:
            command, _ = wire.header(asked)
        except Malformed:
            command = Command.CANCEL
        if command is Command.VERSION:
            body = layout.decode(asked[wire.HEADER.size :])
            with suppress(OSError):  # it has gone: nobody is to be told
                link.client.send(layout.encode(major=body["major"], minor=body["minor"], rv=NO_SERVICE))
        asked.clear()
        self._end(link, by_pcscd=False)

    # -- bytes ----------------------------------------------------------------------------------------------------

    def _move(self, link: Link, end: socket.socket, mask: int) -> None:
        if link.is_over:
            return  # by an event of the same round
        if mask & selectors.EVENT_WRITE:
            link.flush(end)
        if mask & selectors.EVENT_READ:
            self._read(link, end)
        if not link.is_over:
            self._watch(link)

    def _read(self, link: Link, end: socket.socket) -> None:
        try:
            data = end.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        at_s = self.now_s()
        if not data:
            self._end(link, by_pcscd=end is link.server)
        elif link.is_refused:
            self._answer_refused(link, data)
        elif end is link.client:
            link.forward(link.server, data)
            link.conversation.from_client(data, at_s)
        else:
            link.forward(link.client, data)
            link.conversation.from_pcscd(data, at_s)

    def _watch(self, link: Link) -> None:
        for end in (link.client, link.server):
            if end is not None and end.fileno() >= 0 and not link.is_refused:
                self._selector.modify(end, link.events(end), (link, end))

    def _end(self, link: Link, *, by_pcscd: bool) -> None:
        link.is_over = True
        for end in (link.client, link.server):
            if end is not None and end in self._selector.get_map():
                self._selector.unregister(end)
        link.drain()
        waits = link.conversation.waits_for_exclusive
        link.conversation.end(self.now_s(), by_pcscd=by_pcscd)
        if waits and not by_pcscd and link.server is not None:
            from gpgdoctor.instruments.trace.leaving import leave_when_answered

            self.abandoned.append(leave_when_answered(link.server))
        link.close()
        self._links.pop(link.conversation.number, None)

    def _tick(self) -> None:
        now_s = self.now_s()
        for link in list(self._links.values()):
            if link.server is None and not link.is_refused:
                if link.has_left():
                    self._end(link, by_pcscd=False)
                else:
                    self._connect(link)
            link.conversation.look(now_s)


def _client(pid: int) -> Client:
    """Its name only: a command line may hold a PIN."""
    process = processes.describe(pid, "client", ())
    return Client(pid=pid, program=process.program if process else processes.name_of(pid))
