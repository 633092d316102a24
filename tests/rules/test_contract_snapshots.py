"""What must hold for every machine that was ever recorded: rules, pages, cures and ids hang together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.plan.plan import plan
from gpgdoctor.report.text import Style, render
from gpgdoctor.rules import catalogue, holding
from gpgdoctor.rules.rule import RANK
from gpgdoctor.snapshot import BadSnapshot, decode
from tests.support import commandline, cured, handmade, recordings
from tests.support.recordings import facts_of

NAMES = list(recordings.names())
UNKNOWN = {"unknown": "left out by a test"}
# What sharing costs, and that a scdaemon that has the card keeps it, which is for information.
ANNOUNCED = {"GD601", "GD602"}
KEEPS_IT = {"GD201", "GD208"}
# Facts that only raise certainty: without them a machine may be judged better than it is, by contract.
REFINES = (("pcscd", "log"), ("pcscd", "card_access"))


@pytest.mark.parametrize("id", catalogue())
def test_every_id_has_a_broken_and_an_ok_snapshot(id: str) -> None:
    assert id in {finding.id for finding in diagnose(facts_of(f"{id}.broken")).findings}
    checks = [check for check in diagnose(facts_of(f"{id}.ok")).checks if check.rule.id == id]
    assert "pass" in {check.status for check in checks}
    assert "fail" not in {check.status for check in checks}


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_is_judged_as_it_was_when_it_was_made(name: str) -> None:
    document = recordings.load(name)
    assert recordings.rejudged(document) == document, "see recordings.py --rejudge"


@pytest.mark.parametrize("name", NAMES)
def test_no_finding_is_worse_than_its_rule_may_be(name: str) -> None:
    for finding in diagnose(facts_of(name)).findings:
        assert RANK[finding.found.severity] <= RANK[finding.rule.worst], finding.id


@pytest.mark.parametrize("name", NAMES)
def test_its_text_keeps_to_eighty_columns_and_ends_with_the_verdict(name: str) -> None:
    lines = render(diagnose(facts_of(name)), Style()).splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == []
    ends = (".", "after.", "gpgdoctor fix GD201")
    assert lines[-1].endswith(ends) or "Next: gpgdoctor " in lines[-1] or "Next: sudo " in lines[-1]


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


@contextmanager
def _without(facts: Any, place: tuple[Any, ...]) -> Iterator[None]:
    """In place: a copy of them all costs more than their judgement."""
    parent = facts
    for key in place[:-1]:
        parent = parent[key]
    kept, parent[place[-1]] = parent[place[-1]], UNKNOWN
    try:
        yield
    finally:
        parent[place[-1]] = kept


def _becomes_healthy(facts: dict[str, Any]) -> list[str]:
    wrong = []
    for place in list(_places(facts)):
        if place[0] == "processes" and place[-1] in ("executable", "replaced"):
            continue  # its own user is not shown them, so that a look is as complete without
        if (place[:2] == ("pcscd", "connections") and place[-1] == "pid") or place[:2] in REFINES:
            continue  # it only names who is connected, and so refines a culprit and a severity
        try:
            with _without(facts, place):
                diagnosis = diagnose(decode(facts))
        except BadSnapshot:
            continue
        if diagnosis.verdict == "healthy":
            wrong.append(".".join(map(str, place)))
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_fact_less_makes_no_machine_healthy(name: str) -> None:
    document = recordings.load(name)
    if document["verdict"] == "healthy":
        pytest.skip("it is healthy with all its facts")
    assert _becomes_healthy(document["facts"]) == []


def test_what_was_made_by_hand_says_so_and_is_up_to_date() -> None:
    for name, (why, facts) in handmade.SNAPSHOTS.items():
        made = json.loads(json.dumps(handmade.handmade(why, facts)))
        assert recordings.load(name) == made
    made_by_hand = {name for name in NAMES if "made_by_hand" in recordings.load(name)}
    assert made_by_hand == set(handmade.SNAPSHOTS)


@pytest.mark.parametrize("name", NAMES)
def test_after_a_fix_nothing_new_is_planned(name: str) -> None:
    before = diagnose(facts_of(name))
    planned = plan(before)
    after = diagnose(cured.after(before.facts, planned))
    again = plan(after)
    assert (again.edits, again.restart) == ((), None)
    assert {it.id for it in after.findings} <= {it.id for it in before.findings} | ANNOUNCED
    left = {(it.id, it.subject): RANK[it.found.severity] for it in after.findings}
    for finding in planned.planned:
        assert left.get((finding.id, finding.subject), -1) < RANK[finding.found.severity]


@pytest.mark.parametrize("name", NAMES)
def test_after_a_fix_and_the_use_of_gpg_nothing_new_is_planned(name: str) -> None:
    before = diagnose(facts_of(name))
    in_use = diagnose(cured.using_gpg(cured.after(before.facts, plan(before))))
    if not plan(before).changes_something and _is_kept_out(in_use.facts):
        # A healthy machine until gpg took the card, which a program that is connected wants as well.
        assert {it.id for it in plan(in_use).planned} <= KEEPS_IT
        in_use = diagnose(cured.using_gpg(cured.after(in_use.facts, plan(in_use))))
    again = plan(in_use)
    assert (again.edits, again.restart) == ((), None), {it.id for it in again.planned}
    new = [it for it in in_use.findings if it.id not in {it.id for it in before.findings} | ANNOUNCED]
    assert {it.id for it in new} <= KEEPS_IT and {it.found.severity for it in new} <= {"info"}


def _is_kept_out(facts: Facts) -> bool:
    return any(map(holding.uses_cards, holding.others(facts)))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_that_is_advised_exists_and_parses(name: str) -> None:
    for finding in recordings.load(name)["findings"]:
        for step in (finding["fix"] or {"steps": []})["steps"]:
            for argv in [step["argv"]] if step["kind"] == "restart" else step.get("commands", []):
                commandline.check(argv)
