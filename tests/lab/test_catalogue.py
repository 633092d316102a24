"""The scenarios, as they are listed. What happens in each of them, test_check.py shows."""

from __future__ import annotations

from gpgdoctor.lab.catalogue import BY_NAME, CLASSIC, SCENARIOS


def test_names_are_unique_and_the_classic_is_one_of_them() -> None:
    assert len(BY_NAME) == len(SCENARIOS)
    assert CLASSIC in BY_NAME


def test_a_cure_is_promised_only_where_there_is_an_illness() -> None:
    assert all(scenario.expect or scenario.expect_since_2_3 for scenario in SCENARIOS if scenario.cure)
