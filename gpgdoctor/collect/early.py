"""The children that every look needs, started before anything slow is imported."""

from __future__ import annotations

import os
import time

from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.on_behalf import BorrowedLook, caller
from gpgdoctor.collect.probe_child import ProbeChild

GRACE_S = 1.0


class Early:
    """The process that will talk to pcscd when it is told to, and whoever asks gpgconf."""

    def __init__(self, homedir: str | None = None, timeout_s: float = 5.0) -> None:
        self.started = time.monotonic()
        self.probe = ProbeChild(timeout_s + GRACE_S)
        user = caller(os.environ, homedir)
        self.uid = os.geteuid() if user is None else user.pw_uid
        self.borrowed = None if user is None else BorrowedLook(user)
        self.gpgconf = GpgconfQuestions(homedir, ask=user is None)

    def close(self) -> None:
        """End whatever still runs."""
        self.probe.close()
        self.gpgconf.close()
        if self.borrowed is not None:
            self.borrowed.close()
