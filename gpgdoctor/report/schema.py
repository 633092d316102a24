"""The JSON Schema of `check --json`, derived from the records, the rules and the severities."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from typing import Any

from gpgdoctor.diagnosis import Status, Verdict
from gpgdoctor.facts import Facts, Unknown, Word
from gpgdoctor.report.json import SCHEMA_VERSION
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import Applicability, Certainty, Severity
from gpgdoctor.system.record import Record

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
LEDGER: Schema = {
    "description": "How many things of each kind were replaced; only where the document was redacted.",
    "type": "object",
    "additionalProperties": {"type": "integer", "minimum": 1},
}
UNKNOWN: Schema = {
    "description": "What could not be had, and why.",
    "type": "object",
    "properties": {"unknown": TEXT, "reason": TEXT},
    "required": ["unknown"],
    "additionalProperties": False,
}


def schema() -> Schema:
    """Additions are minor versions, so what is not named here is allowed."""
    definitions: Schema = {"Unknown": UNKNOWN}
    return {
        "$schema": DIALECT,
        "$id": f"urn:gpgdoctor:check:{SCHEMA_VERSION}",
        "title": "What gpgdoctor check --json prints",
        **_object(
            {"redacted": LEDGER},
            schema_version={"type": "string", "pattern": rf"^{SCHEMA_VERSION.partition('.')[0]}\.\d+$"},
            gpgdoctor=TEXT,
            verdict=_one_of(Verdict),
            complete=FLAG,
            seconds={"type": "number", "minimum": 0},
            findings=_list(_finding()),
            checks=_list(_check()),
            facts=_facts(definitions),
        ),
        "$defs": definitions,
    }


def _object(optional: Schema | None = None, /, **properties: Schema) -> Schema:
    return {"type": "object", "properties": {**properties, **(optional or {})}, "required": [*properties]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _one_of(literal: Any) -> Schema:
    return {"enum": list(typing.get_args(literal))}


def _ids() -> Schema:
    return {"enum": list(catalogue())}


def _names() -> Schema:
    return {"enum": [rule.name for rule in catalogue().values()]}


def _check() -> Schema:
    return _object(id=_ids(), name=_names(), subject=TEXT_OR_NULL, status=_one_of(Status), reason=TEXT_OR_NULL)


def _finding() -> Schema:
    return _object(
        id=_ids(),
        name=_names(),
        severity=_one_of(Severity),
        title=TEXT,
        summary=TEXT,
        ignored=FLAG,
        subject=TEXT_OR_NULL,
        because=_list(_object(fact=TEXT, value={"description": "The fact's value, as it is in facts."})),
        culprits=_list(_culprit()),
        consequence_of={"enum": [*catalogue(), None]},
        fix={"anyOf": [_fix(), {"type": "null"}]},
    )


def _culprit() -> Schema:
    pid = {"type": ["integer", "null"], "minimum": 1}
    return _object(pid=pid, program=TEXT, user=TEXT_OR_NULL, certainty=_one_of(Certainty))


def _fix() -> Schema:
    return _object(
        applicability=_one_of(Applicability),
        costs=_list(TEXT),
        steps=_list(
            {
                "oneOf": [
                    _object(kind={"const": "edit"}, path=TEXT, diff=TEXT),
                    _object(kind={"const": "restart"}, target=_target(), argv=_list(TEXT)),
                    _object(kind={"const": "advise"}, text=TEXT, commands=_list(_list(TEXT))),
                ]
            }
        ),
    )


def _target() -> Schema:
    from gpgdoctor.plan.steps import Target

    return _one_of(Target)


# -- facts -------------------------------------------------------------------------------------------------------


def _facts(definitions: Schema) -> Schema:
    """Where gpgdoctor itself failed, nothing is known of anything."""
    hints = typing.get_type_hints(Facts)
    return _object(**{name: _type(hint | Unknown, definitions) for name, hint in hints.items()})


def _record(kind: type[Record], definitions: Schema) -> Schema:
    """A record as the encoder writes it: what is known to be absent is left out."""
    if kind.__name__ not in definitions:
        hints = typing.get_type_hints(kind)
        definitions[kind.__name__] = {
            "type": "object",
            "properties": {name: _type(hint, definitions) for name, hint in hints.items()},
            "required": [name for name in hints if not _may_be_left_out(kind, name, hints[name])],
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _may_be_left_out(kind: type[Record], name: str, hint: Any) -> bool:
    return type(None) in typing.get_args(hint) or name in kind.__record_defaults__


def _type(hint: Any, definitions: Schema) -> Schema:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = _different(_type(kind, definitions) for kind in arguments if kind not in (Unknown, type(None)))
        kinds += [{"$ref": "#/$defs/Unknown"}] if Unknown in arguments else []
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if origin is tuple:
        return _list(_type(arguments[0], definitions))
    if isinstance(hint, type) and issubclass(hint, Record):
        return _record(hint, definitions)
    if isinstance(hint, type) and issubclass(hint, Word):
        return TEXT  # a later version may have more of them
    return {"type": SCALARS[hint]}


def _different(kinds: Iterable[Schema]) -> list[Schema]:
    found: list[Schema] = []
    for kind in kinds:
        found += [] if kind in found else [kind]
    return found
