"""The scenarios that can be played, by name. Adding one means adding it to its family's file."""

from __future__ import annotations

from gpgdoctor.lab.catalogue import configuration, contention, hardware, services

SCENARIOS = contention.SCENARIOS + configuration.SCENARIOS + services.SCENARIOS + hardware.SCENARIOS
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
CLASSIC = "shared-holder"
