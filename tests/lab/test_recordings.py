"""The snapshots in fixtures/ are what real daemons still show: Debian 13's. test_check.py has Debian 12's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.lab import Lab
from tests.support import recordings
from tests.support.labs import assert_looks_as_recorded

pytestmark = pytest.mark.lab
ON_DEBIAN_13 = [name for name in recordings.names() if name.endswith(recordings.DEBIAN_13)]


@pytest.mark.parametrize("name", ON_DEBIAN_13)
def test_a_scenario_still_looks_otherwise_on_debian_13(
    name: str, open_lab: Callable[..., Lab], trixie_root: Path
) -> None:
    lab = open_lab(recordings.scenario_of(name), root=trixie_root)
    assert_looks_as_recorded(name, lab, recordings.record(lab))
