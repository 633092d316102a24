"""What an interrupted run left is brought to an end; what somebody else wrote is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpgdoctor.fix import journal, restore
from gpgdoctor.fix.entries import Entry, State
from gpgdoctor.fix.undoing import list_journal
from gpgdoctor.plan.steps import Edit

BEFORE, AFTER, THEIRS = b"before\n", b"after\n", b"theirs\n"


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "scdaemon.conf"


def entry(conf: Path, state: State, before: bytes | None = BEFORE) -> Entry:
    change = Edit(path=str(conf), before=before, after=AFTER, mode=None if before is None else 0o640)
    return Entry(
        number=1,
        time=0.0,
        state=state,
        homedir=str(conf.parent),
        ids=("GD202",),
        files=(change,),
        restart=None,
        old=(),
    )


@pytest.mark.parametrize(
    ("state", "now", "then", "file"),
    [
        ("begun", BEFORE, None, BEFORE),
        ("begun", AFTER, "applied", AFTER),
        ("begun", THEIRS, "applied", THEIRS),
        ("putting-back", AFTER, "put-back", BEFORE),
        ("putting-back", BEFORE, "put-back", BEFORE),
        ("putting-back", THEIRS, "applied", THEIRS),
        ("undoing", AFTER, "undone", BEFORE),
        ("undoing", BEFORE, "undone", BEFORE),
    ],
)
def test_an_interrupted_run_is_finished(state: State, now: bytes, then: State | None, file: bytes, conf: Path) -> None:
    conf.write_bytes(now)
    unfinished = entry(conf, state)
    leftover = conf.with_name(unfinished.temporary)
    leftover.write_bytes(b"half")
    with journal.opened() as book:
        book.write(unfinished)
        finished = restore.finish(book, unfinished, print)
        assert [it.state for it in book.entries()] == ([then] if then else [])
    assert (finished.state if finished else None) == then
    assert conf.read_bytes() == file
    assert not leftover.exists()


def test_a_created_file_is_taken_away_again(conf: Path) -> None:
    conf.write_bytes(AFTER)
    with journal.opened() as book:
        restore.finish(book, entry(conf, "undoing", before=None), print)
    assert not conf.exists()


def test_a_file_that_cannot_be_put_back_is_tried_again_later(conf: Path) -> None:
    conf.write_bytes(AFTER)
    conf.chmod(0o400)
    told: list[str] = []
    unfinished = entry(conf, "putting-back")
    with journal.opened() as book:
        book.write(unfinished)
        restore.finish(book, unfinished, told.append)
        assert [it.state for it in book.entries()] == ["putting-back"]
        assert "gpgdoctor undo 1 tries again" in told[0]
        conf.chmod(0o600)
        restore.finish(book, unfinished, told.append)
        assert [it.state for it in book.entries()] == ["put-back"]
    assert conf.read_bytes() == BEFORE
    assert conf.stat().st_mode & 0o777 == 0o640


def test_the_list_names_states_and_files(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gpgdoctor.fix.console import Console

    with journal.opened() as book:
        book.write(entry(conf, "applied"))
        book.write(replace(entry(conf, "begun"), number=2))
    assert list_journal(Console.standard()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "1" and "applied" in lines[0] and "GD202" in lines[0]
    assert lines[1].strip() == str(conf)
    assert "interrupted" in lines[2]
