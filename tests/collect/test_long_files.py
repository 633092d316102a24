"""A file in the place of scdaemon.conf that would take too long to read is not read; a long one is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gpgdoctor.collect import configuration
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.scdaemon_conf import reading
from gpgdoctor.scdaemon_conf.lines import Line
from gpgdoctor.scdaemon_conf.options import parse_option_table

TABLE = parse_option_table((SOURCE_TREE / "fixtures" / "conf" / "scdaemon-2.2.40.options").read_text())
LIMIT_S = 4.0  # on a busy machine; alone it takes a quarter of that
MEGABYTES = 8 << 20

READ = {
    "comments": b"# note\n" * 100_000,
    "one option and blank lines": b"disable-ccid\n" + b"\n" * 150_000,
    "a thousand unknown options": b"".join(b"disabel-ccid%d\n" % number for number in range(1000)),
    "many options": b"reader-port 5\n" * 4_900,
    "one long line": b"reader-port " + b"x" * (MEGABYTES - 100),
    "one line of variables": b"reader-port " + b"${x" * (MEGABYTES // 4),
    "carriage returns": b"x y\r" * (MEGABYTES // 5),
}
REFUSED = {
    "lines without end": b"\n" * MEGABYTES,
    "a text": b"it was a dark and stormy night\n" * 6_000,
    "options without end": b"disable-ccid\n" * 100_000,
    "conditions": b"[if version > 2]\n" * 50_000,
    "larger than any": b"x" * (MEGABYTES + 1),
}


def read(content: bytes, folder: Path) -> str:
    """How it was read; it took no longer than there was time."""
    path = folder / "scdaemon.conf"
    path.write_bytes(content)
    started = time.monotonic()
    source = configuration.read(str(path), "scdaemon", "user")
    (file,), _ = configuration.judge([source], TABLE, "alice")
    assert time.monotonic() - started < LIMIT_S
    return file.status


@pytest.mark.parametrize("kind", READ)
def test_long_files_are_read(kind: str, tmp_path: Path) -> None:
    assert read(READ[kind], tmp_path) == "regular"


@pytest.mark.parametrize("kind", REFUSED)
def test_files_without_end_are_not(kind: str, tmp_path: Path) -> None:
    assert read(REFUSED[kind], tmp_path) == "too-large"


def test_lines_that_say_nothing_are_not_read_as_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: what costs is counted."""
    read_as_statements: list[int] = []
    real = reading._Reading._line

    def counted(self: reading._Reading, line: Line, statement: bytes) -> Line:
        read_as_statements.append(line.number)
        return real(self, line, statement)

    monkeypatch.setattr(reading._Reading, "_line", counted)
    found = reading.parse(b"# note\n \n" * 99_500 + b"disabel-ccid\n", TABLE)
    assert read_as_statements == [199_001]
    assert len(found) == 199_001


def test_options_that_are_commented_out_are_kept_up_to_a_number(tmp_path: Path) -> None:
    path = tmp_path / "scdaemon.conf"
    path.write_bytes(b"#disable-ccid\n" * 199_000 + b"disable-ccid\n")
    source = configuration.read(str(path), "scdaemon", "user")
    (file,), _ = configuration.judge([source], TABLE, "alice")
    assert (file.status, file.length) == ("regular", 199_001)
    assert len(file.lines) == configuration.COMMENTED_OUT_AT_MOST + 1
    assert file.lines[-1].kind == "option"
