"""The schema is that of what `check --json` prints, of every part of it, and of nothing else."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gpgdoctor.commands.schema import schema as print_schema
from gpgdoctor.report.json import defect, dump
from gpgdoctor.report.schema import schema
from gpgdoctor.rules import catalogue
from tests.support.documents import DOCUMENTS, again

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)
REDACTED = ", redacted"
DEFECT = "defect"
every_document = pytest.mark.parametrize("name", [*DOCUMENTS, *(f"{name}{REDACTED}" for name in DOCUMENTS), DEFECT])


@cache
def document_of(name: str) -> dict[str, Any]:
    """Made when a test wants it: every process that runs tests imports this file."""
    if name == DEFECT:
        return defect("a defect of gpgdoctor (KeyError); details in /tmp/gpgdoctor-x.log")
    bare = name.removesuffix(REDACTED)
    return DOCUMENTS[bare] if bare == name else again(DOCUMENTS[bare])


def strict(part: Any) -> Any:
    """The same schema, and nothing is allowed that it does not name."""
    if isinstance(part, list):
        return [strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {key: strict(value) for key, value in part.items()}
    return {"additionalProperties": False, **part} if part.get("type") == "object" else part


STRICT = Draft202012Validator(strict(SCHEMA))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@every_document
def test_every_document_fits(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(dump(document_of(name))))] == []


@every_document
def test_every_part_of_it_is_named(name: str) -> None:
    assert [error.message for error in STRICT.iter_errors(json.loads(dump(document_of(name))))] == []


def broken(name: str, *place: Any, value: Any) -> list[str]:
    document = copy.deepcopy(document_of(name))
    part = document
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    return [error.message for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), "2.0"),
        (("verdict",), "fine"),
        (("findings", 0, "id"), "GD999"),
        (("findings", 0, "fix", "steps", 0, "kind"), "pray"),
        (("checks", 0, "status"), "maybe"),
        (("facts", "host", "uid"), "1000"),
        (("facts", "host", "uid"), None),
        (("facts", "host", "user"), {"unknown": None}),
        (("facts", "configuration", "files", 0, "lines"), {}),
        (("facts", "readers", 0, "name"), {"unknown": "a reader has a name, or is none"}),
        (("redacted",), {"user": 0}),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else "",
)
def test_what_is_wrong_does_not_fit(place: tuple[Any, ...], value: Any) -> None:
    assert broken("shared", *place, value=value)


@pytest.mark.parametrize("fact", ["gnupg", "configuration", "processes", "pcscd", "readers", "usb", "host"])
def test_any_part_of_the_facts_may_be_unknown(fact: str) -> None:
    assert broken("shared", "facts", fact, value={"unknown": "nobody looked"}) == []


def test_ids_are_those_of_the_catalogue() -> None:
    finding = SCHEMA["properties"]["findings"]["items"]["properties"]
    assert finding["id"]["enum"] == [*catalogue()]
    assert finding["consequence_of"]["enum"] == [*catalogue(), None]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_schema() == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == SCHEMA and printed.out.isascii() and printed.err == ""
