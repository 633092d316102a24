"""The way to the card as text: goldens of what breaks it, and what holds for every picture.

``GPGDOCTOR_GOLDENS=write pytest tests/report/test_picture.py`` writes them anew; read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.report.picture import picture
from gpgdoctor.report.style import Drawing, Style
from gpgdoctor.report.text import render
from gpgdoctor.rules import catalogue
from gpgdoctor.snapshot import decode
from gpgdoctor.way import is_broken
from tests.report.test_text import HOSTILE, LONG, UMLAUTS
from tests.support.documents import DOCUMENTS, MACHINES, recorded

GOLDENS = Path(__file__).parent / "pictures"
MOST_LINES = 12
RECORDED = {name: decode(document["facts"]) for name, document in recorded().items()}
BROKEN = sorted(name for name, facts in RECORDED.items() if is_broken(diagnose(facts)))
EVERY = {
    **{name: decode(document["facts"]) for name, document in DOCUMENTS.items()},
    **MACHINES,
    "hostile": HOSTILE,
    "long": LONG,
    "umlauts": UMLAUTS,
}


def drawn(facts: Facts, drawing: Drawing, width: int = 80, **style: object) -> list[str]:
    return picture(diagnose(facts), Style(width=width, drawing=drawing, **style))  # type: ignore[arg-type]


def every_form(facts: Facts) -> str:
    forms = (
        drawn(facts, Drawing.BOXES),
        drawn(facts, Drawing.ASCII, encoding="ascii"),
        drawn(facts, Drawing.ASCII, 46),
        drawn(facts, Drawing.LINE, verbose=True),
    )
    return "\n".join(line for form in forms for line in form)


@pytest.mark.parametrize("name", BROKEN)
def test_golden(name: str) -> None:
    printed = every_form(RECORDED[name])
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("GPGDOCTOR_GOLDENS") == "write":
        path.write_text(printed, "utf-8")
    assert printed == path.read_text("utf-8"), "see the docstring of this file"


def test_no_golden_is_left_over() -> None:
    assert sorted(path.stem for path in GOLDENS.iterdir()) == BROKEN


def test_every_recorded_finding_that_breaks_the_way_is_drawn() -> None:
    """Of an error or a warning: what is only worth knowing breaks nothing."""
    breaking = {id for id, rule in catalogue().items() if rule.breaks is not None}
    found = {
        finding.id
        for facts in RECORDED.values()
        for finding in diagnose(facts).findings
        if finding.found.severity != "info" and finding.consequence_of is None
    }
    marked = {id for name in BROKEN for id in re.findall(r"GD\d{3}", (GOLDENS / f"{name}.txt").read_text("utf-8"))}
    assert breaking & found <= marked


@pytest.mark.parametrize("width", [20, 33, 46, 60, 72, 80])
@pytest.mark.parametrize("drawing", [Drawing.BOXES, Drawing.ASCII])
@pytest.mark.parametrize("name", EVERY)
def test_it_fits(name: str, drawing: Drawing, width: int) -> None:
    lines = drawn(EVERY[name], drawing, width, verbose=True)
    assert max(map(len, lines)) <= width
    assert width < 46 or len(lines) - 1 <= MOST_LINES
    assert all(line.isprintable() for line in lines)
    assert drawing is Drawing.BOXES or all(line.isascii() for line in lines) or name == "umlauts"


@pytest.mark.parametrize("name", EVERY)
def test_colour_is_only_colour(name: str) -> None:
    coloured = "\n".join(drawn(EVERY[name], Drawing.BOXES, colour=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == "\n".join(drawn(EVERY[name], Drawing.BOXES))


@pytest.mark.parametrize("name", EVERY)
def test_a_pipe_has_the_way_in_one_line(name: str) -> None:
    way, *_ = drawn(EVERY[name], Drawing.LINE, verbose=True)
    assert way.isascii() and len(way) <= 80
    assert re.search(r"scdaemon -- (pcscd|own driver) -- \S.* -- card$", way)


def test_what_is_well_is_drawn_only_where_all_is_asked_for() -> None:
    assert drawn(MACHINES["healthy"], Drawing.BOXES) == []
    assert drawn(MACHINES["healthy"], Drawing.BOXES, verbose=True) != []
    assert drawn(MACHINES["shared"], Drawing.LINE) == []
    assert drawn(MACHINES["shared"], Drawing.NONE, verbose=True) == []


def test_it_stands_between_the_areas_and_the_findings() -> None:
    text = render(diagnose(MACHINES["shared"]), Style(drawing=Drawing.BOXES))
    assert text.index("  Sharing ") < text.index("  gpg ") < text.index("WARNING GD202")
