"""Records what `check` sees in the scenarios of the machine: ``python -m tests.support.machine_recordings [NAME...]``.

A scenario's snapshot carries its name; NAME.sudo is the same looked at with sudo. Without a machine
``python -m tests.support.recordings --rejudge`` judges them anew, with all others.
"""

from __future__ import annotations

import json
import sys
import time

from gpgdoctor.lab.machine.catalogue import BY_NAME
from gpgdoctor.lab.machine.machine_lab import MachineLab
from gpgdoctor.lab.machine.scenario import MachineScenario
from tests.support import recordings

SUDO = ".sudo"
# Recordings that the rules do not judge yet as their scenario says, each with what is missing. An entry goes as soon as
# its recording is judged rightly: the test then says so.
NOT_YET: dict[str, str] = {}


def name_of(scenario: MachineScenario, *, sudo: bool) -> str:
    return scenario.name + (SUDO if sudo else "")


def record(lab: MachineLab, *, sudo: bool) -> recordings.Document:
    """What `check` says in a machine."""
    done = lab.gpgdoctor("check", "--json", sudo=sudo)
    return recordings.trimmed(json.loads(done.stdout))


def expected(scenario: MachineScenario, *, sudo: bool) -> tuple[str, ...]:
    """What the scenario says is found, by the user or with sudo."""
    as_user = scenario.expect_as_user
    return scenario.expect if sudo or as_user is None else as_user


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
            found, right = (" ".join(ids) or "nothing" for ids in (causes(seen), expected(scenario, sudo=sudo)))
            print(f"{name_of(scenario, sudo=sudo)}: {seen['verdict']}, {found}; expected {right}", flush=True)
    print(f"{scenario.name}: {time.monotonic() - started:.0f} s", flush=True)


def main(wanted: list[str]) -> None:
    for name in wanted or BY_NAME:
        _record(BY_NAME[name])


if __name__ == "__main__":
    main(sys.argv[1:])
