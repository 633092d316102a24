"""The report of ten times as many documents takes ten times as much, and does not keep them."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path
from types import FrameType

import pytest

from tests.support import crowds
from tests.support.reporting import report

# Of one document: its host's name, and that name in a dozen groups. The documents have 14 KB and more.
KEPT_BYTES = 4000


def calls(folder: Path) -> int:
    """How many functions, of ours and of the library's, are called for a report."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        report(folder)
    finally:
        sys.setprofile(None)
    return count


def peak_bytes(folder: Path) -> int:
    tracemalloc.start()
    try:
        report(folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("facts_only", [False, True], ids=["judged", "facts alone"])
def test_work_grows_as_the_documents_do(facts_only: bool, tmp_path: Path) -> None:
    several = len(crowds.recorded())
    for times in (1, 2, 4):
        crowds.write(tmp_path / str(times), times * several, facts_only=facts_only)
    report(tmp_path / "1")  # what is made once, such as the rules
    one, two, four = (calls(tmp_path / str(times)) for times in (1, 2, 4))
    assert (four - two) / (two - one) < 2.2


def test_documents_are_not_kept(tmp_path: Path) -> None:
    several = len(crowds.recorded())
    for times in (1, 4):
        crowds.write(tmp_path / str(times), times * several)
    report(tmp_path / "1")
    grown = peak_bytes(tmp_path / "4") - peak_bytes(tmp_path / "1")
    assert grown < 3 * several * KEPT_BYTES
