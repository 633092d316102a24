"""How often `watch` names the right program: random clients in a lab that write down what was true.

As a program: `python -m tests.support.accuracy [--seconds S] [--rate HZ] [--mix NAME] [--seed N] [--user UID]`
prints a line for each mix of clients. Needs what the lab needs: `gpgdoctor demo` says so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.handles import read_line
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario

HERE = Path(__file__).resolve().parent
SCENARIO = Scenario(name="random-clients", about="made for a measurement", files=(ON_PCSC,))
MIXES = {
    "two-fresh": ("fresh", "fresh"),
    "two-open": ("open", "open"),
    "five-mixed": ("fresh", "open", "busy", "alone", "curious"),
}
EVENTS = "/tmp/events"  # in the lab
LATE_S = 0.15  # beyond one look
GRACE_S = 30.0


@dataclass(slots=True)
class Score:
    """What became of the takes that really happened, and of the events that tell of one."""

    takes: int = 0
    right: int = 0
    among: int = 0
    wrong: int = 0
    unseen: int = 0
    invented: int = 0
    certain: int = 0
    certain_wrong: int = 0
    cpu_s_an_hour: float = 0.0
    child_cpu_s: float = 0.0
    errors: list[str] = field(default_factory=list)

    def share(self, number: int) -> float:
        return number / max(1, self.takes)

    def __add__(self, other: Score) -> Score:
        both = Score(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))
        both.cpu_s_an_hour = max(self.cpu_s_an_hour, other.cpu_s_an_hour)
        return both

    def __str__(self) -> str:
        parts = [f"{self.takes} takes"]
        for name in ("right", "among", "wrong", "unseen"):
            parts.append(f"{name} {100 * self.share(getattr(self, name)):.1f} %")
        parts.append(f"certain {self.certain}, wrongly {self.certain_wrong}; invented {self.invented}")
        parts.append(f"{self.cpu_s_an_hour:.1f} s of CPU an hour, child {self.child_cpu_s:.2f} s in all")
        return ", ".join(parts)


def measure(
    mix: Sequence[str], *, seconds: float, rate_hz: float, seed: int = 1, user: int = 0, late: bool = False
) -> Score:
    """Run the clients and the watch beside them; ``late``: the watch begins when the clients are there."""
    with Lab(SCENARIO) as lab:
        watch = None if late else _watch(lab, rate_hz, seconds, user)
        clients = [_client(lab, kind, number, seed, seconds, user) for number, kind in enumerate(mix)]
        watch = watch or _watch(lab, rate_hz, seconds, user)
        for process, _ in clients:
            process.wait(seconds + GRACE_S)
        watch.wait(seconds + GRACE_S)
        lines = [json.loads(line) for line in lab.read(EVENTS).splitlines()]
        if not lines or "cpu_s" not in lines[-1]:
            raise RuntimeError(f"the watch ended early: {watch.stderr.read()}")
        truth = [json.loads(line) for _, path in clients for line in lab.read(path).splitlines()]
    score = judge(truth, lines[:-1], 1 / rate_hz)
    score.cpu_s_an_hour = lines[-1]["cpu_s"] / lines[-1]["seconds"] * 3600
    score.child_cpu_s = lines[-1]["child_cpu_s"]
    return score


def _watch(lab: Lab, rate_hz: float, seconds: float, user: int) -> Any:
    argv = [lab.python, str(HERE / "observe.py"), str(rate_hz), str(seconds + 4), EVENTS]
    return lab.popen(argv, user=user)


def _client(lab: Lab, kind: str, number: int, seed: int, seconds: float, user: int) -> Any:
    path = f"/tmp/truth-{number}"
    argv = [
        lab.python,
        str(HERE / "random_client.py"),
        kind,
        lab.readers[0],
        str(seed * 100 + number),
        str(seconds),
        path,
    ]
    process = lab.popen(argv, user=user)
    read_line(process)
    return process, path


def judge(truth: Iterable[dict[str, Any]], events: Iterable[dict[str, Any]], period_s: float) -> Score:
    """Every real take with the event nearest to it that names its program, else with one that names another."""
    score = Score()
    left = sorted(
        (event for event in events if event["event"] == "take" and event.get("change") != "found"),
        key=lambda event: event["t"],
    )
    score.certain = sum(_is_certain(event) for event in left)
    unnamed = []
    for take in sorted(truth, key=lambda take: take["take"][1]):
        score.takes += 1
        near = [event for event in left if _is_near(event, take, period_s)]
        best = next((e for e in near if _pids(e) == {take["pid"]}), None)
        best = best or next((e for e in near if take["pid"] in _pids(e)), None)
        if best is None:
            unnamed.append(take)
            continue
        left.remove(best)
        if len(best["by"]) == 1:
            score.right += 1
        else:
            score.among += 1
    for take in unnamed:
        near = [event for event in left if _is_near(event, take, period_s) and event["share"] == take["share"]]
        if near:
            left.remove(near[0])
            named = bool(_pids(near[0]))
            score.wrong += named
            score.unseen += not named
            score.certain_wrong += _is_certain(near[0])
            score.errors.append(f"{take} was told as {near[0]}")
        else:
            score.unseen += 1
    score.invented = len(left)
    score.certain_wrong += sum(_is_certain(event) for event in left)
    score.errors += [f"nobody took the card: {event}" for event in left]
    return score


def _is_near(event: dict[str, Any], take: dict[str, Any], period_s: float) -> bool:
    return bool(take["take"][0] - 0.01 <= event["t"] <= take["take"][1] + period_s + LATE_S)


def _pids(event: dict[str, Any]) -> set[int]:
    return {who["pid"] for who in event["by"] if who["pid"] is not None}


def _is_certain(event: dict[str, Any]) -> bool:
    return bool(event["by"]) and all(who["certainty"] == "certain" for who in event["by"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--mix", choices=MIXES, action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--user", type=int, default=0, help="who watches, and whose the clients are; only for root")
    parser.add_argument("--late", action="store_true", help="begin when the clients are connected already")
    parser.add_argument("-v", action="store_true", dest="verbose")
    options = parser.parse_args()
    for name in options.mix or MIXES:
        score = measure(
            MIXES[name],
            seconds=options.seconds,
            rate_hz=options.rate,
            seed=options.seed,
            user=options.user,
            late=options.late,
        )
        print(f"{name}, {options.rate:g} Hz: {score}", flush=True)
        for error in score.errors if options.verbose else ():
            print(f"  {error}")


if __name__ == "__main__":
    main()
