"""The children that every look needs, started before anything slow is imported."""

from __future__ import annotations

import os

from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.on_behalf import BorrowedLook, caller
from gpgdoctor.collect.probe_child import ProbeChild


class Early:
    """The process that will talk to pcscd when it is told to, and whoever asks gpgconf."""

    def __init__(self, homedir: str | None = None) -> None:
        self.probe = ProbeChild()
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
