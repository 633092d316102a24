"""Records what `check` sees in the scenarios of the machine: ``python tests/machine_recordings.py [NAME...]``.

A scenario's snapshot carries its name; NAME.sudo is the same looked at with sudo.
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


def record(lab: MachineLab, *, sudo: bool) -> recordings.Document:
    """What `check` says in a machine."""
    done = lab.gpgdoctor("check", "--json", sudo=sudo)
    document: recordings.Document = json.loads(done.stdout)
    return document


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
            document = record(lab, sudo=sudo)
            recordings.write(scenario.name + (SUDO if sudo else ""), document)
            found = " ".join(causes(document)) or "nothing"
            verdict = document["verdict"]
            print(f"{scenario.name} sudo={sudo}: {verdict}, {found}; expected {' '.join(scenario.expect) or 'nothing'}")
    print(f"{scenario.name}: {time.monotonic() - started:.0f} s", flush=True)


def main(wanted: list[str]) -> None:
    for scenario in SCENARIOS:
        if not wanted or scenario.name in wanted:
            _record(scenario)


if __name__ == "__main__":
    main(sys.argv[1:])
