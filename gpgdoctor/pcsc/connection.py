"""A connection of our own to pcscd, for what libpcsclite does not report: how many connections a reader has.

Nothing is established and no card is touched: pcscd answers the version and the readers' states to anybody whom it
lets in. Each call has a deadline, for a stopped pcscd answers nothing.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.names import SERVICE_STOPPED, SUCCESS, described
from gpgdoctor.pcsc.on_behalf import connected_as
from gpgdoctor.pcsc.wire import Command, ReaderState
from gpgdoctor.system.caller import RunAs

# The oldest that a pcscd of today still takes (2.4.1 and later take 4:4; 4:3 went out in 2018).
PREFERRED_MINOR = 4


class NoAnswer(Exception):
    """pcscd gave no usable answer; the message says why."""


class Refused(NoAnswer):
    """pcscd answered with a code, or closed the connection: polkit, a full pcscd, another protocol."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@contextmanager
def _connected(path: str, timeout_s: float) -> Iterator[socket.socket]:
    """A connection, which lasts; raises OSError or ValueError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(timeout_s)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    yield connection


class Connection:
    """A connection with an agreed protocol version; raises NoAnswer. Connecting starts a sleeping pcscd."""

    def __init__(
        self, path: str, timeout_s: float = 1.0, run_as: RunAs | None = None, minor: int = PREFERRED_MINOR
    ) -> None:
        """``timeout_s`` holds for this call and for each later one; ``run_as``: root connects as that user.

        ``minor`` is what is offered first; a pcscd that does not take it says so in its log.
        """
        self._timeout_s = timeout_s
        self.minor = minor
        self._begin()
        try:
            with _connected(path, timeout_s) if run_as is None else connected_as(run_as, path, timeout_s) as connection:
                self._socket = connection
                self._agree()
        except TimeoutError:
            raise NoAnswer(f"{path} does not accept a connection within {timeout_s:g} s") from None
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error

    def _agree(self) -> None:
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._last: tuple[bytes, tuple[ReaderState, ...]] = (b"", ())
        try:
            self._shake_hands()
        except BaseException:
            self._socket.close()
            raise

    def _shake_hands(self) -> None:
        for _ in range(2):  # the second time with what pcscd itself speaks
            answer = self._ask(Command.VERSION, major=wire.MAJOR, minor=self.minor)
            theirs = answer["minor"]
            if answer["rv"] == SUCCESS:
                self.minor = min(self.minor, theirs)
                return
            usable = answer["major"] == wire.MAJOR and wire.OLDEST_MINOR <= theirs <= wire.NEWEST_MINOR
            if answer["rv"] != SERVICE_STOPPED or not usable:
                break
            self.minor = theirs
        raise Refused(
            answer["rv"], f"pcscd speaks protocol {answer['major']}:{theirs} and says {described(answer['rv'])}"
        )

    def reader_states(self) -> tuple[ReaderState, ...]:
        """The readers as pcscd has them now; raises NoAnswer. A pcscd of 2.5 or later shows the first 16 to 4:5.

        The same object as long as nothing changes.
        """
        self._begin()
        if self.minor < 6:
            self._send(Command.READERS_STATE)
            count = wire.OLD_LIST_LENGTH
        else:
            self._send(Command.READERS_STATE_SIZE)
            (count,) = wire.NUMBER.unpack(self._receive(wire.NUMBER.size))
            if not 0 < count <= wire.READERS_LIMIT:
                raise NoAnswer(f"pcscd says that it keeps {count} readers")
            self._send(Command.READERS_STATE_ARRAY)
        received = self._receive(count * wire.STATE_BYTES)
        if received != self._last[0]:
            self._last = received, wire.reader_states(received)
        return self._last[1]

    def _ask(self, command: Command, **values: int | bytes) -> wire.Body:
        self._send(command, **values)
        layout = wire.LAYOUTS[command]
        return layout.decode(self._receive(layout.size))

    def _begin(self) -> None:
        self._deadline = time.monotonic() + self._timeout_s

    def _send(self, command: Command, **values: int | bytes) -> None:
        request = wire.request(command, **values)
        try:
            while request:
                try:
                    request = request[self._socket.send(request) :]
                except BlockingIOError:
                    self._wait_for(select.POLLOUT)
        except OSError as error:
            raise Refused(None, f"pcscd ended the connection: {error.strerror}") from error

    def _receive(self, size: int) -> bytes:
        received = b""
        try:
            while len(received) < size:
                self._wait_for(select.POLLIN)
                chunk = self._socket.recv(size - len(received))
                if not chunk:
                    raise Refused(None, "pcscd ended the connection")
                received += chunk
        except OSError as error:
            raise Refused(None, f"pcscd ended the connection: {error.strerror}") from error
        return received

    def _wait_for(self, what: int) -> None:
        left_s = self._deadline - time.monotonic()
        self._poll.register(self._socket, what)
        if left_s <= 0 or not self._poll.poll(left_s * 1000):
            raise NoAnswer(f"pcscd does not answer within {self._timeout_s:g} s")

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
