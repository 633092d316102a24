"""Documents that 0.1.0 wrote are read and judged as they were then, words for reasons and all."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Reason, known
from gpgdoctor.rules import catalogue
from gpgdoctor.snapshot import decode

CORPUS = Path(__file__).resolve().parents[1] / "fixtures" / "documents-0.1.0.json.xz"
DOCUMENTS: dict[str, dict[str, Any]] = json.loads(lzma.decompress(CORPUS.read_bytes()))
# What a later version judges otherwise, and why. A finding that is new since then needs no entry.
CHANGED: dict[str, str] = {
    "GD107": "scdaemon 2.2 obeys the good lines of a template or an encrypted file: a warning, by its own self-test",
    "GD201": "for information where no program that uses cards is connected",
    "GD601": "pcsc-shared costs the PIN cache without disable-ccid, too",
}


def outline(findings: list[tuple[str, str | None, str]]) -> set[tuple[str, str | None, str]]:
    return {finding for finding in findings if finding[0] not in CHANGED}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_findings_are_those_of_then(name: str) -> None:
    document = DOCUMENTS[name]
    judged = {check["id"] for check in document["checks"]}
    now = [(it.id, it.subject, it.found.severity) for it in diagnose(decode(document["facts"])).findings]
    then = [(it["id"], it["subject"], it["severity"]) for it in document["findings"]]
    assert outline([finding for finding in now if finding[0] in judged]) == outline(then)


@pytest.mark.parametrize("id", CHANGED)
def test_what_is_said_to_be_judged_otherwise_is(id: str) -> None:
    def of(findings: list[tuple[str, str | None, str]]) -> set[tuple[str, str | None, str]]:
        return {finding for finding in findings if finding[0] == id}

    assert any(
        of([(it.id, it.subject, it.found.severity) for it in diagnose(decode(document["facts"])).findings])
        != of([(it["id"], it["subject"], it["severity"]) for it in document["findings"]])
        for document in DOCUMENTS.values()
    )


def test_every_rule_of_then_is_found_somewhere_in_the_corpus() -> None:
    found = {finding["id"] for document in DOCUMENTS.values() for finding in document["findings"]}
    judged = {check["id"] for document in DOCUMENTS.values() for check in document["checks"]}
    assert found == judged <= set(catalogue())


def test_the_words_for_a_probe_that_was_not_made_are_recognised() -> None:
    facts = DOCUMENTS["exclusive-holder"]["facts"]
    facts = {**facts, "readers": [{**facts["readers"][0], "probe": "not-made"}]}
    for words, reason in (("--no-probe", Reason.NO_PROBE), ("it was too late", Reason.OTHER)):
        facts["readers"][0]["not_made_because"] = words
        assert known(decode(facts).readers)[0].not_made_reason is reason
