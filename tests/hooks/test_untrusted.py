"""A program with a user's rights says something, and root must not be led astray by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpgdoctor.collect.on_behalf import nothing
from gpgdoctor.facts import Unknown, words
from gpgdoctor.hooks.untrusted import ANSWER_BYTES, LIST_LIMIT, TEXT_LIMIT, NotPlausible, user_facts
from gpgdoctor.snapshot import encode

SILENT: dict[str, Any] = dict(encode(nothing("a reason")))


def answer(**gnupg: Any) -> str:
    return json.dumps({**SILENT, "gnupg": {**SILENT["gnupg"], **gnupg}})


def test_an_answer_is_what_was_said() -> None:
    facts = user_facts(answer(homedir="/home/alice/.gnupg", card_keys=3))
    assert (facts.gnupg.homedir, facts.gnupg.card_keys) == ("/home/alice/.gnupg", 3)
    assert facts.configuration.files == Unknown.because("a reason")


@pytest.mark.parametrize("text", ["\n-- BEGIN ATTACHMENTS --\n", "\x1b[2J", "\u202e", "\udcff", "\x00"])
def test_control_characters_do_not_pass(text: str) -> None:
    for facts in (user_facts(answer(homedir=f"/home/{text}")), user_facts(answer(homedir={"unknown": text}))):
        homedir = facts.gnupg.homedir
        shown = words(homedir) if isinstance(homedir, Unknown) else homedir
        assert shown.isprintable()
        assert "\\" in shown


def test_a_long_text_loses_its_end() -> None:
    homedir = user_facts(answer(homedir="/" + "x" * 10_000)).gnupg.homedir
    assert isinstance(homedir, str)
    assert len(homedir) == TEXT_LIMIT


def test_what_nobody_asked_for_is_dropped() -> None:
    facts = user_facts(json.dumps({**SILENT, "etc": {"shadow": "root:"}, "gnupg": {**SILENT["gnupg"], "also": "this"}}))
    assert "this" not in json.dumps(encode(facts))
    assert "root:" not in json.dumps(encode(facts))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '"text"',
        "[" * 100_000,
        '{"a":' * 20_000,
        " " * (ANSWER_BYTES + 1),
        answer(card_keys=[1]),
        answer(card_keys="1"),
        answer(card_keys=float("nan")),
        answer(card_keys=1 << 64),
        '{"gnupg": {"card_keys": 1e999}}',
        '{"gnupg": {"card_keys": ' + "9" * 5000 + "}}",
        answer(scdaemon_options=["x"] * (LIST_LIMIT + 1)),
        answer(scdaemon_options=["x", 1]),
        json.dumps({**SILENT, "configuration": {"files": [{"path": "/etc/shadow"}]}}),
        json.dumps({"gnupg": SILENT["gnupg"]}),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(NotPlausible):
        user_facts(text)
