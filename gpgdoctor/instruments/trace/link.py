"""The two ends of one client's connection, and the bytes that are still on their way between them."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress

from gpgdoctor.instruments.trace.conversation import Conversation

CHUNK_BYTES = 1 << 17
HELD_BACK_BYTES = 1 << 20  # of an end that does not read; then the other one is not read either
DRAIN_S = 1.0


class Link:
    def __init__(self, client: socket.socket, conversation: Conversation) -> None:
        self.client = client
        self.server: socket.socket | None = None
        self.conversation = conversation
        self.is_refused = False  # pcscd did not take it
        self.is_over = False
        self.pending: dict[socket.socket, bytearray] = {client: bytearray()}

    def forward(self, to: socket.socket | None, data: bytes) -> None:
        if to is not None:
            self.pending.setdefault(to, bytearray()).extend(data)
            self.flush(to)

    def flush(self, to: socket.socket) -> None:
        """Send as much as it takes now. An end that has gone is noticed when it is read."""
        pending = self.pending.get(to)
        while pending:
            try:
                sent = to.send(pending)
            except BlockingIOError:
                return
            except OSError:
                pending.clear()
                return
            del pending[:sent]

    def events(self, end: socket.socket) -> int:
        """What the selector is to wait for at one end."""
        other = self.server if end is self.client else self.client
        is_full = other is not None and len(self.pending.get(other, b"")) > HELD_BACK_BYTES
        write = selectors.EVENT_WRITE if self.pending.get(end) else 0
        read = 0 if is_full else selectors.EVENT_READ
        return write | read or selectors.EVENT_WRITE

    def drain(self) -> None:
        """What was said before the end still arrives."""
        for end, pending in self.pending.items():
            if pending and not self.is_refused:
                with suppress(OSError):
                    end.settimeout(DRAIN_S)
                    end.sendall(pending)
                pending.clear()

    def has_left(self) -> bool:
        """Whether the client has gone while pcscd had not taken it yet."""
        try:
            return self.client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        self.client.close()
        if self.server is not None:
            self.server.close()
