"""Where a fix speaks: the result on stdout, progress and questions on stderr, answers from stdin."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from gpgdoctor.report.escape import printable

LINE_LIMIT = 2000
YES = ("y", "yes")


@dataclass(frozen=True, slots=True)
class Console:
    """Three streams. A terminal that has gone keeps nobody from putting things in order."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    @classmethod
    def standard(cls) -> Console:
        return cls(sys.stdin, sys.stdout, sys.stderr)

    def say(self, text: str = "") -> bool:
        """A part of the result; whether there was room for it."""
        return _print(self.stdout, text)

    def document(self, text: str) -> None:
        """The whole result, for a program: ASCII, and nothing to be made safe."""
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


def _print(stream: TextIO, text: str) -> bool:
    encoding = getattr(stream, "encoding", None) or "ascii"
    safe = "\n".join(printable(line, LINE_LIMIT) for line in text.split("\n"))
    try:
        stream.write(safe.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        return True  # whoever has gone has seen enough
    except (OSError, ValueError):
        return False
    return True


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
