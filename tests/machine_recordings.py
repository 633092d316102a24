"""Records what `check` sees in the scenarios of the machine: ``python tests/machine_recordings.py [NAME...]``.

A scenario's snapshot carries its name; NAME.sudo is the same looked at with sudo. Without a machine
``python tests/recordings.py --rejudge`` judges them anew, with all others.
"""

from __future__ import annotations

import json
import sys
import time

import recordings

from gpgdoctor.lab.machine.catalogue import SCENARIOS
from gpgdoctor.lab.machine.scenario import MachineScenario
from gpgdoctor.lab.machine.stage import MachineLab

SUDO = ".sudo"
# Recordings that the rules do not judge yet as their scenario says, each with what is missing. An entry goes as soon as
# its recording is judged rightly: the test then says so.
UNSEEN_CLAIM = "who has a reader by a driver of its own is not asked"
AS_ROOT = "pcscd and the device node are asked as root, not as the user"
CARD_ALONE = "polkit is not asked about the card"
NOT_YET: dict[str, str] = {
    **dict.fromkeys(("usb-second-scdaemon", "usb-second-scdaemon.sudo"), UNSEEN_CLAIM),
    **dict.fromkeys(("usb-roots-scdaemon", "usb-roots-scdaemon.sudo"), UNSEEN_CLAIM),
    **dict.fromkeys(("usb-polkit-refuses-ssh.sudo", "usb-polkit-refuses-inactive.sudo"), AS_ROOT),
    "usb-node-closed.sudo": AS_ROOT,
    **dict.fromkeys(("usb-polkit-refuses-card", "usb-polkit-refuses-card.sudo"), CARD_ALONE),
    **dict.fromkeys(("usb-not-authorised", "usb-not-authorised.sudo"), "whether a device is authorised is no fact"),
    "usb-pcscd-own-user": "pcscd that runs as another user is taken for asleep",
    "usb-reader-unknown.sudo": "recorded before it was looked at as the user",
    **dict.fromkeys(
        ("usb-pcscd-cannot-start", "usb-pcscd-cannot-start.sudo"), "whether pcscd's service failed is no fact"
    ),
    **dict.fromkeys(("usb-no-drivers", "usb-no-drivers.sudo"), "whether pcscd has drivers is no fact"),
}


def name_of(scenario: MachineScenario, *, sudo: bool) -> str:
    return scenario.name + (SUDO if sudo else "")


def record(lab: MachineLab, *, sudo: bool) -> recordings.Document:
    """What `check` says in a machine."""
    done = lab.gpgdoctor("check", "--json", sudo=sudo)
    return recordings.trimmed(json.loads(done.stdout))


def causes(document: recordings.Document) -> tuple[str, ...]:
    """The findings at warning or above that are not the consequence of another one."""
    return tuple(
        finding["id"]
        for finding in document["findings"]
        if finding["severity"] in ("error", "warning") and finding["consequence_of"] is None
    )


def _record(scenario: MachineScenario) -> None:
    started = time.monotonic()
    with MachineLab(scenario) as lab:
        for sudo in (False, True):
            seen = record(lab, sudo=sudo)
            recordings.write(name_of(scenario, sudo=sudo), seen)
            found, expected = (" ".join(ids) or "nothing" for ids in (causes(seen), scenario.expect))
            print(f"{name_of(scenario, sudo=sudo)}: {seen['verdict']}, {found}; expected {expected}")
    print(f"{scenario.name}: {time.monotonic() - started:.0f} s", flush=True)


def main(wanted: list[str]) -> None:
    for scenario in SCENARIOS:
        if not wanted or scenario.name in wanted:
            _record(scenario)


if __name__ == "__main__":
    main(sys.argv[1:])
