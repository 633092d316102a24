"""Reads lines from another process, until a deadline and up to a limit."""

from __future__ import annotations

import os
import select

from gpgdoctor.system.deadline import Deadline

CHUNK_BYTES = 1 << 16


class TooMuch(ValueError):
    """More came than the limit allows."""


class LineReader:
    """Splits what comes from a descriptor into lines. ``limit_bytes`` is for everything that is ever read from it."""

    def __init__(self, descriptor: int, limit_bytes: int) -> None:
        self._descriptor = descriptor
        self._left = limit_bytes
        self._buffer = b""
        self.ended = False

    def line(self, deadline: Deadline) -> bytes | None:
        """The next line without its end; None at the end, or where none came in time. Raises OSError and TooMuch."""
        while b"\n" not in self._buffer:
            if self.ended or not self._fill(deadline):
                return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def lines(self, deadline: Deadline) -> list[bytes]:
        """All that came since; waits where nothing has. Empty at the end, or where nothing came in time."""
        first = self.line(deadline)
        if first is None:
            return []
        *lines, self._buffer = self._buffer.split(b"\n")
        return [first, *lines]

    def _fill(self, deadline: Deadline) -> bool:
        # What is there already is taken at the deadline, too: another process may have used up the time.
        poll = select.poll()  # select() cannot wait for descriptors beyond 1024
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(deadline.left() * 1000):
            return False
        chunk = os.read(self._descriptor, CHUNK_BYTES)
        self.ended = not chunk
        self._left -= len(chunk)
        if self._left < 0:
            raise TooMuch("it says too much")
        self._buffer += chunk
        return bool(chunk)
