"""A check that is asked for by flags alone is not read by typer, and must be read as typer would."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import pytest

from gpgdoctor import cli
from gpgdoctor.commands import check
from gpgdoctor.commands.check_options import FLAGS, CheckOptions, with_flags


@pytest.mark.parametrize("number", range(len(FLAGS) + 1))
def test_flags_mean_what_typer_reads(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[CheckOptions] = []

    def note(options: CheckOptions, early: object) -> int:
        read.append(options)
        return 0

    monkeypatch.setattr(check, "check", note)
    for flags in combinations(FLAGS, number):
        assert cli.run(["check", *flags], None) == 0
        assert with_flags(list(flags)) == read[-1], flags


def test_every_flag_of_check_is_in_the_table() -> None:
    command = cli.command_tree().commands["check"]
    flags = {name for option in command.params if option.is_flag for name in option.opts}
    assert flags - {"--help"} == FLAGS.keys() | {"--no-redact"}  # which says nothing without --save FILE


@pytest.mark.parametrize("argument", ["--jso", "--json=1", "-vq", "--from", "--timeout", "--", "", "--help", "GD101"])
def test_everything_else_is_left_to_typer(argument: str) -> None:
    assert with_flags(["--json", argument]) is None


@pytest.mark.parametrize("arguments", [["check", "--json"], ["check"]])
def test_typer_is_not_loaded_for_them(arguments: list[str]) -> None:
    code = "import sys, gpgdoctor.__main__ as it; it._leave = lambda code: print('typer' in sys.modules); it.main()"
    script = f"import sys; sys.argv = {['gpgdoctor', *arguments]!r}; {code}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"
