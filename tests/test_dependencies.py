"""A gpgdoctor without the Python packages it needs says which, all at once, and how they are had."""

from __future__ import annotations

import json
import re
import sys
import venv
from pathlib import Path

import pytest

from gpgdoctor.dependencies import FOR_PAGES, INSTALLERS, PACKAGES
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.civility import Done, run

pytestmark = pytest.mark.machine_dependent

MISSING = 3
SYSTEMS_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
ALL = {**PACKAGES, **FOR_PAGES}
INSTALL = {family: install for family, (install, _) in INSTALLERS.items()}


def without_packages(*arguments: str, having: Path | None = None) -> Done:
    """-S leaves out every package that is not Python's own. The system's Python: 3.14 knows its environment even so."""
    path = f"{SOURCE_TREE}:{having}" if having else str(SOURCE_TREE)
    return run([SYSTEMS_PYTHON, "-S", "-m", "gpgdoctor", *arguments], env={"PYTHONPATH": path})


@pytest.mark.parametrize("command", ["check", "fix", "undo", "explain GD202", "report", "demo", "hook list", "schema"])
def test_all_that_are_missing_are_named(command: str) -> None:
    done = without_packages(*command.split())
    assert (done.returncode, done.stdout) == (MISSING, "")
    assert re.fullmatch(
        "gpgdoctor: the Python packages typer, platformdirs, pyscard, psutil and jinja2 are not installed: .+\n",
        done.stderr,
    )


def test_the_command_of_this_distribution_is_told() -> None:
    release = Path("/etc/os-release").read_text()
    if not re.search("^ID=debian$", release, re.MULTILINE):
        pytest.skip("this is no Debian")
    done = without_packages("check")
    wanted = " ".join(f"python3-{package}" for package in ALL.values())
    assert done.stderr.endswith(f"not installed: sudo apt install {wanted}\n")


def test_a_virtual_environment_has_packages_of_its_own(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    done = run([python, "-m", "gpgdoctor", "check"])
    assert done.returncode == MISSING
    assert done.stderr.endswith(f": {python} -m pip install typer platformdirs pyscard psutil jinja2\n")


def test_a_look_without_pyscard_is_not_begun(tmp_path: Path) -> None:
    for module in set(ALL) - {"smartcard"}:
        (tmp_path / module).mkdir()
    done = without_packages("check", having=tmp_path)
    assert done.returncode == MISSING
    assert done.stderr.startswith("gpgdoctor: the Python package pyscard is not installed: ")


def test_json_and_monitoring_get_what_they_can_read() -> None:
    document = json.loads(without_packages("check", "--json").stdout)
    assert document["verdict"] == "error"
    assert "pyscard, psutil and jinja2" in document["facts"]["readers"]["unknown"]
    assert without_packages("hook", "run", "nagios").returncode == MISSING


def test_the_version_needs_none() -> None:
    assert without_packages("--version").returncode == 0


def test_what_is_needed_is_what_is_declared() -> None:
    project = (SOURCE_TREE / "pyproject.toml").read_text().partition("[project.optional-dependencies]")[0]
    declared = re.findall(r'^  "(\w+)>=', project, re.MULTILINE)
    assert sorted(declared) == sorted(ALL.values())
