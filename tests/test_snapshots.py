"""Snapshots: what was saved is judged alike, and what is no snapshot is one line and 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpgdoctor.commands.check import check
from gpgdoctor.commands.check_options import CheckOptions
from gpgdoctor.commands.snapshots import Unreadable, Unwritable, load, save
from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.report.json import SCHEMA_VERSION, document
from gpgdoctor.report.style import Style
from gpgdoctor.report.text import render
from gpgdoctor.snapshot import decode, encode
from gpgdoctor.system.record import replace
from tests.support.documents import DOCUMENTS, MACHINES, outline
from tests.support.known_secrets import planted

OPTIONS = CheckOptions(
    homedir=None,
    format="text",
    fail_on="warning",
    ignore=(),
    probe=True,
    wake=False,
    timeout_s=5.0,
    save=None,
    replay=None,
    redact=True,
    verbose=False,
    quiet=False,
)


def saved(path: Path, facts: Facts, *, redacted: bool = False) -> str:
    save(str(path), diagnose(facts), 0.5, redact=redacted)
    return str(path)


@pytest.mark.parametrize("name", MACHINES)
def test_facts_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    assert load(saved(tmp_path / "s.json", MACHINES[name])) == MACHINES[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_redacted_snapshot_is_judged_alike(name: str, tmp_path: Path) -> None:
    facts = decode(DOCUMENTS[name]["facts"])
    again = load(saved(tmp_path / "s.json", facts, redacted=True))
    assert outline(document(diagnose(again), 0)) == outline(document(diagnose(facts), 0))


def test_a_replay_prints_the_same_text_and_says_that_it_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "s.json", MACHINES["shared"])
    assert check(replace(OPTIONS, replay=path), None) == 1
    printed = capsys.readouterr().out
    body = render(diagnose(MACHINES["shared"]), Style()).split("\n\n", 1)[1]
    heading = printed.removesuffix(f"\n\n{body}\n")
    assert heading != printed and "replayed from" in " ".join(heading.split())


def test_a_replay_may_be_saved_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (tmp_path / name for name in ("1", "2", "3"))
    saved(first, planted(), redacted=True)
    for source, target in ((first, second), (second, third)):
        check(replace(OPTIONS, replay=str(source), save=str(target)), None)
    texts = [json.loads(path.read_text())["facts"] for path in (first, second, third)]
    assert texts[0] == texts[1] == texts[2]


def test_it_is_its_owners_alone_and_redacted_by_default(tmp_path: Path) -> None:
    private, open_ = tmp_path / "private", tmp_path / "open"
    check(replace(OPTIONS, replay=saved(tmp_path / "s", MACHINES["shared"]), save=str(private)), None)
    check(replace(OPTIONS, replay=str(tmp_path / "s"), save=str(open_), redact=False), None)
    assert private.stat().st_mode & 0o777 == 0o600
    assert "alice" not in private.read_text() and "alice" in open_.read_text()
    assert "redacted" in json.loads(private.read_text()) and "redacted" not in json.loads(open_.read_text())


# -- what is no snapshot -----------------------------------------------------------------------------------------

GOOD = {"schema_version": SCHEMA_VERSION, "facts": encode(MACHINES["healthy"])}


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ":1: not JSON"),
    "not JSON": (b"\n\n{]", ":3: not JSON"),
    "truncated": (json.dumps(GOOD, indent=1).encode()[:-40], ": not JSON"),
    "not text": (b"\xff\xfe\x00", ": not JSON"),
    "NULs": (b"\0" * 100, ": not JSON"),
    "too deep": (b"[" * 100_000, ": not JSON"),
    "a list": (b"[]", ": not a snapshot of gpgdoctor: it has no facts"),
    "a text": (b'"facts"', ": not a snapshot of gpgdoctor: it has no facts"),
    "without facts": (b'{"schema_version": "1.0"}', ": not a snapshot of gpgdoctor: it has no facts"),
    "without version": (b'{"facts": {}}', ": a snapshot of schema version None"),
    "another version": (
        b'{"schema_version": "2.0", "facts": {}}',
        f"version 2.0; this gpgdoctor reads {SCHEMA_VERSION}",
    ),
    "no version": (b'{"schema_version": 1, "facts": {}}', ": a snapshot of schema version 1"),
    "no facts": (b'{"schema_version": "1.0", "facts": null}', "facts: an object was expected"),
    "empty facts": (b'{"schema_version": "1.0", "facts": {}}', "facts.gnupg is missing"),
    "a number": (json.dumps({**GOOD, "facts": {**GOOD["facts"], "readers": 7}}).encode(), "facts.readers: a list was"),
    "a wrong type": (
        json.dumps({**GOOD, "facts": {**GOOD["facts"], "readers": [{"name": 7}]}}).encode(),
        "facts.readers[0].name: str was expected, not int",
    ),
    "a name in red": (
        json.dumps({**GOOD, "schema_version": "\x1b[31m\n2"}).encode(),
        ": a snapshot of schema version \\x1b[31m\\x0a2",
    ),
}


def refused(path: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of complaint."""
    assert check(replace(OPTIONS, replay=path), None) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith(f"gpgdoctor: {path}")
    return printed.err


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_snapshot(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.json"
    content, complaint = BAD[name]
    path.write_bytes(content)
    assert complaint in refused(str(path), capsys)


def test_what_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fifo, forbidden = tmp_path / "fifo", tmp_path / "forbidden"
    os.mkfifo(fifo)
    forbidden.write_text("{}")
    forbidden.chmod(0)
    assert "No such file" in refused(str(tmp_path / "missing"), capsys)
    assert "not a regular file" in refused(str(fifo), capsys)
    assert "irectory" in refused(str(tmp_path), capsys) or "not a regular file" in refused(str(tmp_path), capsys)
    assert "not a regular file" in refused("/dev/zero", capsys)
    if os.geteuid() != 0:
        assert "Permission denied" in refused(str(forbidden), capsys)


def test_what_is_too_large_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "larger than 8 MiB" in refused(str(path), capsys)


def test_for_monitoring_it_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(replace(OPTIONS, replay=str(tmp_path / "missing"), format="nagios"), None) == 3


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("{")
    command = [sys.executable, "-m", "gpgdoctor", "check", "--from", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gpgdoctor: {path}:1: not JSON\n")


# -- what cannot be written --------------------------------------------------------------------------------------


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unwritable, match="No such file"):
        saved(tmp_path / "nowhere" / "s.json", MACHINES["healthy"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unwritable):
        saved(tmp_path / "folder", MACHINES["healthy"])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gpgdoctor.system.atomic.os.rename", full)
    with pytest.raises(Unwritable, match="No space left"):
        saved(tmp_path / "s.json", MACHINES["healthy"])
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_older_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("x" * 100_000)
    assert load(saved(path, MACHINES["healthy"])) == MACHINES["healthy"]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_no_snapshot(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with pytest.raises(Unreadable):
            load(file.name)
