"""Input and output of a fix: the result on stdout, progress and questions on stderr, answers from stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TextIO

from gpgdoctor.system.escape import printable

LINE_LIMIT = 2000
YES = ("y", "yes")
COLOURS = {"+": "32", "-": "31", "@": "36"}  # of the lines of a diff


class Console(NamedTuple):
    """Three streams. A terminal that is gone does not keep a fix from putting things back."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    @classmethod
    def standard(cls) -> Console:
        return cls(sys.stdin, sys.stdout, sys.stderr)

    def say(self, text: str = "") -> bool:
        """Print a part of the result; returns whether it could be written."""
        return _print(self.stdout, text)

    def say_diff(self, text: str) -> bool:
        """The same for a diff, in colour on a terminal."""
        return _print(self.stdout, text, _coloured if self._has_colour() else None)

    def _has_colour(self) -> bool:
        return _is_terminal(self.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def document(self, text: str) -> None:
        """Print the whole result for a program: ASCII, already escaped."""
        with suppress(OSError, ValueError):
            print(text, file=self.stdout, flush=True)

    def tell(self, text: str) -> None:
        """Progress, a hint or a complaint."""
        _print(self.stderr, text)

    def can_ask(self) -> bool:
        return _is_terminal(self.stdin) and _is_terminal(self.stderr)

    def confirms(self, question: str) -> bool:
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        return self.stdin.readline().strip().lower() in YES


def _coloured(line: str) -> str:
    code = COLOURS.get(line[:1])
    return f"\033[{code}m{line}\033[0m" if code else line


def _print(stream: TextIO, text: str, paint: Callable[[str], str] | None = None) -> bool:
    encoding = getattr(stream, "encoding", None) or "ascii"
    lines = (printable(line, LINE_LIMIT) for line in text.split("\n"))
    safe = "\n".join(map(paint, lines) if paint else lines)
    try:
        stream.write(safe.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        return True  # the reader has gone, and has seen enough
    except (OSError, ValueError):
        return False
    return True


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
