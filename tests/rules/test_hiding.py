"""No warning and no error disappears behind a finding that is for information, whatever one fact may be."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from gpgdoctor.diagnosis import Check, Diagnosis, diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.rules import catalogue
from gpgdoctor.snapshot import BadSnapshot, decode
from gpgdoctor.system.record import replace
from tests.support import recordings

UNKNOWN = {"unknown": "left out by a test"}
SWITCHED_OFF = {"vendor": "1050", "product": "0401", "ccid": False, "driver": "usbhid", "in_libccid": False}
NO_LIBRARY = {"name": "libpcsclite.so.1", "usable": False, "reason": "cannot open"}


def _variants(facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The facts, and what they are with one of them otherwise, or not known."""
    yield facts
    for part, fields in facts.items():
        if isinstance(fields, dict) and "unknown" not in fields:
            for name, value in fields.items():
                if isinstance(value, bool):
                    yield _with(facts, (part, name), not value)
                elif part == "pcscd":
                    yield _with(facts, (part, name), UNKNOWN)
    for number, interface in enumerate(facts["usb"] if isinstance(facts["usb"], list) else ()):
        yield _with(facts, ("usb", number), {**interface, **SWITCHED_OFF})
        yield _with(facts, ("usb", number, "driver"), "pn533_usb")
        yield _with(facts, ("usb", number, "accessible"), False)
    yield _with(facts, ("pcscd", "library"), NO_LIBRARY)


def _with(facts: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(facts)
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return changed


def _is_mild(diagnosis: Diagnosis, check: Check) -> bool:
    """Whether what hides it is for information only, and gpg goes no other way because of it."""
    causes = [it.found for it in diagnosis.findings if it.id == check.explained_by]
    return bool(causes) and all(it.severity == "info" and not it.diverts for it in causes)


def _swallowed(facts: Facts) -> set[tuple[str, str | None]]:
    diagnosis = diagnose(facts)
    rules = catalogue()
    wrong = set()
    for hidden in {it.rule.id: it for it in diagnosis.checks if it.explained_by and _is_mild(diagnosis, it)}.values():
        seen = {(it.id, it.subject) for it in diagnosis.findings}
        unhidden = {**rules, hidden.rule.id: replace(hidden.rule, causes=())}
        for finding in diagnose(facts, rules=unhidden).findings:
            if (
                finding.id == hidden.rule.id
                and finding.found.severity != "info"
                and (finding.id, finding.subject) not in seen
            ):
                wrong.add((finding.id, hidden.explained_by))
    return wrong


@pytest.mark.parametrize("name", list(recordings.names()))
def test_nothing_worse_disappears_behind_what_is_for_information(name: str) -> None:
    for facts in _variants(recordings.load(name)["facts"]):
        try:
            decoded = decode(facts)
        except BadSnapshot:
            continue
        assert _swallowed(decoded) == set()


def test_without_the_engines_look_behind_a_mild_cause_something_would(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = recordings.load("scdaemon-exclusive-idle-client")["facts"]
    without_library = decode(_with(facts, ("pcscd", "library"), NO_LIBRARY))
    assert _swallowed(without_library) == set()
    monkeypatch.setattr("gpgdoctor.diagnosis._Judge._finds_worse", lambda *_: False)
    assert _swallowed(without_library) == {("GD201", "GD305")}
