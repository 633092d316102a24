"""A configuration file as a sequence of lines that loses nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

# What isspace() says of ASCII, without the line feed. Not str.strip()'s idea: that takes a no-break space as well.
SPACES = b" \t\r\v\f"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The beginning of a line that says something, or of a comment that may be an option.
TELLING = re.compile(rb"^[ \t\r\v\f]*(?:[^# \t\r\v\f\n]|#+[ \t\r\v\f]*([a-z][a-z-]+)(?![^ \t\r\v\f\n]))", re.MULTILINE)

# What the program prints of a line, by what is said of it here.
MESSAGES = {
    "unknown-option": "invalid option",
    "argument-not-expected": "argument not expected",
    "missing-argument": "missing argument",
    "invalid-argument": "invalid argument",
    "keyword-too-long": "keyword too long",
    "invalid-meta": "invalid meta command",
    "unknown-meta": "unknown meta command",
    "unexpected-meta": "unexpected meta command",
    "invalid-alias": "invalid alias definition",
}


class Refused(Exception):
    """The program complains of a line; the message is a key of MESSAGES, or one of the problems of a debug option."""


class Line(NamedTuple):
    """One line. A file may have very many, and a named tuple is made five times as fast as a Record."""

    number: int
    reported_number: int  # what the program calls it
    raw: str  # without its end; undecodable bytes as surrogate escapes
    eol: str  # "\n", "\r\n" or, where the file ends without one, ""
    # blank, comment, option, meta: what it is to the program; problem: the program complains of it;
    # inactive: in a section that does not apply; unread: the program stopped reading before it
    kind: str
    option: str | None = None  # also where the line is malformed and it is clear which option was meant
    value: str | None = None
    problem: str | None = None  # one of MESSAGES, or "invalid-debug-level", "invalid-debug-flag"
    word: str | None = None  # of a problem: the first word, as the program looks it up
    meant: str | None = None  # the corrected line, where that can be known; also for a value that looks wrong

    @property
    def content(self) -> bytes:
        return encoded(self.raw + self.eol)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def decoded(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def joined(lines: Iterable[Line]) -> bytes:
    return b"".join(line.content for line in lines)


def split(content: bytes) -> list[tuple[bytes, bytes]]:
    """Every line and its end. A lone carriage return ends no line for GnuPG."""
    pieces = content.split(b"\n")
    last = pieces.pop()
    lines = [(piece[:-1], b"\r\n") if piece.endswith(b"\r") else (piece, b"\n") for piece in pieces]
    return [*lines, (last, b"")] if last else lines


def telling(content: bytes, options: Collection[bytes] = ()) -> Iterator[tuple[int, bytes, bytes]]:
    """The number, the text and the end of the lines that say something, however many comments are between them.

    A comment that begins with one of the ``options`` counts. So do the first two lines: gpgrt loses a byte of the
    second one where the first is a single byte (see reading.py).
    """
    number = position = 0
    for start in _starts(content, options):
        number += content.count(b"\n", position, start)
        position = start
        end = content.find(b"\n", start) + 1 or len(content)
        ((text, line_end),) = split(content[start:end])
        yield number + 1, text, line_end


def _starts(content: bytes, options: Collection[bytes]) -> Iterator[int]:
    third = 0
    for _ in range(2):
        if third < len(content):
            yield third
            third = content.find(b"\n", third) + 1 or len(content)
    for match in TELLING.finditer(content, third):
        if match[1] is None or match[1] in options:
            yield match.start()


def c_string(content: bytes) -> bytes:
    """What C sees of it: nothing after a NUL."""
    return content.split(b"\0", 1)[0]
