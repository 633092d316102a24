"""Real USB, systemd and polkit: the scenarios that need a whole machine, played in one.

Eight a day, others every day; ``--full`` plays them all.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest

from gpgdoctor.lab import demo
from gpgdoctor.lab.machine import build, root
from gpgdoctor.lab.machine.catalogue import BY_NAME, SCENARIOS
from gpgdoctor.lab.machine.machine import Machine
from gpgdoctor.lab.machine.machine_lab import MachineLab
from gpgdoctor.lab.machine.scenario import MachineScenario, Who
from gpgdoctor.lab.plan import LabUnavailable
from gpgdoctor.lab.scenario import GpgOutcome
from tests.support import machine_recordings, recordings
from tests.support.demo_shell import Shell
from tests.support.labs import cannot_run, needing_a_lab

pytestmark = [pytest.mark.lab, pytest.mark.machine]
A_DAY = 8
DAY_S = 86400
CLOCK_S = 60.0  # from the host's date to the machine's, and back
SHELL_DEADLINE_S = 300.0
GPG_DEADLINE_S = 300.0  # pcscd goes to sleep after a minute
GPG_POLL_S = 2.0
UNPLUGGED_AFTER_S = 3.0  # a check takes 4 s or longer in the machine


def chosen(*, full: bool) -> list[MachineScenario]:
    """All, or eight that change from day to day."""
    first = int(time.time()) // DAY_S * A_DAY
    return list(SCENARIOS) if full else [SCENARIOS[(first + number) % len(SCENARIOS)] for number in range(A_DAY)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" in metafunc.fixturenames:
        scenarios = chosen(full=metafunc.config.getoption("--full"))
        metafunc.parametrize("scenario", scenarios, ids=[scenario.name for scenario in scenarios])


@pytest.fixture(scope="module")
def built() -> Iterator[build.Built]:
    try:
        yield build.build(lambda what: print(what, file=sys.stderr))
    except LabUnavailable as unavailable:
        cannot_run(str(unavailable))


@pytest.mark.usefixtures("built")
def test_a_scenario_is_as_recorded_and_its_cure_cures_and_can_be_undone(scenario: MachineScenario) -> None:
    with needing_a_lab(), MachineLab(scenario, note=print) as lab:  # what pytest shows of a test that fails
        for sudo in (False, True):
            seen = machine_recordings.record(lab, sudo=sudo)
            recorded = recordings.load(machine_recordings.name_of(scenario, sudo=sudo))
            assert recordings.outcome(seen) == recordings.outcome(recorded), f"sudo: {sudo}"
            assert seen["verdict"] == recorded["verdict"], f"sudo: {sudo}"
        assert _gpg(lab) == scenario.gpg
        if scenario.cure:
            number = _fix(lab)
            assert _gpg(lab) == "works"
            _assert_peace(lab)
            if number is not None:  # a restart alone leaves nothing to be put back
                undone = lab.gpgdoctor("undo")
                assert undone.returncode == 0, undone.stdout + undone.stderr
                if scenario.gpg == "works":  # without pcscd, which the cure woke, and which would sleep by itself later
                    lab.machine.must("root", "systemctl stop pcscd.service || true")
                _await_gpg(lab, scenario.gpg)
        if scenario.mended or scenario.by_hand:
            _follow_advice(lab)


def _fix(lab: MachineLab) -> int | None:
    """Cure what is to be cured, and return the journal's number."""
    done = lab.gpgdoctor("fix", "--yes", "--json", *lab.scenario.cure_ids)
    assert done.returncode == 0, done.stdout + done.stderr
    number: int | None = json.loads(done.stdout)["undo"]
    return number


def _assert_peace(lab: MachineLab) -> None:
    """After a cure, and after gpg has used the card, nothing is found that another fix would change."""
    seen = machine_recordings.record(lab, sudo=False)
    assert machine_recordings.causes(seen) == ()
    again = lab.gpgdoctor("fix", "--yes", "--json")
    assert (again.returncode, json.loads(again.stdout)["applied"]) == (0, False), again.stdout


def _follow_advice(lab: MachineLab) -> None:
    """As a person would, who has no `fix` for it: gpg works then."""
    scenario = lab.scenario
    document = json.loads(lab.gpgdoctor("check", "--json").stdout)
    steps = [step for finding in document["findings"] if finding["fix"] for step in finding["fix"]["steps"]]
    advised = [shlex.join(argv) for step in steps if step["kind"] == "advise" for argv in step["commands"]]
    assert set(scenario.by_hand) <= set(advised)
    for command in scenario.mended:
        lab.machine.must("root", command)
    for command in scenario.by_hand:
        lab.machine.must(scenario.who, command)
    _await_gpg(lab, "works")


def _await_gpg(lab: MachineLab, outcome: GpgOutcome | None) -> None:
    """A daemon may take a first refusal, and a pcscd that was woken has the token until it sleeps again."""
    deadline = time.monotonic() + GPG_DEADLINE_S
    while (seen := _gpg(lab)) != outcome and time.monotonic() < deadline:
        time.sleep(GPG_POLL_S)
    assert seen == outcome


