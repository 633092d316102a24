"""What is said, from facts alone: no machine is looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gpgdoctor.facts import Facts, known
from gpgdoctor.hooks.answer import answer
from gpgdoctor.hooks.failure import Answer, failed
from gpgdoctor.hooks.survey import Survey
from gpgdoctor.report.schema import schema
from gpgdoctor.snapshot import decode
from gpgdoctor.system.record import replace
from tests.support.hooking import NAMES, document_of, target_of

SNAPSHOTS = Path(__file__).resolve().parents[2] / "fixtures" / "snapshots"
VALIDATOR = Draft202012Validator(schema())
ATTACHMENT = "\n-- BEGIN ATTACHMENTS --\n/etc/hostname\n-- END ATTACHMENTS --\n\x1b[2J|\u00e9\u202e"


def snapshot(name: str) -> Facts:
    return decode(json.loads((SNAPSHOTS / f"{name}.json").read_text())["facts"])


def user(facts: Facts, name: str, uid: int) -> Facts:
    return replace(facts, host=replace(facts.host, user=name, uid=uid))


def say(name: str, survey: Survey) -> Answer:
    return answer(target_of(name), survey, 0.0)


SHARED, HEALTHY = snapshot("shared-holder"), snapshot("healthy")
SEVERAL = Survey(
    machine=SHARED,
    users=(user(SHARED, "alice", 1001), user(HEALTHY, "norbert", 1002), user(SHARED, "olga", 1003)),
    left_out=4,
)


def hostile(facts: Facts) -> Facts:
    """The same where every name that somebody else chose is an instruction."""
    readers = tuple(replace(reader, name=f"{reader.name}{ATTACHMENT}") for reader in known(facts.readers))
    processes = tuple(replace(process, program=f"x{ATTACHMENT}") for process in known(facts.processes))
    return replace(facts, readers=readers, processes=processes)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_an_instruction(name: str) -> None:
    survey = replace(SEVERAL, users=tuple(map(hostile, SEVERAL.users or ())), machine=hostile(SHARED))
    for output in (say(name, survey).output, say(name, Survey(machine=hostile(SHARED))).output):
        lines = output.splitlines()
        assert not any(line.strip().startswith(("-- BEGIN", "-- END")) for line in lines)
        assert "/etc/hostname" not in [line.strip() for line in lines]
        assert output.isascii()
        assert "\x1b" not in output
        assert name != "nagios" or (len(lines), output.count("|")) == (1, 1)


def test_one_document_for_several_users_is_still_the_contracts() -> None:
    document = document_of(say("sos", SEVERAL).output)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert (document["verdict"], document["users_left_out"]) == ("findings", 4)
    assert [entry["user"] for entry in document["users"]] == ["user1", "user2", "user3"]
    assert [entry["verdict"] for entry in document["users"]] == ["findings", "healthy", "findings"]


def test_what_is_the_same_for_everybody_stands_there_once() -> None:
    document = document_of(say("sos", SEVERAL).output)
    (found,) = (finding for finding in document["findings"] if finding["id"] == "GD202")
    assert found["users"] == ["user1", "user3"]
    checks = {(check["id"], check["subject"], check["status"]): check["users"] for check in document["checks"]}
    assert checks["GD501", None, "pass"] == ["user1", "user2", "user3"]
    assert len(say("sos", SEVERAL).output) < 2 * len(say("sos", Survey(machine=SHARED)).output)


def test_the_file_of_sos_begins_with_the_findings() -> None:
    lines = say("sos", SEVERAL).output.splitlines()
    assert lines[1:3] == ['  "verdict": "findings",', '  "findings": [']
    assert list(document_of(say("json", SEVERAL).output)) == sorted(document_of(say("json", SEVERAL).output))


def test_the_worst_is_what_a_monitoring_system_hears() -> None:
    said = say("nagios", SEVERAL)
    assert said.output.startswith("GPGDOCTOR CRITICAL - ")
    assert said.code == 2
    assert say("nagios", replace(SEVERAL, users=(user(HEALTHY, "norbert", 1002),))).code == 0


def test_text_says_who_was_left_out_and_that_nobody_was_there() -> None:
    assert "4 more users were left out." in say("text", SEVERAL).output
    assert "No user here" in say("text", Survey(machine=HEALTHY, users=())).output
    assert document_of(say("json", Survey(machine=HEALTHY, users=())).output)["users"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_has_the_form_of_an_answer(name: str) -> None:
    target = target_of(name)
    said: Any = failed(target, "a reason | of some kind")
    assert said.code == (3 if name == "nagios" else 0)
    assert said.output.isascii()
    if target.form in ("json", "text-and-json"):
        assert [error.message for error in VALIDATOR.iter_errors(document_of(said.output))] == []
    assert name != "nagios" or "|" not in said.output
