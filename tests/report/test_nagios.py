"""One line, and the exit codes of monitoring plugins."""

from __future__ import annotations

import re

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.report.nagios import CRITICAL, OK, UNKNOWN, WARNING, code, render
from tests.support.build import client, machine
from tests.support.documents import MACHINES
from tests.support.odd_machines import EVERY

LINE = re.compile(r"GPGDOCTOR (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+) \| errors=\d+ warnings=\d+")


@pytest.mark.parametrize(
    ("name", "expected"), [("healthy", OK), ("shared", WARNING), ("holds", CRITICAL), ("blind", UNKNOWN), ("empty", OK)]
)
def test_code(name: str, expected: int) -> None:
    diagnosis = diagnose(MACHINES[name])
    assert code(diagnosis) == expected
    assert render(diagnosis).startswith(f"GPGDOCTOR {('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[expected]} - ")


@pytest.mark.parametrize("name", EVERY)
def test_one_line_with_the_counts_behind_the_only_pipe(name: str) -> None:
    line = render(diagnose(EVERY[name]))
    assert LINE.fullmatch(line), line
    assert line.isprintable()


def test_the_counts_are_those_of_the_findings() -> None:
    assert render(diagnose(MACHINES["mistakes"])).endswith("| errors=1 warnings=1")
    assert render(diagnose(MACHINES["mistakes"], ignore=("GD102",))).endswith("| errors=0 warnings=1")


def test_what_is_ignored_does_not_count() -> None:
    diagnosis = diagnose(MACHINES["holds"], ignore=("GD201",))
    assert (code(diagnosis), render(diagnosis)) == (OK, "GPGDOCTOR OK - no cause found | errors=0 warnings=0")


def test_fail_on_decides() -> None:
    assert code(diagnose(MACHINES["shared"], fail_on="error")) == OK
    assert code(diagnose(MACHINES["empty"], fail_on="info")) == WARNING


def test_a_pipe_in_a_name_begins_no_performance_data() -> None:
    facts = machine(readers=MACHINES["shared"].readers, clients=(client("a|b|errors=0"),))
    assert render(diagnose(facts)).count("|") == 1


def test_unknown_says_what_is_missing() -> None:
    assert re.match(r"GPGDOCTOR UNKNOWN - GD\d{3} not checked: [\w/ ]+", render(diagnose(MACHINES["blind"])))
