"""What is asked only where something is left to explain: pcscd's log, polkitd, systemd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.collect import polkit, systemd
from gpgdoctor.collect.follow_up import followed_up, may_be_explained
from gpgdoctor.facts import CardAccess, Facts, Reason, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import replace
from tests.support.build import AGENT, ALICE, EMPTY_HANDED, HOME, ON_USB, RUNNING, SCDAEMON, machine, reader

FREE = replace(ON_USB, driver=None)


def test_a_healthy_machine_is_asked_nothing_more() -> None:
    found = followed_up(machine(readers=(reader("PRESENT", "INUSE"),)), Deadline(5)).pcscd
    assert found.log == Unknown(Reason.NOT_NEEDED)
    assert found.card_access is None, "its pcscd asks nobody"


@pytest.mark.parametrize(
    "changes",
    [
        {"pcscd": {"answer": "0x8010006A"}, "readers": Unknown.because("pcscd answers 0x8010006A")},
        {"pcscd": {"answer": "no-answer"}, "readers": Unknown.because("pcscd does not answer")},
        {"pcscd": {"listener": None, "refused": True, "answer": Unknown.because("x")}, "readers": ()},
        {"pcscd": {"listener": None, "service": "failed", "answer": Unknown.because("x")}, "readers": ()},
        {"readers": (reader("PRESENT", "EXCLUSIVE"),)},
        {"pcscd": {"card_access": CardAccess(answer="no", about="scdaemon", with_reader=False)}},
        {"readers": (), "usb": (FREE,)},
        {"readers": (), "pcscd": {"drivers": False}},
        {"readers": (reader("PRESENT"),), "usb": (ON_USB, replace(ON_USB, name="1-3:1.0", title="Another"))},
        {"readers": (replace(reader("PRESENT"), name="Another 00 00"),), "usb": (FREE,)},
    ],
)
def test_what_the_log_may_explain(changes: dict[str, Any]) -> None:
    assert may_be_explained(machine(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"readers": (reader("EMPTY"),), "usb": (FREE,)},
        {"readers": (reader("PRESENT", "INUSE"),), "usb": (ON_USB,)},
        {"readers": (), "usb": (), "pcscd": {"drivers": True}},
        {"pcscd": {"card_access": CardAccess(answer="yes", about="scdaemon", with_reader=False)}},
        {"pcscd": {"listener": "activator", "answer": Unknown.because("asleep")}, "readers": Unknown.because("asleep")},
    ],
)
def test_where_nothing_is_left_to_explain(changes: dict[str, Any]) -> None:
    assert not may_be_explained(machine(**changes))


# -- polkit --------------------------------------------------------------------------------------------------------


def undecided(**changes: Any) -> Facts:
    """pcscd asks polkit, a card is there, and nobody has been let in to it yet."""
    facts = machine(
        **{"readers": (reader("PRESENT"),), "pcscd": {"polkit": True}, "gnupg": {"running": None}, **changes}
    )
    return replace(facts, host=replace(facts.host, uid=ALICE))


@pytest.fixture
def pkcheck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """polkitd runs, and pkcheck ends with what stands in a file."""
    path = tmp_path / "pkcheck"
    path.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\nexit $(cat {tmp_path}/code)\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(polkit, "_runs", lambda: True)
    monkeypatch.setattr(proc, "started_ticks", lambda pid: 4711)
    return tmp_path


@pytest.mark.parametrize(("code", "answer"), [(0, "yes"), (1, "no"), (2, "challenge"), (3, None), (127, None)])
@pytest.mark.parametrize(("euid", "with_reader"), [(ALICE, False), (0, True)])
def test_polkitd_is_asked_about_scdaemon(
    code: int, answer: str | None, euid: int, with_reader: bool, pkcheck: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    (pkcheck / "code").write_text(str(code))
    facts = undecided(gnupg={"running": EMPTY_HANDED})
    found = followed_up(facts, Deadline(5)).pcscd.card_access
    if answer is None:
        assert isinstance(found, Unknown)
    else:
        assert found == CardAccess(answer=answer, about="scdaemon", with_reader=with_reader)
    asked = (pkcheck / "asked").read_text()
    assert f"--process {EMPTY_HANDED.pid},4711,{ALICE}" in asked
    name = facts.readers[0].name  # type: ignore[index]
    assert (f"--detail reader {name}" in asked) is with_reader
    assert "--allow-user-interaction" not in asked


@pytest.mark.parametrize(
    ("processes", "about"),
    [
        ((SCDAEMON, AGENT), "scdaemon"),
        ((AGENT,), "gpg-agent"),
        ((replace(AGENT, homedir=HOME),), "gpg-agent"),
        ((replace(AGENT, homedir="/home/alice/other"),), None),
        ((replace(AGENT, uid=1234),), None),
        ((), None),
    ],
)
def test_whose_process_it_is_about(processes: Any, about: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = replace(undecided(), processes=processes)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = polkit.subject(facts, ALICE, None)
    assert (found.about if found else None) == about, "root is let in anyway, and stands for nobody"
    monkeypatch.setattr(os, "geteuid", lambda: ALICE)
    found = polkit.subject(facts, ALICE, None)
    assert found is not None and found.about == (about or "gpgdoctor")


def test_polkitd_is_never_started(pkcheck: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polkit, "_runs", lambda: False)
    (pkcheck / "code").write_text("0")
    assert isinstance(followed_up(undecided(), Deadline(5)).pcscd.card_access, Unknown)
    assert not (pkcheck / "asked").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"gnupg": {"running": RUNNING}},
        {"readers": (replace(reader("PRESENT", "INUSE"), probe="ok"),)},
        {"readers": (reader("EMPTY"),)},
        {"pcscd": {"polkit": True, "answer": "0x8010006A"}},
    ],
)
def test_it_is_not_asked_where_the_answer_is_known(changes: dict[str, Any], pkcheck: Path) -> None:
    assert followed_up(undecided(**changes), Deadline(5)).pcscd.card_access == Unknown(Reason.NOT_NEEDED)
    assert not (pkcheck / "asked").exists()


# -- systemd -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("LoadState=loaded\nActiveState=failed", "failed"),
        ("LoadState=loaded\nActiveState=inactive", "inactive"),
        ("LoadState=not-found\nActiveState=inactive", None),
        ("", Unknown),
        ("ActiveState=\x1b[31m", Unknown),
    ],
)
def test_the_state_of_a_unit(told: str, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\ncat <<'END'\n{told}\nEND\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(systemd, "RUNS", str(tmp_path))
    found = systemd.UnitQuestion("pcscd.service").answer(Deadline(5))
    assert isinstance(found, Unknown) if expected is Unknown else found == expected


def test_without_systemd_there_is_no_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "RUNS", str(tmp_path / "none"))
    assert systemd.UnitQuestion("pcscd.service").answer(Deadline(5)) is None
