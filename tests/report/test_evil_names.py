"""Readers, programs, users and files may be called anything: harmless in print, intact in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.report import markdown, nagios, text
from gpgdoctor.report.json import document, dump
from gpgdoctor.report.style import Style
from gpgdoctor.rules import catalogue
from gpgdoctor.system.record import Record, replace
from tests.support.civility import NEVER_PRINTED
from tests.support.specimens import machines

EVIL = {
    "escapes": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "bidi": "\u202eexe.\u2066gpj\u2069",
    "invisible": "a\u200bb\ufeffc\u00add",
    "new lines": "one\ntwo\r\nthree\x0b\x0c\x85\u2028\u2029",
    "no UTF-8": "caf\udce9\udcff",
    "performance data": "a | b=1;2;3",
    "long": "x" * 10_000,
    "long and wide": "\U0001f511" * 10_000,
    "markup": "```\n`rm -rf ~` <script>alert(1)</script> [a](javascript:b) **x**",
}
LONGEST_LINE = 700
# Of these a program makes decisions: another word there is another fact, and no name.
ENUMERATED = (
    *("role", "status", "scope", "kind", "problem", "state", "later_state", "listener", "answer", "probe"),
    *("socket_file", "system", "init", "unit", "vendor", "product", "scdaemon_version"),
)


def names(record: Record, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every name that stands in the facts."""
    for field in record.__slots__:
        yield from _in_value(getattr(record, field), (*way, field))


def _in_value(value: Any, way: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, Unknown | Enum):  # a word of the program, or a reason: see below
        return
    if isinstance(value, Record):
        yield from names(value, way)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _in_value(item, (*way, number))
    elif isinstance(value, str) and not any(word in ENUMERATED for word in way):
        yield way


def renamed(value: Any, way: tuple[str | int, ...], name: str) -> Any:
    """The same facts with another name in that place."""
    if not way:
        return name
    first, *rest = way
    if isinstance(first, int):
        return (*value[:first], renamed(value[first], tuple(rest), name), *value[first + 1 :])
    return replace(value, **{first: renamed(getattr(value, first), tuple(rest), name)})


def all_renamed(facts: Facts, name: str) -> Facts:
    for way in names(facts):
        facts = renamed(facts, way, name)
    return facts


@pytest.fixture(params=EVIL)
def name(request: pytest.FixtureRequest) -> str:
    return EVIL[request.param]


def assert_harmless(printed: str) -> None:
    assert not NEVER_PRINTED & set(printed), ascii(NEVER_PRINTED & set(printed))
    assert printed.isprintable() or all(line.isprintable() for line in printed.split("\n"))
    assert max(map(len, printed.split("\n"))) < LONGEST_LINE


@pytest.mark.parametrize("machine", ["shared-holder", "sick"])
def test_one_evil_name_anywhere(machine: str, name: str) -> None:
    facts = machines()[machine]
    for way in names(facts):
        diagnosis = diagnose(renamed(facts, way, name))
        assert_harmless(text.render(diagnosis, Style(verbose=True, origin=name)))
        printed = nagios.render(diagnosis)
        assert_harmless(printed)
        assert "\n" not in printed
        assert printed.count("|") == 1, "one separator of performance data"


@pytest.mark.parametrize("machine", ["shared-holder", "sick"])
def test_names_are_plain_text_in_markdown(machine: str) -> None:
    """What is no text in it comes from us: headings, and blocks of code with all that was found."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    facts = machines()[machine]
    ours = kinds_in(parser, facts)
    for way in names(facts):
        assert kinds_in(parser, renamed(facts, way, EVIL["markup"])) <= ours
    for name in EVIL.values():
        assert kinds_in(parser, all_renamed(facts, name)) <= ours


def kinds_in(parser: Any, facts: Facts) -> set[str]:
    """What a browser would make something of: links, images, HTML."""
    printed = markdown.render(diagnose(facts), {}, Style())
    assert_harmless(printed)
    tokens = parser.parse(printed)
    return {token.type for block in tokens for token in (block, *(block.children or ()))}


@pytest.mark.parametrize("machine", sorted(machines()))
def test_names_are_intact_in_json(machine: str, name: str) -> None:
    facts = all_renamed(machines()[machine], name)
    printed = dump(document(diagnose(facts), 0.1))
    assert printed.isascii()
    assert not NEVER_PRINTED & set(printed)
    found = json.loads(printed)["facts"]
    for way in names(facts):
        value = found
        for step in way:
            value = value[step]
        assert value == name


def test_reasons_of_the_unknown_are_escaped(name: str) -> None:
    for machine in machines().values():
        for field in ("readers", "usb", "processes"):
            diagnosis = diagnose(replace(machine, **{field: Unknown.because(name)}))
            assert_harmless(text.render(diagnosis, Style(verbose=True)))
            assert_harmless(nagios.render(diagnosis))


def test_every_name_that_a_finding_shows_was_tried() -> None:
    """The machines here show enough findings for the test to mean something."""
    shown = {finding.id for facts in machines().values() for finding in diagnose(facts).findings}
    assert len(shown) > len(catalogue()) / 5
