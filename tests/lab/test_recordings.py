"""The snapshots in fixtures/ are what real daemons still show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import recordings
from conftest import cannot_run

from gpgdoctor.lab.catalogue import SCENARIOS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario


@pytest.mark.lab
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.name)
def test_a_scenario_still_looks_as_recorded(scenario: Scenario, open_lab: Callable[..., Lab]) -> None:
    recorded = recordings.load(scenario.name)
    lab = open_lab(scenario)
    version = recorded["facts"]["gnupg"].get("scdaemon_version")
    if isinstance(version, str) and not version.startswith(".".join(map(str, lab.gnupg_version))):
        cannot_run(f"the snapshots were recorded with GnuPG {version}")
    assert recordings.stable(recordings.record(lab)) == recordings.stable(recorded)
