"""Where a trace goes: stdout or a file, as text or as JSON lines."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

from gpgdoctor.instruments.trace import jsonlines, lines
from gpgdoctor.instruments.trace.events import Event
from gpgdoctor.system.escape import printable
from gpgdoctor.system.terminal import WIDEST, width


class Unwritable(Exception):
    """The file cannot be written; the message says why."""


class Output:
    """The output of a trace, written as it happens. If its reader goes away, the trace still goes on to its end."""

    def __init__(self, stream: TextIO, *, json: bool, width: int | None) -> None:
        """``width`` of the terminal, to wrap lines; None keeps each event on one line."""
        self._stream = stream
        self.json = json
        self._width = width
        self._encoding = getattr(stream, "encoding", None) or "ascii"
        self.failure: str | None = None
        """Why something could not be written; a reader that went away does not count."""

    @property
    def columns(self) -> int:
        """The width of everything but events."""
        return self._width or WIDEST

    def event(self, event: Event) -> None:
        if self.json:
            self._write(jsonlines.line(event))
        else:
            self._write(lines.wrapped(lines.line(event), self._width))

    def text(self, texts: Iterable[str]) -> None:
        """Lines for people; nothing of it in JSON."""
        if not self.json:
            for text in texts:
                self._write(printable(text, 2000))

    def document(self, document: dict[str, Any]) -> None:
        """An object for programs; nothing of it in text."""
        if self.json:
            self._write(jsonlines.dumped(document))

    def _write(self, text: str) -> None:
        safe = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:  # the traced program must not notice
            self._stream.write(safe + "\n")
            self._stream.flush()
        except BrokenPipeError:
            return  # the reader has gone, and has seen enough
        except (OSError, ValueError) as error:
            self.failure = self.failure or (getattr(error, "strerror", None) or str(error))
            with suppress(OSError, ValueError):  # for what is still in the buffer
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def close(self) -> None:
        if self._stream is not sys.stdout:
            with suppress(OSError):
                self._stream.close()


def opened(path: str | None, *, json: bool) -> Output:
    """stdout where no file is named; raises Unwritable. A new file is readable by its owner alone."""
    if path is None:
        return Output(sys.stdout, json=json, width=_terminal_width())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, True)
        stream = open(descriptor, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - until the end
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Unwritable(f"{path} cannot be written: {why}") from error
    return Output(stream, json=json, width=None)


def _terminal_width() -> int | None:
    try:
        return width(sys.stdout) if sys.stdout.isatty() else None
    except ValueError:  # closed
        return None
