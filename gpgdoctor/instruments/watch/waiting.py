"""Who waits for the end of another's transaction, by the rhythm of pcscd's threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping

from gpgdoctor.instruments.watch.look import Certainty
from gpgdoctor.system.record import Record
from gpgdoctor.system.threads import ASKED_AT_ONCE, scheduled, times_scheduled, waits

JUDGE_EVERY_S = 0.2
KEPT_SAMPLES = 256  # more than the rhythm needs, at any rate up to 100 a second


class Wait(Record):
    connection: int
    since_s: float
    certainty: Certainty


class Waiting:
    """Feed it each look; ``process_of`` is the client's process, where it is known beyond doubt."""

    def __init__(
        self, process_of: Callable[[int], int | None], run_count: Callable[[int], int | None] = scheduled
    ) -> None:
        self._process_of, self._run_count = process_of, run_count
        self._samples: dict[int, deque[tuple[float, int]]] = {}
        self._texts: Mapping[int, bytes] = {}  # the last samples as they came
        self._quiet: dict[int, int | None] = {}
        self._judged_s = 0.0
        self.now: dict[int, Wait] = {}
        """Who waits, as of the last judgement."""

    def feed(self, at_s: float, samples: Mapping[int, bytes], holders: Collection[int], *, held: bool) -> None:
        """``holders`` are connections that hold a card, ``held``: some card is, shared, so that there is a wait."""
        if not held:
            self._samples, self._quiet, self.now = {}, {}, {}
            return
        for gone in self._samples.keys() - samples.keys():
            del self._samples[gone]
        for connection, text in samples.items():
            kept = self._samples.setdefault(connection, deque(maxlen=KEPT_SAMPLES))
            same = kept and self._texts.get(connection) == text
            kept.append((at_s, kept[-1][1] if same else times_scheduled(text)))
        self._texts = samples
        if at_s - self._judged_s >= JUDGE_EVERY_S:
            self._judged_s = at_s
            self._judge(holders)

    def _judge(self, holders: Collection[int]) -> None:
        found = {}
        for connection, kept in self._samples.items():
            certainty = self._certainty(connection, tuple(kept), connection in holders)
            if certainty is not None:
                before = self.now.get(connection)
                since_s = before.since_s if before else kept[0][0]
                found[connection] = Wait(connection=connection, since_s=since_s, certainty=certainty)
        self.now = found

    def _certainty(self, connection: int, kept: tuple[tuple[float, int], ...], holds: bool) -> Certainty | None:
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
