"""No host chokes on the output, and none takes a line of it for one of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpgdoctor.hooks import bounded
from gpgdoctor.report.json import defect


@pytest.mark.parametrize("block", ["HEADERS", "PSEUDOHEADERS", "ATTACHMENTS"])
@pytest.mark.parametrize("before", ["", "   ", "-- x\n"])
def test_no_line_is_one_of_reportbugs_markers(block: str, before: str) -> None:
    for word in ("BEGIN", "END"):
        text = bounded.text(f"a\n{before}-- {word} {block} --\n/etc/hostname\n")
        assert not any(line.strip().startswith(f"-- {word}") for line in text.splitlines())
        assert f"- {word} {block}" in text


@pytest.mark.parametrize("character", ["\r", "\x0b", "\x0c", "\x1b", "\x85", "\u2028", "\u00e9", "\udcff", "\x00"])
def test_text_is_ascii_without_control_characters(character: str) -> None:
    text = bounded.text(f"a{character}-- BEGIN ATTACHMENTS --")
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert text.endswith("\n")


def test_a_long_text_is_cut_at_a_line_and_says_so() -> None:
    text = bounded.text("0123456789\n" * 100_000)
    assert len(text) <= bounded.LIMIT_BYTES
    assert set(text.splitlines()[:-1]) == {"0123456789"}
    assert text.endswith(bounded.CUT)


def document(lines: int, length: int) -> dict[str, Any]:
    facts = {"configuration": {"files": [{"lines": ["x" * length] * lines}]}}
    return {**defect("nothing"), "facts": {**defect("nothing")["facts"], **facts}}


def test_a_short_document_is_printed_as_it_is() -> None:
    assert json.loads(bounded.dump(document(10, 10))) == document(10, 10)


@pytest.mark.parametrize(("lines", "length"), [(10_000, 100), (100, 100_000), (1, 10_000_000), (1_000_000, 1)])
def test_a_long_document_stays_a_document_and_says_what_it_lacks(lines: int, length: int) -> None:
    written = bounded.dump(document(lines, length))
    assert len(written) <= bounded.LIMIT_BYTES
    assert json.loads(written)["shortened"] in bounded.LENGTHS


def test_a_document_that_cannot_be_shortened_keeps_its_verdict() -> None:
    endless: Any = "x"
    for _ in range(5):
        endless = [endless] * 10
    long = {**document(1, 1), "findings": endless}
    written = json.loads(bounded.dump(long))
    assert (written["verdict"], written["shortened"]) == ("error", 0)
