"""How long a look may still take."""

from __future__ import annotations

import time


class Deadline:
    """A moment, in monotonic time, after which nobody waits any longer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds that remain, never negative; ``at_most`` where a single step gets less."""
        remaining = max(0.0, self._end - time.monotonic())
        return remaining if at_most is None else min(remaining, at_most)

    def sooner(self, seconds: float) -> Deadline:
        """A deadline of its own for a step: in that many seconds, or with this one."""
        return Deadline(self.left(seconds))
