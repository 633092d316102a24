"""Deadlines, and the variable that stretches them in the lab's emulated machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gpgdoctor.system import deadline
from gpgdoctor.system.deadline import STRETCH, Deadline


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    deadline.stretch.cache_clear()
    yield
    deadline.stretch.cache_clear()


@pytest.mark.parametrize(
    ("said", "factor"),
    [(None, 1), ("6", 6), ("1.5", 1.5), ("0.1", 1), ("-3", 1), ("100", 20), ("inf", 20), ("nan", 1), ("x", 1), ("", 1)],
)
def test_deadlines_are_stretched_one_to_twenty_times(
    said: str | None, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STRETCH, raising=False)
    if said is not None:
        monkeypatch.setenv(STRETCH, said)
    assert Deadline(100).seconds == 100 * factor


def test_a_step_ends_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STRETCH, "2")
    whole = Deadline(10)
    assert whole.sooner(3).seconds == 6
    assert 19 < whole.sooner(100).left() <= 20
    assert Deadline(0).sooner(5).left() == 0
