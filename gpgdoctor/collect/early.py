"""The children that every look needs, started before anything slow is imported."""

from __future__ import annotations

import os
import time

from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.on_behalf import BorrowedLook, NobodysLook, caller
from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.crash import UnknownCaller
from gpgdoctor.system.deadline import stretched

GRACE_S = 1.0


class Early:
    """The process that will talk to pcscd when it is told to, and whoever asks gpgconf."""

    def __init__(self, homedir: str | None = None, timeout_s: float = 5.0, *, whoever: bool = False) -> None:
        """``whoever``: look at the machine also where it is not known for whom; else that raises UnknownCaller."""
        self.started = time.monotonic()
        self.borrowed: BorrowedLook | NobodysLook | None = None
        self.uid = os.geteuid()
        try:
            user = caller(os.environ, homedir)
        except UnknownCaller as unknown:
            if not whoever:
                raise
            self.borrowed = NobodysLook(str(unknown))
        else:
            if user is not None:
                self.uid, self.borrowed = user.pw_uid, BorrowedLook(user)
        self.probe = ProbeChild(stretched(timeout_s + GRACE_S))
        self.gpgconf = GpgconfQuestions(homedir, ask=self.borrowed is None)

    def close(self) -> None:
        """End whatever still runs."""
        self.probe.close()
        self.gpgconf.close()
        if self.borrowed is not None:
            self.borrowed.close()
