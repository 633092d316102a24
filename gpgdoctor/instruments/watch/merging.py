"""Merges repeated events: a program that takes the card every second would hide everything else."""

from __future__ import annotations

from collections.abc import Iterator

from gpgdoctor.instruments.watch.lines import Words, duration, names, sureness
from gpgdoctor.instruments.watch.look import Certainty, least
from gpgdoctor.instruments.watch.timeline import Event, program_of

SHOWN_TIMES = 2  # the first ones are shown as they come
FIRST_NOTE = 8  # and of what is merged, a note at the 8th time, the 16th, the 32nd …
SHORTEST_PAUSE_S = 3.0
LONGEST_HOLD_S = 1.0
USUAL = 3  # as many times longer than usual, and the series is over

Key = tuple[str | None, str | None, str]


class _Series:
    """One program that takes one card again and again, in the same way."""

    def __init__(self) -> None:
        self.times = self.merged = 0
        self.first_s = self.last_s = self.held_s = 0.0
        self.certainty: Certainty = "certain"
        self.open: Event | None = None
        self.last: Event | None = None

    def take(self, event: Event) -> None:
        self.first_s = self.first_s if self.times else event.t_s
        self.times, self.last_s, self.open, self.last = self.times + 1, event.t_s, event, event
        self.certainty = least(self.certainty, sureness(event.by))

    def release(self, event: Event) -> None:
        if self.open is not None:
            self.held_s += event.t_s - self.open.t_s
        self.open = None

    @property
    def every_s(self) -> float:
        return (self.last_s - self.first_s) / max(1, self.times - 1)

    @property
    def hold_s(self) -> float:
        return self.held_s / max(1, self.times - (self.open is not None))

    @property
    def is_merging(self) -> bool:
        return self.times > SHOWN_TIMES


class Merger:
    """Feed it events in order, and the time often; both answer the lines that are due."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._series: dict[Key, _Series] = {}

    def feed(self, event: Event) -> Iterator[str]:
        if event.kind not in ("take", "release") or event.change == "found" or event.reader is None:
            yield self._words.line(event)
            return
        key = (event.reader, event.share, program_of(event.by))
        series = self._series.get(key)
        if event.kind == "take":
            series = self._series.setdefault(key, _Series())
            series.take(event)
        elif series is not None:
            series.release(event)
        if series is None or not series.is_merging:
            yield self._words.line(event)
        elif event.kind == "release":
            series.merged += 1
            if series.merged >= FIRST_NOTE and series.merged & (series.merged - 1) == 0:
                yield self._note(series, event, f"{series.merged} more times so far")

    def pass_time(self, at_s: float) -> Iterator[str]:
        """End the series that have not gone on, and those whose hold is no longer a short one."""
        for key, series in list(self._series.items()):
            if series.open is None:
                if at_s - series.last_s > max(SHORTEST_PAUSE_S, USUAL * series.every_s):
                    yield from self._end(key)
            elif series.is_merging and at_s - series.open.t_s > max(LONGEST_HOLD_S, USUAL * series.hold_s):
                took = series.open
                yield from self._end(key)
                yield self._words.line(took)

    def finish(self) -> Iterator[str]:
        """Whatever is still merged."""
        for key in list(self._series):
            yield from self._end(key)

    def _end(self, key: Key) -> Iterator[str]:
        series = self._series.pop(key)
        if series.merged and series.last is not None:
            yield self._note(series, series.last, f"{series.merged} more times")

    def _note(self, series: _Series, event: Event, count: str) -> str:
        rhythm = f"every {duration(series.every_s)} for {duration(series.hold_s)}"
        return self._words.saying(event, f"{names(event.by)} {rhythm}, {count} ({series.certainty})")
