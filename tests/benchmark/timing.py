"""Commands timed in turn, each in the lab it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from gpgdoctor.lab.handles import ask
from gpgdoctor.lab.lab import Lab

STOPWATCH = str(Path(__file__).with_name("stopwatch.py"))
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command, on a machine, and how it must end for its time to mean anything."""

    title: str
    argv: Sequence[str]
    machine: str = "quiet"
    environment: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[int, ...] = (0,)


@dataclass(slots=True, kw_only=True)
class Timings:
    title: str
    seconds: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    failed: str = ""  # why there are none

    @property
    def median_s(self) -> float:
        return median(self.seconds)

    @property
    def longest_s(self) -> float:
        return max(self.seconds)


class Clock:
    """A stopwatch that runs inside a lab."""

    def __init__(self, lab: Lab) -> None:
        self._process = lab.popen([lab.python, "-I", "-S", STOPWATCH])

    def time(self, entry: Entry, timings: Timings) -> None:
        order = json.dumps({"argv": list(entry.argv), "environment": dict(entry.environment)})
        took = json.loads(ask(self._process, order, PATIENCE_S))
        if took["code"] not in entry.codes:
            timings.failed = f"ended with {took['code']:.0f}"
            return
        timings.seconds.append(took["seconds"])
        timings.processor_s.append(took["processor_s"])
        timings.peak_mb = max(timings.peak_mb, took["peak_mb"])


def in_turn(machines: Mapping[str, Lab], entries: Sequence[Entry], rounds: int) -> dict[str, Timings]:
    """Each entry once a round; a round before the first, for the file cache, is not counted."""
    clocks = {name: Clock(lab) for name, lab in machines.items()}
    results = {entry.title: Timings(title=entry.title) for entry in entries}
    for number in range(rounds + 1):
        for entry in entries:
            result = results[entry.title]
            if not result.failed:
                clocks[entry.machine].time(entry, result if number else Timings(title=""))
    return results
