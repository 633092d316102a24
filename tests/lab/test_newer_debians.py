"""The lab on Debian 13 and on unstable: what later versions of GnuPG, pcscd and Python do otherwise."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue import SCENARIOS
from gpgdoctor.lab.catalogue.common import DISABLE_CCID, SHARED_OPTIONS, scdaemon_conf
from gpgdoctor.lab.demo import Run
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Scenario

pytestmark = pytest.mark.lab

OpenNewer = Callable[..., Lab]


@pytest.fixture
def open_newer(open_lab: Callable[..., Lab], newer_root: Path) -> OpenNewer:
    def enter(*files: File, **parts: object) -> Lab:
        made = Scenario(name="test", about="made for a test", files=files, **parts)  # type: ignore[arg-type]
        return open_lab(made, root=newer_root)

    return enter


def card_status(lab: Lab) -> subprocess.CompletedProcess[str]:
    return lab.run(["gpg", "--card-status"])


def test_it_is_another_debian(open_newer: OpenNewer) -> None:
    lab = open_newer()
    assert lab.gnupg_version[:2] >= (2, 4)
    assert re.search(r"pcsc-lite version 2\.[3-9]", lab.run(["pcscd", "--version"]).stdout)
    assert not lab.read("/etc/debian_version").startswith("12")
    assert lab.python == "/usr/bin/python3"


def test_without_disable_ccid_scdaemon_does_not_turn_to_pcscd(open_newer: OpenNewer) -> None:
    lab = open_newer()
    before = lab.card_log()
    status = card_status(lab)
    assert status.returncode == 2
    assert "selecting card failed: No such device" in status.stderr
    assert lab.card_log() == before


def test_with_disable_ccid_it_reads_the_card(open_newer: OpenNewer) -> None:
    status = card_status(open_newer(DISABLE_CCID))
    assert status.returncode == 0, status.stderr
    assert "Serial number ....: 00000001" in status.stdout


def test_with_disable_ccid_alone_a_holder_keeps_it_out(open_newer: OpenNewer) -> None:
    holder = (Client(kind="shared"),)
    assert card_status(open_newer(DISABLE_CCID, clients=holder)).returncode == 2
    assert card_status(open_newer(SHARED_OPTIONS, clients=holder)).returncode == 0


@pytest.mark.parametrize("line", ["pcsc-sharde", "pcsc-shared  # with the browser", "reader-port"])
def test_one_bad_line_stops_scdaemon(line: str, open_newer: OpenNewer) -> None:
    status = card_status(open_newer(scdaemon_conf("disable-ccid", line)))
    assert status.returncode == 2
    assert "No SmartCard daemon" in status.stderr


def test_polkit_without_a_system_bus_refuses_everybody(open_newer: OpenNewer) -> None:
    lab = open_newer(DISABLE_CCID, polkit=True)
    assert lab.reader_states() == {}
    status = card_status(lab)
    assert status.returncode == 2
    assert "Service is not running" in status.stderr
    document = lab.gpgdoctor("check", "--format", "text").stdout
    assert "GD401" in document


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.name)
def test_a_scenario_shows_what_these_versions_call_for(
    scenario: Scenario, open_lab: Callable[..., Lab], newer_root: Path
) -> None:
    out = io.StringIO()
    run = Run(open_lab(scenario, root=newer_root), out)
    run.whole()
    assert run.complaints == [], out.getvalue()
