"""Who waits for the end of another's transaction, by the rhythm of pcscd's threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from gpgdoctor.instruments.watch.look import Certainty
from gpgdoctor.system.record import Record
from gpgdoctor.system.threads import ASKED_AT_ONCE, LONG_WINDOW_S, scheduled, times_scheduled, waits

JUDGE_EVERY_S = 0.2  # longer than who waits may pause
KEPT_LOOKS = 256  # more than the rhythm needs, at any rate up to 100 a second


class Wait(Record):
    connection: int
    certainty: Certainty


class Waiting:
    """Feed it each look; ``process_of`` is the client's process, where it is known beyond doubt."""

    def __init__(
        self, process_of: Callable[[int], int | None], run_count: Callable[[int], int | None] = scheduled
    ) -> None:
        self._process_of, self._run_count = process_of, run_count
        self._looks: deque[tuple[float, Mapping[int, bytes]]] = deque(maxlen=KEPT_LOOKS)
        self._judged: Mapping[int, bytes] = {}  # the samples of the last judgement
        self._quiet: dict[int, int | None] = {}
        self._judged_s = 0.0
        self.now: dict[int, Wait] = {}
        """Who waits, as of the last judgement."""

    def feed(self, at_s: float, samples: Mapping[int, bytes], holders: Collection[int], *, held: bool) -> None:
        """``holders`` are connections that hold a card, ``held``: some card is, shared, so that there is a wait."""
        if not held:
            self._looks.clear()
            self._judged, self._quiet, self.now = {}, {}, {}
            return
        self._looks.append((at_s, samples))
        if at_s - self._judged_s >= JUDGE_EVERY_S:
            self._judged_s = at_s
            self._judge(samples, holders)
            self._judged = samples

    def _judge(self, samples: Mapping[int, bytes], holders: Collection[int]) -> None:
        found = {}
        for connection, text in samples.items():
            moved = self._judged.get(connection) != text  # else it did not run for longer than who waits pauses
            certainty = self._certainty(connection, self._kept(connection) if moved else [], connection in holders)
            if certainty is not None:
                found[connection] = Wait(connection=connection, certainty=certainty)
        self.now = found

    def _kept(self, connection: int) -> list[tuple[float, int]]:
        """How often it had been scheduled at each look since it came, as far back as its rhythm is judged."""
        kept: list[tuple[float, int]] = []
        for at_s, samples in reversed(self._looks):
            if connection not in samples or (kept and kept[0][0] - kept[-1][0] >= LONG_WINDOW_S):
                break
            kept.append((at_s, times_scheduled(samples[connection])))
        return kept[::-1]

    def _certainty(self, connection: int, kept: Sequence[tuple[float, int]], holds: bool) -> Certainty | None:
        """None: it does not wait. Certain where only pcscd runs, and the client does not: it is inside SCardConnect."""
        inside = waits(kept)
        if not inside and not (holds and waits(kept, ASKED_AT_ONCE)):
            self._quiet.pop(connection, None)
            return None
        process = self._process_of(connection)
        count = self._run_count(process) if process is not None else None
        quiet = count is not None and self._quiet.get(connection) == count
        first = connection not in self._quiet
        self._quiet[connection] = count
        if first and count is not None:
            return None  # the next look at the client's process tells more
        return "certain" if quiet and not holds else "likely"
