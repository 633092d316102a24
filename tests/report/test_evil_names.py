"""Readers, programs, users and files may be called anything: harmless in print, intact in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.report import markdown, nagios, text
from gpgdoctor.report.json import document, dump
from gpgdoctor.report.style import Style
from gpgdoctor.rules import catalogue
from gpgdoctor.system.record import replace
from tests.support.civility import NEVER_PRINTED
from tests.support.evil_names import EVIL, all_renamed, names, renamed
from tests.support.specimens import machines

LONGEST_LINE = 700


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
