"""A program with a user's rights says something, and no control character of it gets into a report."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.collect.user_child import decoded, nothing_known
from gpgdoctor.facts import Unknown, words
from gpgdoctor.hooks.untrusted import TEXT_LIMIT, cleaned
from gpgdoctor.snapshot import encode

SILENT: dict[str, Any] = dict(encode(nothing_known("a reason")))


def answer(**gnupg: Any) -> dict[str, Any]:
    return {**SILENT, "gnupg": {**SILENT["gnupg"], **gnupg}}


@pytest.mark.parametrize("text", ["\n-- BEGIN ATTACHMENTS --\n", "\x1b[2J", "\u202e", "\udcff", "\x00"])
def test_control_characters_do_not_pass(text: str) -> None:
    for homedir in (f"/home/{text}", {"unknown": text}):
        found = cleaned(decoded(answer(homedir=homedir))).gnupg.homedir
        shown = words(found) if isinstance(found, Unknown) else found
        assert shown.isprintable()
        assert "\\" in shown


def test_a_long_text_loses_its_end() -> None:
    homedir = cleaned(decoded(answer(homedir="/" + "x" * 10_000))).gnupg.homedir
    assert isinstance(homedir, str)
    assert len(homedir) == TEXT_LIMIT
