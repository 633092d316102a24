"""Redaction costs what the length of a text does: a name of 30,000 characters is somebody's attack, and no wait."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.lines import Lines
from gpgdoctor.redact.names import Names
from gpgdoctor.redact.paths import Paths
from gpgdoctor.redact.readers import Readers
from gpgdoctor.redact.search import Search

SHORT, TIMES_LONGER = 1_000, 16
AT_MOST = 4 * TIMES_LONGER  # a square would be 256

# What makes a search by pattern begin again at every letter.
PATTERNS = (
    *(
        "x",
        "a.",
        "a-",
        "a_",
        "a+",
        "1",
        "A",
        "0x",
        "ABCD ",
        "D2 76 00 01 24 ",
        "00:",
        "1.",
        ":",
        "/",
        "~",
        "~/",
        "/.",
        "@",
    ),
    *(
        "a@",
        "@a.",
        "\\",
        "a\\",
        "uid ",
        "pid 1 ",
        "(",
        ")",
        "()",
        "(1",
        "[",
        "[1]",
        "s/n ",
        "SN:",
        "serial: ",
        " ",
        "\u00fc",
        "\u0301",
    ),
    *(
        "http:",
        "://",
        "a://",
        "#",
        " #",
        "=",
        "\n",
        "[user ",
        "jane.",
        "jane.doe ",
        "/home/jane/",
        "'",
        '"',
        "\udce4",
        "GD",
        "f0",
    ),
)


def redactions() -> dict[str, Callable[[str], str]]:
    """Each of the ways that a text takes."""
    aliases = Aliases()
    names = Names(aliases)
    names.learn_user("jane.doe")
    names.learn_host("box.example.org")
    paths = Paths(aliases, names)
    search = Search(aliases, names, paths)
    search.learn_path("/opt/a b/c")
    readers = Readers(aliases, names)
    readers.learn("Yubico YubiKey (0012345678) 00 00")
    lines = Lines(aliases, names, paths, search, readers, ("reader-port", "log-file", "debug-level", "homedir"))
    return {
        "text": search.text,
        "program": search.program,
        "path": paths.path,
        "reader": readers.name,
        "port": readers.port,
        "user": names.user,
        "serial": names.serial,
        "line": lines.line,
        "value": lambda text: lines.value("debug-level", text),
        "message": lines.message,
    }


def seconds(redaction: Callable[[str], str], text: str) -> float:
    """Of the processor."""
    started = time.process_time()
    redaction(text)
    return time.process_time() - started


def is_linear(redaction: Callable[[str], str], text: str, pattern: str) -> bool:
    longer = text + pattern * (TIMES_LONGER * SHORT // len(pattern))
    return any(
        seconds(redaction, longer) <= AT_MOST * max(seconds(redaction, text), 0.0002)
        for _ in range(3)  # somebody else's work may be in one of them
    )


@pytest.mark.parametrize("way", redactions())
def test_a_text_that_is_longer_takes_longer_by_as_much(way: str) -> None:
    for pattern in PATTERNS:
        for beginning in ("", "Reader "):
            text = beginning + pattern * (SHORT // len(pattern))
            assert is_linear(redactions()[way], text, pattern), (pattern, beginning)
