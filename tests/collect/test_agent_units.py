"""The unit that starts gpg-agent, as systemd would read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect import agent_units
from gpgdoctor.facts import AgentUnit, Unknown

UNIT = "[Unit]\nDescription=GnuPG\n[Service]\nExecStart=/usr/bin/gpg-agent --supervised\n"


@pytest.fixture
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's directory of units, and the system's."""
    mine, system = tmp_path / "config/systemd/user", tmp_path / "lib"
    mine.mkdir(parents=True)
    system.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(agent_units, "SYSTEM_DIRECTORIES", (str(system),))
    return mine, system


def test_no_unit(directories: tuple[Path, Path]) -> None:
    assert agent_units.unit() is None


def test_the_users_unit_stands_before_the_systems(directories: tuple[Path, Path]) -> None:
    mine, system = directories
    (system / agent_units.NAME).write_text(UNIT)
    assert agent_units.unit() == AgentUnit(path=str(system / agent_units.NAME), options=("--supervised",))
    (mine / agent_units.NAME).write_text(UNIT.replace("--supervised", "--deprecated-supervised --homedir=/x"))
    options = ("--deprecated-supervised", "--homedir")
    assert agent_units.unit() == AgentUnit(path=str(mine / agent_units.NAME), options=options)


def test_a_drop_in_changes_the_command(directories: tuple[Path, Path]) -> None:
    mine, system = directories
    (system / agent_units.NAME).write_text(UNIT)
    folder = mine / f"{agent_units.NAME}.d"
    folder.mkdir()
    (folder / "own.conf").write_text("[Service]\nExecStart=\nExecStart=/usr/bin/gpg-agent --deprecated-supervised\n")
    found = agent_units.unit()
    assert isinstance(found, AgentUnit) and found.options == ("--deprecated-supervised",)


def test_a_masked_unit_starts_nothing(directories: tuple[Path, Path]) -> None:
    mine, system = directories
    (system / agent_units.NAME).write_text(UNIT)
    (mine / agent_units.NAME).symlink_to("/dev/null")
    assert agent_units.unit() is None


def test_what_is_no_file_is_not_read(directories: tuple[Path, Path]) -> None:
    mine, _ = directories
    os.mkfifo(mine / agent_units.NAME)
    assert isinstance(agent_units.unit(), Unknown)
    (mine / agent_units.NAME).unlink()
    (mine / agent_units.NAME).symlink_to(mine / "nowhere")
    assert isinstance(agent_units.unit(), Unknown)


def test_drop_ins_that_cannot_be_listed(directories: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    mine, _ = directories
    (mine / agent_units.NAME).write_text(UNIT)
    (mine / f"{agent_units.NAME}.d").mkdir()

    def refused(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("gpgdoctor.collect.agent_units.os.listdir", refused)
    assert isinstance(agent_units.unit(), Unknown)
