"""Answers in GnuPG's protocol."""

from __future__ import annotations

import pytest

from gpgdoctor.system.assuan import Answer, answer_in


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["OK"], Answer(0)),
        (["OK Pleased to meet you"], Answer(0, "Pleased to meet you")),
        (["S SERIALNO D276 0", "D 47", "D 11", "OK"], Answer(0, "", ("47", "11"), ("SERIALNO D276 0",))),
        (["D a%0Ab%25", "OK"], Answer(0, "", ("a\nb%",))),
        (["ERR 100696144 No such device <SCD>"], Answer(32848, "No such device")),
        (["# a comment", "INQUIRE X", "OK"], Answer(0)),
        (["OKAY"], None),
        (["ERR x"], None),
        ([], None),
    ],
)
def test_an_answer(lines: list[str], answer: Answer | None) -> None:
    assert answer_in(lines) == answer
    assert answer is None or answer.ok is (answer.code == 0)
