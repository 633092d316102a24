"""How long a look may still take."""

from __future__ import annotations

import os
import time
from functools import cache

# Only for the lab's emulated machine, where everything takes ten times as long.
STRETCH = "GPGDOCTOR_LAB_STRETCH"
MOST_STRETCH = 20.0


@cache
def stretch() -> float:
    """The factor by which deadlines are stretched: 1 to 20; 1 where it is not set or invalid."""
    try:
        said = float(os.environ.get(STRETCH, "1"))
    except ValueError:
        return 1.0
    return min(said, MOST_STRETCH) if said > 1 else 1.0


def stretched(seconds: float) -> float:
    """A time limit as it is in force here, in seconds."""
    return seconds * stretch()


class Deadline:
    """A moment in monotonic time at which waiting ends. Its seconds are stretched in the lab."""

    def __init__(self, seconds: float) -> None:
        self.seconds = stretched(seconds)
        self._end = time.monotonic() + self.seconds

    def left(self, at_most: float | None = None) -> float:
        """The real seconds that remain, never negative, and not more than ``at_most``."""
        remaining = max(0.0, self._end - time.monotonic())
        return remaining if at_most is None else min(remaining, at_most)

    def sooner(self, seconds: float) -> Deadline:
        """A deadline for one step: in that many seconds, but not later than this one."""
        step = Deadline(seconds)
        if step._end > self._end:
            step.seconds, step._end = self.left(), self._end
        return step
