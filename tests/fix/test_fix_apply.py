"""A change that is not proved is put back, whatever came between; what cannot be put back is not said to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.fix import apply, files, journal, restore
from gpgdoctor.fix.apply import Application, Failed
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.interrupts import Interrupts
from gpgdoctor.fix.restart import NotRestarted, Running
from gpgdoctor.fix.undoing import undo
from gpgdoctor.fix.verify import NotProved
from gpgdoctor.fix.work import FixOptions, Tables, Work
from gpgdoctor.plan.plan import Plan
from gpgdoctor.plan.steps import Edit, Restart
from gpgdoctor.system.record import replace
from tests.support.recordings import facts_of

BEFORE, AFTER, THEIRS = b"before\n", b"after\n", b"theirs\n"


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    conf = tmp_path / "scdaemon.conf"
    conf.write_bytes(BEFORE)
    return conf


def applied(conf: Path, restart: Restart | None = None, *, writes: bool = True) -> list[str]:
    """Apply one edit, or none; returns the states of the journal's entries and all that was told."""
    edit = Edit(path=str(conf), before=BEFORE, after=AFTER, mode=files.find(str(conf)).mode)
    steps = ((edit,) if writes else (), (restart,) if restart else ())
    facts = facts_of("GD202.ok")
    facts = replace(facts, gnupg=replace(facts.gnupg, homedir=str(conf.parent)))
    work = Work(
        diagnosis=diagnose(facts),
        plan=Plan(steps=(*steps[0], *steps[1])),
        running=Running(homedir=""),
        tables=Tables(facts),
    )
    told: list[str] = []
    with Interrupts() as interrupts, journal.opened() as book:
        try:
            Application(work, FixOptions(), book, interrupts, told.append).run()
        except Failed as error:
            told.append(f"{error.code}: {error}")
        except ZeroDivisionError:
            told.append("a defect")
        return [*(entry.state for entry in book.entries()), *told]


def verifying(monkeypatch: pytest.MonkeyPatch, does: Callable[[], None]) -> None:
    monkeypatch.setattr(apply, "verify", lambda *_: does())


def test_a_defect_leaves_nothing_unproved(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_a_defect() -> None:
        assert conf.read_bytes() == AFTER
        raise ZeroDivisionError

    verifying(monkeypatch, has_a_defect)
    assert applied(conf) == ["put-back", "Everything was put back.", "a defect"]
    assert conf.read_bytes() == BEFORE


def test_what_somebody_else_wrote_meanwhile_is_not_said_to_be_put_back(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def does_not_help() -> None:
        conf.write_bytes(THEIRS)
        raise NotProved("still refused")

    verifying(monkeypatch, does_not_help)
    state, left, verdict = applied(conf)
    assert (state, verdict) == ("applied", "1: It did not help: still refused. See gpgdoctor undo 1")
    assert left == f"{conf} was changed by somebody else meanwhile, and is left as it is."
    assert conf.read_bytes() == THEIRS


def test_a_restart_is_owned_up_to(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def does_not_end(*_: object) -> None:
        raise NotRestarted("it still runs")

    monkeypatch.setattr(apply, "restart", does_not_end)
    monkeypatch.setattr(restore, "restart_again", lambda *_, **__: None)
    kill = Restart(target="gpg-agent", argv=("gpgconf", "--kill", "gpg-agent"))
    told = ["1: it still runs. No file is changed, but gpg-agent was asked to restart."]
    assert applied(conf, kill, writes=False) == told


def test_what_was_kept_beside_another_change_can_still_be_undone_by_hand(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_interrupted() -> None:
        conf.write_bytes(AFTER + THEIRS)
        raise NotProved("still refused.")

    verifying(monkeypatch, is_interrupted)
    applied(conf)
    assert undo(None, Console.standard()) == 1
    assert "+theirs" in capsys.readouterr().out


def test_a_link_in_the_place_of_a_file_that_was_made_is_not_followed(conf: Path) -> None:
    mine = conf.with_name("mine")
    mine.write_bytes(AFTER)
    conf.unlink()
    conf.symlink_to(mine)
    change = Edit(path=str(conf), before=None, after=AFTER, mode=None)
    assert not restore.put_back(change, ".unused.tmp")
    assert mine.read_bytes() == AFTER


@pytest.mark.parametrize("where", ["state", "./state", ""])
def test_a_relative_state_directory_is_ignored(where: str, conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", where)
    assert journal.location() == f"{conf.parent}/.local/state/gpgdoctor"
