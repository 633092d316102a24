"""README.md says what the program does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpgdoctor.rules import catalogue

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_every_check_has_its_line_in_the_table() -> None:
    lines = [line for line in README.splitlines() if re.match(r"\| GD\d", line)]
    assert lines == [f"| {rule.id} | {rule.title} |" for rule in catalogue().values()]


@pytest.mark.parametrize("command", re.findall(r"^\| `gpgdoctor (\w+)", README, re.MULTILINE))
def test_every_command_of_the_table_is_there(command: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "gpgdoctor", command, "--help"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0
    assert f"gpgdoctor {command}" in asked.stdout


def test_it_keeps_to_eighty_columns() -> None:
    wide = [line for line in README.splitlines() if len(line) > 80 and not line.startswith("|")]
    assert wide == []
