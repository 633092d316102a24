"""The judge of the soak test finds what is wrong, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.soak.judge import Change, Look, complaints, is_strict, worlds

LOG = [Change(0.0, "quiet"), Change(2.0, None), Change(3.0, "shared"), Change(6.0, None), Change(7.0, "quiet")]


def look(begun: float, ended: float, *ids: str, waiting: Any = 0, **more: Any) -> Look:
    findings = [{"id": id, "severity": "error", "consequence_of": None} for id in ids]
    verdict = "findings" if ids else "healthy"
    facts = {"pcscd": {"waiting": waiting}}
    document = {"verdict": verdict, "findings": findings, "seconds": ended - begun, "facts": facts}
    return Look(
        **{"begun": begun, "ended": ended, "timeout_s": 1.0, "code": 1 if ids else 0, "document": document, **more}
    )


@pytest.mark.parametrize(
    ("begun", "ended", "seen"),
    [
        (0.5, 1.5, ["quiet"]),
        (1.5, 2.5, ["quiet", None]),
        (2.5, 3.5, [None, "shared"]),
        (3.5, 4.0, ["shared"]),
        (5.9, 7.1, ["shared", None, "quiet"]),
    ],
)
def test_what_was_true(begun: float, ended: float, seen: list[str | None]) -> None:
    assert worlds(LOG, begun, ended) == seen
    assert is_strict(seen) == (len(seen) == 1)


@pytest.mark.parametrize(
    "right",
    [
        look(0.5, 1.5),
        look(3.5, 4.0, "GD202"),
        look(5.9, 7.1, "GD202"),
        look(5.9, 7.1),
        look(2.5, 3.5, "GD301"),
        look(3.5, 4.0, "GD202", waiting={"unknown": "x"}),
        look(3.5, 4.0, "GD202", waiting=0),
    ],
)
def test_what_is_right(right: Look) -> None:
    assert list(complaints(LOG, [right])) == []


@pytest.mark.parametrize(
    "wrong",
    [
        look(0.5, 1.5, "GD202"),
        look(3.5, 4.0),
        look(3.5, 4.0, "GD203"),
        look(5.9, 7.1, "GD999"),
        look(0.5, 1.5, code=1),
        look(0.1, 1.9),
        look(1.1, 1.5, waiting=2),
        look(1.1, 1.5, waiting=1),
    ],
)
def test_what_is_wrong(wrong: Look) -> None:
    assert list(complaints(LOG, [wrong])) != []
