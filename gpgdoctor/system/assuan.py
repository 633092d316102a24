"""Assuan, GnuPG's protocol between its programs: a line to ask, lines of answer until OK or ERR.

The texts of errors differ between languages and systems; their numbers do not.
"""

from __future__ import annotations

import re
import socket
import urllib.parse
from collections.abc import Iterable
from typing import NamedTuple

from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.lines import LineReader

CODE_BITS = 0xFFFF  # libgpg-error, gpg-error.h: the rest names the source
ANSWERS_BYTES = 1 << 16  # of one conversation


class Answer(NamedTuple):
    """OK where ``code`` is 0, else the number of the error without its source, and its text."""

    code: int
    text: str = ""
    data: tuple[str, ...] = ()  # of each D line
    statuses: tuple[str, ...] = ()  # of each S line, keyword first

    @property
    def ok(self) -> bool:
        return self.code == 0


def answer_in(lines: Iterable[str]) -> Answer | None:
    """The answer up to the first OK or ERR; None where there is neither."""
    data: list[str] = []
    statuses: list[str] = []
    for line in lines:
        if line == "OK" or line.startswith("OK "):
            return Answer(0, line[3:], tuple(data), tuple(statuses))
        failed = re.match(r"ERR (\d+)\s*(.*)", line)
        if failed:
            text = re.sub(r"\s*<[^>]*>\s*$", "", failed.group(2))
            return Answer(int(failed.group(1)) & CODE_BITS, text, tuple(data), tuple(statuses))
        if line.startswith("D "):
            data.append(urllib.parse.unquote(line[2:]))
        elif line.startswith("S "):
            statuses.append(line[2:])
    return None


class Conversation:
    """A conversation with a daemon on a Unix socket. Each call raises OSError (TimeoutError is one) or ValueError."""

    def __init__(self, path: str, deadline: Deadline) -> None:
        """Connect, and wait for the greeting."""
        self._deadline = deadline
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(max(0.01, deadline.left()))
            self._socket.connect(path)
            self._reader = LineReader(self._socket.fileno(), ANSWERS_BYTES)
            self._answer()
        except (OSError, ValueError):
            self._socket.close()
            raise

    def ask(self, command: str) -> Answer:
        self._socket.settimeout(max(0.01, self._deadline.left()))
        self._socket.sendall(command.encode() + b"\n")
        return self._answer()

    def _answer(self) -> Answer:
        lines: list[str] = []
        while True:
            line = self._reader.line(self._deadline)
            if line is None:
                raise ValueError("it hung up") if self._reader.ended else TimeoutError
            lines.append(line.decode(errors="replace"))
            if lines[-1].split(" ")[0] in ("OK", "ERR"):
                return answer_in(lines) or Answer(CODE_BITS, lines[-1])

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
