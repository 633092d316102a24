"""Facts to JSON and back: from other versions, with facts that are missing, and with anything in their place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Reason, Unknown
from gpgdoctor.redact.redact import redact
from gpgdoctor.report.json import document, dump
from gpgdoctor.report.style import Style
from gpgdoctor.report.text import render
from gpgdoctor.snapshot import BadSnapshot, decode, encode
from tests.support.build import SHARING, client, machine
from tests.support.documents import DOCUMENTS, MACHINES, reported
from tests.support.known_secrets import planted


def without(*place: str) -> dict[str, Any]:
    """The facts of a healthy machine, less one."""
    facts: dict[str, Any] = json.loads(json.dumps(encode(MACHINES["healthy"])))
    part = facts
    for name in place[:-1]:
        part = part[name]
    del part[place[-1]]
    return facts


def test_what_a_later_minor_version_has_is_passed_over() -> None:
    later = json.loads(dump(DOCUMENTS["shared"]))
    later["facts"]["host"]["shoe_size"] = 42
    later["facts"]["readers"][0]["colour"] = {"unknown": "nobody looked"}
    later["facts"]["weather"] = []
    assert decode(later["facts"]) == MACHINES["shared"]


def test_what_an_earlier_minor_version_lacks_is_unknown() -> None:
    assert decode(without("usb")).usb == Unknown(Reason.NOT_IN_SNAPSHOT)
    assert decode(without("pcscd", "unit")).pcscd.unit is None
    with pytest.raises(BadSnapshot, match=r"facts\.host is missing"):
        decode(without("host"))


def places_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place[-1:] == ("unknown",):
        return
    if place:
        yield place
    if isinstance(value, (dict, list)) and "unknown" not in value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places_in(item, (*place, key))


def with_value(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = with_value(value[place[0]], place[1:], new)
    return copy


RICH = [encode(planted()), encode(machine(version="2.4.7", conf=SHARING, clients=(client("ykman"),)))]


@pytest.mark.parametrize("number", range(len(RICH)))
def test_any_fact_may_be_unknown(number: int) -> None:
    for place in places_in(RICH[number]):
        facts = decode(with_value(RICH[number], place, {"unknown": "nobody looked"}))
        diagnosis = diagnose(facts)
        render(diagnosis, Style(verbose=True))
        dump(document(redact(diagnosis)[0], 0))
        reported(facts)


@pytest.mark.parametrize(
    "value", [None, 7, True, "x", [], {}, {"unknown": 7}, {"unknown": "x", "y": 1}, [[]], "\udcff"]
)
def test_any_fact_may_be_anything(value: Any) -> None:
    for place in places_in(RICH[0]):
        try:
            facts = decode(with_value(RICH[0], place, value))
        except BadSnapshot as error:
            assert str(error).startswith("facts")
            continue
        dump(document(diagnose(facts), 0))
