"""What a child tells that looks as a user is input as hostile as a stranger's snapshot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpgdoctor.collect.user_child import decoded, nothing_known
from gpgdoctor.facts import Unknown
from gpgdoctor.snapshot import ANSWER_BOUNDS, BadSnapshot, encode

SILENT: dict[str, Any] = dict(encode(nothing_known("a reason")))
FILE = {"path": "/home/alice/.gnupg/scdaemon.conf", "program": "scdaemon", "scope": "user", "status": "regular"}


def answer(**gnupg: Any) -> dict[str, Any]:
    return {**SILENT, "gnupg": {**SILENT["gnupg"], **gnupg}}


def with_file(**fields: Any) -> dict[str, Any]:
    return {**SILENT, "configuration": {**SILENT["configuration"], "files": [{**FILE, **fields}]}}


def test_an_answer_is_what_was_said() -> None:
    facts = decoded(answer(homedir="/home/alice/.gnupg", card_keys=3))
    assert (facts.gnupg.homedir, facts.gnupg.card_keys) == ("/home/alice/.gnupg", 3)
    assert isinstance(facts.configuration.files, Unknown)


def test_what_nobody_asked_for_is_dropped() -> None:
    facts = decoded({**SILENT, "etc": {"shadow": "root:"}, "gnupg": {**SILENT["gnupg"], "also": "this"}})
    assert "this" not in json.dumps(encode(facts))
    assert "root:" not in json.dumps(encode(facts))


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "text",
        {},
        answer(card_keys=[1]),
        answer(card_keys="1"),
        answer(card_keys=float("nan")),
        answer(card_keys=float("inf")),
        answer(card_keys=1 << 64),
        answer(scdaemon_options=["x"] * (ANSWER_BOUNDS.items + 1)),
        answer(scdaemon_options=["x", 1]),
        answer(homedir="/" + "x" * ANSWER_BOUNDS.text),
        with_file(length=30_000_000),
        with_file(length=-1),
        with_file(lines=[{"number": 1 << 40, "text": "x", "kind": "option"}]),
        {**SILENT, "configuration": {"files": [{"path": "/etc/shadow"}]}},
    ],
    ids=lambda said: str(said)[:40],
)
def test_what_is_no_answer_is_refused(said: Any) -> None:
    with pytest.raises(BadSnapshot):
        decoded(said)
