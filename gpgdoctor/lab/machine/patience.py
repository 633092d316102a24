"""How much longer than on an idle computer the machine may take: others use this computer's processors, too."""

from __future__ import annotations

import os

MOST = 4.0  # so that a machine that hangs is told from one that is slow within minutes, however busy it is here
MOST_STRETCH = 20  # GPGDOCTOR_LAB_STRETCH goes no further


def factor() -> float:
    """By how much everything takes longer now than where nobody else works; 1 to MOST."""
    return min(MOST, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def patient(deadline_s: float) -> float:
    """A deadline that was meant for an idle computer, in seconds, for this one as busy as it is."""
    return deadline_s * factor()


def stretch(by: int) -> int:
    """The same for gpgdoctor's own deadlines in the machine, as a whole number of times."""
    return min(MOST_STRETCH, round(by * factor()))
