"""The children that every look needs, started before anything slow is imported."""

from __future__ import annotations

import os
import time

from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.collect.user_child import UserChild
from gpgdoctor.system.caller import UnknownCaller, run_as

GRACE_S = 1.0


class Early:
    """The process that will talk to pcscd, and the one that asks gpgconf, as the user that the look is about."""

    def __init__(self, homedir: str | None = None, timeout_s: float = 5.0, *, passive: bool = False) -> None:
        """``passive``: look at the machine even where the user is not known; otherwise that raises UnknownCaller."""
        self.started = time.monotonic()
        self.user_child: UserChild | None = None  # looks at the user's part, where that user is not us
        self.uid = os.geteuid()
        user = None
        try:
            user = run_as(os.environ, homedir)
        except UnknownCaller as unknown:
            if not passive:
                raise
            self.user_child = UserChild(None, str(unknown))
        if user is not None:
            self.uid, self.user_child = user.user.pw_uid, UserChild(user)
        self.probe = ProbeChild(timeout_s + GRACE_S, user)
        self.gpgconf = GpgconfQuestions(homedir, ask=self.user_child is None)

    def close(self) -> None:
        """End whatever still runs."""
        self.probe.close()
        self.gpgconf.close()
        if self.user_child is not None:
            self.user_child.close()
