"""A file in the place of scdaemon.conf that would take too long to read is not read; a long one is.

What costs time is counted: how often Python calls a function, whatever else the machine does meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.collect import configuration
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.plan.edits import Lines, rewritten, sketch
from gpgdoctor.rules.rule import LineChange
from gpgdoctor.scdaemon_conf import reading
from gpgdoctor.scdaemon_conf.edits import diff
from gpgdoctor.scdaemon_conf.lines import Line
from gpgdoctor.scdaemon_conf.options import parse_option_table
from tests.support.work import calls

TABLE = parse_option_table((SOURCE_TREE / "fixtures" / "conf" / "scdaemon-2.2.40.options").read_text())
CALLS_TO_READ = 2_000_000  # two seconds
COMMENTS, CALLS_PER_COMMENT = 199_000, 15
MEGABYTES = 8 << 20

READ = {
    "comments": b"# note\n" * 100_000,
    "one option and blank lines": b"disable-ccid\n" + b"\n" * 150_000,
    "a thousand unknown options": b"".join(b"disabel-ccid%d\n" % number for number in range(1000)),
    "many options": b"reader-port 5\n" * 990,
    "a long line": b"reader-port " + b"x" * 8_000,
    "a line of variables": b"reader-port " + b"${x" * 2_000,
    "carriage returns": b"x y\r" * 2_000,
    "a comment without end": b"# " + b"x" * (MEGABYTES - 100) + b"\n",
    "a comment of hashes and blanks": b"#" * (MEGABYTES // 3) + b" " * (MEGABYTES // 3) + b"\n",
}
REFUSED = {
    "lines without end": b"\n" * MEGABYTES,
    "a text": b"it was a dark and stormy night\n" * 6_000,
    "options without end": b"disable-ccid\n" * 100_000,
    "a line without end": b"reader-port " + b"x" * (MEGABYTES - 100),
    "variables without end": b"reader-port " + b"${x" * (MEGABYTES // 4),
    "carriage returns without end": b"x y\r" * (MEGABYTES // 5),
    "a last line without end": b"disable-ccid\n# " + b"x" * 9_000,
    "conditions": b"[if version > 2]\n" * 50_000,
    "larger than any": b"x" * (MEGABYTES + 1),
}


def read(content: bytes, folder: Path) -> str:
    """How it was read; it took no more work than there is time for."""
    path = folder / "scdaemon.conf"
    path.write_bytes(content)
    status = []

    def look() -> None:
        source = configuration.read(str(path), "scdaemon", "user")
        (file,), _ = configuration.judge([source], TABLE, "alice")
        status.append(file.status)

    assert calls(look) < CALLS_TO_READ
    return status[0]


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


def work_of_a_fix(comments: int, folder: Path, before: bytes, after: bytes) -> dict[str, int]:
    """What each step from a file to its diff takes, where a typo stands among so many comments."""
    path = folder / "scdaemon.conf"
    content = before + b"# note\n" * comments + after
    path.write_bytes(content)
    source = configuration.read(str(path), "scdaemon", "user")
    (file,), _ = configuration.judge([source], TABLE, "alice")
    typos = [line.number for line in file.lines if line.problem]
    changes = tuple(LineChange(path=str(path), line=number, text="disable-ccid") for number in typos)
    wanted = Lines(path=str(path), options=("pcsc-shared",), changes=changes)
    changed = rewritten(content, wanted, TABLE, "alice")
    shown: list[str] = []
    steps: dict[str, Callable[[], object]] = {
        "read": lambda: configuration.read(str(path), "scdaemon", "user"),
        "judge": lambda: configuration.judge([source], TABLE, "alice"),
        "sketch": lambda: sketch(file),
        "rewrite": lambda: rewritten(content, wanted, TABLE, "alice"),
        "diff": lambda: shown.append(diff(content, changed, str(path))),
    }
    work = {name: calls(step) for name, step in steps.items()}
    assert (shown[0].count("\n-"), shown[0].count("\n+")) == (len(typos), len(typos) + 2)
    return work


@pytest.mark.parametrize(
    ("before", "after"), [(b"", b"disabel-ccid\n"), (b"disabel-ccid\n", b"verbose\ndisabel-ccid\n")]
)
def test_comments_take_next_to_no_work(before: bytes, after: bytes, tmp_path: Path) -> None:
    few, many = (work_of_a_fix(number, tmp_path, before, after) for number in (1_000, COMMENTS))
    for step, work in many.items():
        assert work - few[step] < CALLS_PER_COMMENT * COMMENTS, (step, few[step], work)


def test_options_that_are_commented_out_are_kept_up_to_a_number(tmp_path: Path) -> None:
    path = tmp_path / "scdaemon.conf"
    path.write_bytes(b"#disable-ccid\n" * 199_000 + b"disable-ccid\n")
    source = configuration.read(str(path), "scdaemon", "user")
    (file,), _ = configuration.judge([source], TABLE, "alice")
    assert (file.status, file.length) == ("regular", 199_001)
    assert len(file.lines) == configuration.COMMENTED_OUT_AT_MOST + 1
    assert file.lines[-1].kind == "option"
