"""Random clients in the lab: how often the watch names the right one. accuracy.py measures it at length."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import accuracy
from tests.support.labs import needing_a_lab

SECONDS = 15.0


@pytest.mark.lab
@pytest.mark.parametrize("mix", accuracy.MIXES)
@pytest.mark.parametrize("late", [False, True])
def test_the_right_program_is_named(mix: str, late: bool) -> None:
    """Generous, for a busy machine: what is measured at length is much better."""
    with needing_a_lab():
        score = accuracy.measure(accuracy.MIXES[mix], seconds=SECONDS, rate_hz=20.0, seed=3, late=late)
    assert score.takes >= 8, score
    assert score.right >= 0.4 * score.takes, f"{score}\n{score.errors}"
    assert score.wrong + score.invented <= 0.1 * score.takes + 1, f"{score}\n{score.errors}"
    assert score.certain_wrong == 0, score.errors


@pytest.mark.lab
def test_nothing_is_certain_at_a_slow_rate() -> None:
    with needing_a_lab():
        score = accuracy.measure(accuracy.MIXES["two-open"], seconds=SECONDS, rate_hz=4.0, seed=4)
    assert score.takes >= 8
    assert score.certain == 0


# -- the judge --------------------------------------------------------------------------------------------------------


def take(pid: int, at_s: float) -> dict[str, Any]:
    return {"pid": pid, "share": "shared", "take": [at_s, at_s + 0.001], "release": [at_s + 1, at_s + 1]}


def told(at_s: float, *pids: int, certainty: str = "likely") -> dict[str, Any]:
    by = [{"pid": pid, "program": "p", "certainty": certainty} for pid in pids]
    return {"event": "take", "t": at_s, "share": "shared", "by": by}


def counts(truth: list[dict[str, Any]], events: list[dict[str, Any]]) -> tuple[int, ...]:
    score = accuracy.judge(truth, events, 0.05)
    return score.right, score.among, score.wrong, score.unseen, score.invented, score.certain_wrong


def test_what_is_right() -> None:
    assert counts([take(1, 10.0), take(2, 10.01)], [told(10.05, 2), told(10.05, 1)]) == (2, 0, 0, 0, 0, 0)


def test_what_is_among_several() -> None:
    assert counts([take(1, 10.0)], [told(10.05, 1, 2)]) == (0, 1, 0, 0, 0, 0)


def test_what_is_wrong() -> None:
    assert counts([take(1, 10.0)], [told(10.05, 2)]) == (0, 0, 1, 0, 0, 0)
    assert counts([take(1, 10.0)], [told(10.05, 2, certainty="certain")]) == (0, 0, 1, 0, 0, 1)


def test_what_is_not_seen_or_never_was() -> None:
    assert counts([take(1, 10.0)], []) == (0, 0, 0, 1, 0, 0)
    assert counts([], [told(10.0, 1, certainty="certain")]) == (0, 0, 0, 0, 1, 1)
    assert counts([take(1, 10.0)], [told(12.0, 1)]) == (0, 0, 0, 1, 1, 0)
