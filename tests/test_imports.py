"""No command loads what it does not use: every module that is imported is paid for at each start."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.labs import OpenLab
from tests.support.specimens import snapshot

pytestmark = pytest.mark.machine_dependent

LINE = re.compile(r"^import time: .*\| +([\w.]+)$", re.MULTILINE)  # of -X importtime
BEAUTY = ("rich", "pygments", "pydantic")
MACHINE = ("psutil", "smartcard", "gpgdoctor.collect")
JUDGEMENT = ("gpgdoctor.rules", "gpgdoctor.diagnosis", "gpgdoctor.report")
OTHER_ROOMS = ("gpgdoctor.fix", "gpgdoctor.hooks", "gpgdoctor.lab")
COMMAND_LINES = {"gpgdoctor.hooks", "gpgdoctor.commands.hook_cli"}  # parsed with all the others


def modules(*arguments: str, module: str = "gpgdoctor", code: int = 0) -> set[str]:
    """What a command imports, on this machine."""
    argv = [sys.executable, "-X", "importtime", "-m", module, *arguments]
    done = subprocess.run(argv, input="{}\n", capture_output=True, text=True, cwd=SOURCE_TREE, timeout=60)
    assert done.returncode == code, done.stderr[-500:]
    found = set(LINE.findall(done.stderr))
    # Python 3.13 lists what it was kept from importing, too.
    return {name for name in found if name not in BEAUTY or any(each.startswith(f"{name}.") for each in found)}


def judged(folder: Path, machine: str, format: str, code: int) -> set[str]:
    path = folder / "snapshot.json"
    path.write_text(snapshot(machine))
    return modules("check", "--from", str(path), "--format", format, code=code)


def loaded(found: set[str], *names: str) -> set[str]:
    """Those of the modules that are among ``names`` or below them."""
    found = found - COMMAND_LINES
    return {module for module in found if any(module == name or module.startswith(f"{name}.") for name in names)}


def test_the_version_costs_next_to_nothing() -> None:
    found = modules("--version")
    assert loaded(found, *BEAUTY, *MACHINE, *JUDGEMENT, *OTHER_ROOMS, "typer", "click", "subprocess", "json") == set()


@pytest.mark.parametrize("words", ["--help", "check --help", "fix --help", "fix --nonsense"])
def test_help_looks_at_nothing(words: str) -> None:
    found = modules(*words.split(), code=2 if "nonsense" in words else 0)
    assert "gpgdoctor.cli" in found
    assert loaded(found, *BEAUTY, *MACHINE, *JUDGEMENT, *OTHER_ROOMS) == set()


@pytest.mark.parametrize("format", ["json", "text", "nagios"])
def test_a_snapshot_is_judged_without_the_machine(format: str, tmp_path: Path) -> None:
    found = judged(tmp_path, "healthy", format, code=0)
    assert "gpgdoctor.diagnosis" in found
    assert loaded(found, *BEAUTY, *MACHINE, *OTHER_ROOMS) == set()


def test_a_snapshot_is_reported_without_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text(snapshot("healthy"))
    found = modules("report", "--from", str(path))
    assert "gpgdoctor.report.markdown" in found
    assert loaded(found, *BEAUTY, *MACHINE, *OTHER_ROOMS) == set()


def test_a_finding_loads_the_planner_and_nothing_that_acts(tmp_path: Path) -> None:
    found = judged(tmp_path, "shared-holder", "json", code=1)
    assert "gpgdoctor.plan.plan" in found
    assert loaded(found, *BEAUTY, *MACHINE, "gpgdoctor.lab", "gpgdoctor.hooks", "gpgdoctor.fix.apply") == set()


def test_only_the_format_that_is_printed_is_loaded(tmp_path: Path) -> None:
    found = judged(tmp_path, "healthy", "json", code=0)
    assert "gpgdoctor.report.json" in found
    assert loaded(found, "gpgdoctor.report.text", "gpgdoctor.report.nagios") == set()


def test_scenarios_are_listed_without_playing_one() -> None:
    found = modules("demo", "--list")
    assert "gpgdoctor.lab.catalogue" in found
    assert loaded(found, *BEAUTY, *MACHINE, *JUDGEMENT, "jcecard", "gpgdoctor.fix", "gpgdoctor.hooks") == set()


@pytest.mark.lab
@pytest.mark.parametrize("format", ["json", "text"])
def test_a_healthy_machine_loads_no_cure(format: str, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["healthy"])
    done = lab.run([lab.python, "-X", "importtime", "-m", "gpgdoctor", "check", "--format", format])
    found = set(LINE.findall(done.stderr))
    assert done.returncode == 0
    assert "gpgdoctor.collect.machine" in found
    assert loaded(found, *BEAUTY, *OTHER_ROOMS, "smartcard") == set()


def test_the_child_that_talks_to_pcscd_loads_little_else() -> None:
    found = modules("1", "5", module="gpgdoctor.collect.probe")
    assert "smartcard.scard" in found
    own = {"gpgdoctor.collect", *(f"gpgdoctor.system{name}" for name in ("", ".deadline", ".inside", ".proc"))}
    assert loaded(found, "gpgdoctor") <= {"gpgdoctor", *own}
    assert loaded(found, *BEAUTY, "psutil", "typer", "click", "subprocess") == set()
