"""The snapshots in fixtures/ are what real daemons still show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue import SCENARIOS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario
from tests.support import recordings
from tests.support.labs import cannot_run

pytestmark = pytest.mark.lab
ON_DEBIAN_13 = [name for name in recordings.names() if name.endswith(recordings.DEBIAN_13)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.name)
def test_a_scenario_still_looks_as_recorded(scenario: Scenario, open_lab: Callable[..., Lab]) -> None:
    _still_looks_as_recorded(scenario.name, open_lab(scenario))


@pytest.mark.parametrize("name", ON_DEBIAN_13)
def test_a_scenario_still_looks_otherwise_on_debian_13(
    name: str, open_lab: Callable[..., Lab], trixie_root: Path
) -> None:
    _still_looks_as_recorded(name, open_lab(recordings.scenario_of(name), root=trixie_root))


def _still_looks_as_recorded(name: str, lab: Lab) -> None:
    recorded = recordings.load(name)
    version = recorded["facts"]["gnupg"].get("scdaemon_version")
    if isinstance(version, str) and not version.startswith(".".join(map(str, lab.gnupg_version[:2]))):
        cannot_run(f"the snapshots were recorded with GnuPG {version}")
    seen = recordings.record(lab)
    system = recorded["facts"]["host"]["distribution"]
    if not isinstance(version, str) and seen["facts"]["host"]["distribution"] != system:
        cannot_run(f"the snapshots without a version of GnuPG were recorded on {system}")
    assert recordings.stable(seen) == recordings.stable(recorded)
