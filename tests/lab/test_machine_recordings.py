"""What was recorded in the machine is judged as its scenario says, without a machine."""

from __future__ import annotations

import pytest

from gpgdoctor.lab.machine.catalogue import SCENARIOS
from gpgdoctor.lab.machine.scenario import MachineScenario
from tests.support import machine_recordings, recordings

WAYS = [
    pytest.param(scenario, sudo, id=machine_recordings.name_of(scenario, sudo=sudo))
    for scenario in SCENARIOS
    for sudo in (False, True)
]


@pytest.mark.parametrize(("scenario", "sudo"), WAYS)
def test_a_recording_is_judged_as_its_scenario_says(
    scenario: MachineScenario, sudo: bool, request: pytest.FixtureRequest
) -> None:
    name = machine_recordings.name_of(scenario, sudo=sudo)
    if name in machine_recordings.NOT_YET:
        request.applymarker(pytest.mark.xfail(strict=True, reason=machine_recordings.NOT_YET[name]))
    judged = recordings.rejudged(recordings.load(name))
    expected = machine_recordings.expected(scenario, sudo=sudo)
    assert machine_recordings.causes(judged) == expected
    assert judged["verdict"] == ("findings" if expected else "incomplete" if scenario.incomplete else "healthy")
    assert set(scenario.info) <= {finding["id"] for finding in judged["findings"]}
