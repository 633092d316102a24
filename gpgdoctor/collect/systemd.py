"""The state of a systemd unit. Asked only where it matters: systemctl costs a process."""

from __future__ import annotations

import os

from gpgdoctor.facts import Maybe, Unknown
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline

RUNS = "/run/systemd/system"  # sd_booted(3)
WAIT_S = 0.5
SHOWN = ("LoadState", "ActiveState")
STATES = {"active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"}


class UnitQuestion:
    """The state of one unit, asked early and read late; not asked where systemd does not run."""

    def __init__(self, unit: str) -> None:
        self._command: Command | None = None
        if os.path.isdir(RUNS):
            self._command = Command(["systemctl", "show", f"--property={','.join(SHOWN)}", unit])

    def answer(self, deadline: Deadline) -> Maybe[str | None]:
        """Its ActiveState; None where there is no such unit."""
        if self._command is None:
            return None
        try:
            output = self._command.result(deadline.sooner(WAIT_S))
        except CommandFailed as error:
            return Unknown.because(str(error))
        shown = dict(line.partition("=")[::2] for line in output.stdout.splitlines())
        if shown.get("LoadState") == "not-found":
            return None
        state = shown.get("ActiveState", "")
        return state if state in STATES else Unknown.because("systemctl does not tell the state of pcscd.service")

    def close(self) -> None:
        if self._command is not None:
            self._command.kill()