def _gpg(lab: MachineLab) -> str:
    return "works" if lab.run(["gpg", "--card-status"]).returncode == 0 else "fails"


@pytest.mark.usefixtures("built")
def test_what_scdaemon_had_first_is_handed_over_once_pcscd_has_looked_again() -> None:
    with needing_a_lab(), MachineLab(BY_NAME["usb-scdaemon-first"], note=print) as lab:
        refused = lab.gpgdoctor("fix", "--yes")
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert "systemctl restart pcscd.service" in " ".join((refused.stdout + refused.stderr).split())
        assert not lab.run(["cat", ".gnupg/scdaemon.conf"]).stdout
        lab.machine.must("root", "systemctl restart pcscd.service")
        _fix(lab)
        assert _gpg(lab) == "works"
        _assert_peace(lab)


@pytest.mark.usefixtures("built")
def test_a_token_that_is_unplugged_during_a_check_is_no_defect() -> None:
    with needing_a_lab(), MachineLab(BY_NAME["usb-shared-holder"], note=print) as lab:
        unplugging = threading.Timer(UNPLUGGED_AFTER_S, lab.machine.devices[0].unplug)
        unplugging.start()
        done = lab.gpgdoctor("check", "--json")
        unplugging.join()
        document = json.loads(done.stdout)
        assert document["verdict"] in ("healthy", "findings", "incomplete"), done.stderr
        lab.machine.settle()
        assert machine_recordings.causes(machine_recordings.record(lab, sudo=False)) == ("GD501",)


@pytest.mark.usefixtures("built")
def test_every_restore_is_the_same_machine_at_the_present_time() -> None:
    for _ in range(2):
        with needing_a_lab(), Machine() as machine:
            assert abs(float(machine.must("root", "date +%s")) - time.time()) < CLOCK_S
            machine.must("seat", "test ! -e /tmp/been-here && touch /tmp/been-here")
            device = machine.plug("token")
            assert "1050:0407" in machine.must("root", "cat /sys/bus/usb/devices/1-1/uevent; lsusb 2>&1; :")
            assert "Serial number" in machine.must("seat", "gpg --card-status")
            assert any("power-on" in line for line in device.log())


@pytest.mark.usefixtures("built")
def test_devices_come_and_go_and_so_do_cards() -> None:
    with needing_a_lab(), Machine() as machine:
        reader, token = machine.plug("reader", "absent"), machine.plug("token")
        listed = machine.must("root", "lsusb 2>/dev/null; :")
        assert "08e6:3437" in listed and "1050:0407" in listed
        token.unplug()
        machine.settle()
        assert "1050:0407" not in machine.must("root", "lsusb 2>/dev/null; :")
        assert machine.run("seat", "gpg --card-status").returncode == 2
        reader.insert()
        machine.must("seat", "until gpg --card-status; do sleep 1; done")
        reader.remove()
        machine.must("seat", "while gpg --card-status; do sleep 1; done")


SESSION = "loginctl show-session $XDG_SESSION_ID -p Remote -p Active -p Seat --value | xargs"
IN_A_SESSION = r"0::/user\.slice/user-{uid}\.slice/session-\d+\.scope"


@pytest.mark.usefixtures("built")
def test_everybody_is_who_they_say_and_where() -> None:
    of_alice, of_bob = (IN_A_SESSION.format(uid=uid) for uid in (root.ALICE, root.BOB))
    with needing_a_lab(), Machine() as machine:
        for who, name, place, session in (
            ("root", "root", r"0::/system\.slice/lab-root\.service", None),
            ("seat", "alice", of_alice, "seat0 no yes"),
            ("ssh", "alice", of_alice, "yes yes"),
            ("bob", "bob", of_bob, "yes yes"),
            ("sudo", "root", of_alice, None),
            ("service", "alice", r"0::/system\.slice/run-.+\.service", None),
        ):
            said = machine.must(cast(Who, who), ["sh", "-c", "id -un; cat /proc/self/cgroup"]).splitlines()
            assert said[0] == name and re.fullmatch(place, said[1]), said
            if session is not None:
                assert machine.must(cast(Who, who), SESSION).strip() == session


@pytest.mark.usefixtures("built")
def test_the_demos_shell_is_the_seats_and_has_a_terminal() -> None:
    with Shell("usb-own-driver", SHELL_DEADLINE_S) as shell:
        shell.expect("machine:")
        shell.type("tty; gpg --card-status; loginctl show-session $XDG_SESSION_ID -p Seat -p Active; echo en'd'\n")
        shell.expect(r"/dev/hvc0.*Serial number.*Seat=seat0\s+Active=yes\s+end")
        shell.type("sleep 1000\n")
        time.sleep(2)
        shell.type("\x03")
        shell.type("echo in'terrupted'\n")
        shell.expect("interrupted")
        shell.type("exit\n")
        assert shell.code() == demo.EXIT_SHOWN


def test_the_day_decides_which_scenarios_are_played() -> None:
    assert len({scenario.name for scenario in chosen(full=False)}) == A_DAY
    assert chosen(full=True) == list(BY_NAME.values())
