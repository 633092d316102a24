"""Every scenario is what it says: gpg itself works, fails or hangs as announced."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from gpgdoctor.lab.catalogue import BY_NAME, CLASSIC, SCENARIOS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import GpgOutcome, Scenario, as_of

HANGS_S = 2.0


def test_names_are_unique_and_the_classic_is_one_of_them() -> None:
    assert len(BY_NAME) == len(SCENARIOS)
    assert CLASSIC in BY_NAME


def test_a_cure_is_promised_only_where_there_is_an_illness() -> None:
    assert all(scenario.expect or scenario.expect_since_2_3 for scenario in SCENARIOS if scenario.cure)


def outcome(lab: Lab) -> GpgOutcome:
    try:
        status = lab.run(["gpg", "--card-status"], timeout=HANGS_S)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "works" if status.returncode == 0 else "fails"


@pytest.mark.lab
@pytest.mark.parametrize("scenario", [scenario for scenario in SCENARIOS if scenario.gpg], ids=lambda it: it.name)
def test_gpg_does_as_the_scenario_says(scenario: Scenario, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(scenario)
    assert outcome(lab) == as_of(scenario, lab.gnupg_version).gpg
