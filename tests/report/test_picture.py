"""The way to the card as text: goldens of what breaks it, and what holds for every picture.

``python -m tests.support.recordings --rejudge`` writes them anew; read the difference before it is kept.
"""

from __future__ import annotations

import re

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.report.glyphs import BOXES, PLAIN
from gpgdoctor.report.style import Drawing, Style
from gpgdoctor.report.text import render
from gpgdoctor.rules import catalogue
from gpgdoctor.snapshot import decode
from gpgdoctor.way import way
from gpgdoctor.way.breaks import broken_by
from tests.support.documents import DOCUMENTS, MACHINES
from tests.support.drawings import FOLDER, breaking, drawn, every_form, path_of, shown, stored_for
from tests.support.odd_machines import HOSTILE, LONG, UMLAUTS

MOST_LINES = 12
SHOWN = shown()
BROKEN = breaking(SHOWN)
DRAWN = stored_for(SHOWN)
SIGNS = {*PLAIN.marks.values(), *BOXES.marks.values()}
EVERY = {
    **{name: decode(document["facts"]) for name, document in DOCUMENTS.items()},
    **MACHINES,
    "hostile": HOSTILE,
    "long": LONG,
    "umlauts": UMLAUTS,
}


@pytest.mark.parametrize("id", DRAWN)
def test_golden(id: str) -> None:
    """One for each finding of 2xx to 5xx, and for others that break the way, of the machine that shows it."""
    assert every_form(SHOWN[id]) == path_of(id).read_text("utf-8"), "see recordings.py --rejudge"


def test_no_golden_is_left_over() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == DRAWN


def test_every_finding_whose_rule_breaks_the_way_is_drawn_where_it_does() -> None:
    assert {id for id, rule in catalogue().items() if rule.breaks} <= set(BROKEN)


@pytest.mark.parametrize("id", sorted(id for id, rule in catalogue().items() if rule.breaks))
def test_what_stands_at_a_break_is_short(id: str) -> None:
    """It has to stand over its mark on 80 columns with a program's name in it."""
    how = catalogue()[id].breaks
    assert how is not None
    assert 0 < len(how.why.format(who="another program", has="likely has")) <= 60
    assert not how.why.endswith(".")


@pytest.mark.parametrize("id", BROKEN)
def test_the_finding_that_breaks_it_is_named(id: str) -> None:
    """Where a worse one breaks the same stretch, that one."""
    diagnosis = diagnose(SHOWN[id])
    printed = every_form(SHOWN[id])
    broken = {finding.id: broken_by(finding) for finding in diagnosis.findings}
    named = {id for id in broken if id in printed}
    assert named and (id in named or broken.get(id) in [None, *map(broken.get, named)])


@pytest.mark.parametrize("id", BROKEN)
def test_a_reason_is_tied_to_its_mark(id: str) -> None:
    """Where it stands over the way: the line beneath it leads to the sign between two stations."""
    for drawing, tie in ((Drawing.BOXES, "│"), (Drawing.ASCII, "|")):
        reason, ties, names, *_ = drawn(SHOWN[id], drawing)
        if reason.startswith("  gpg "):
            continue  # only another program is refused
        marks = [column for column, letter in enumerate(ties) if letter == tie]
        assert marks and ties.strip(f" {tie}") == ""
        assert all(names[column] in SIGNS for column in marks)
        assert len(reason) - len(reason.lstrip()) <= marks[0] < len(reason)


@pytest.mark.parametrize("name", EVERY)
def test_no_reader_is_blank_and_none_contradicts_who_has_it(name: str) -> None:
    seen = way(diagnose(EVERY[name]))
    assert seen.stations[-2].state_text and seen.stations[-1].state_text
    claimed = any(branch.note.endswith("has the reader") for branch in seen.branches)
    assert not (claimed and seen.stations[-2].state_text == "free")


def test_another_reader_is_called_one_and_named_in_full() -> None:
    lines = drawn(SHOWN["GD506"], Drawing.ASCII)
    assert "  this reader: Alcor Link AK9567 00 00" in lines
    assert "  other reader: Yubico YubiKey OTP+FIDO+CCID 00 00: has a card" in lines


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
    line, *_ = drawn(EVERY[name], Drawing.LINE, verbose=True)
    assert line.isascii() and len(line) <= 80
    assert re.search(r"scdaemon -- (pcscd|own USB driver) -- \S.* -- card$", line)


def test_a_pipe_is_told_where_another_program_is_refused() -> None:
    """scdaemon's way is open, so nothing is marked between its stations."""
    line, mark, *_ = drawn(SHOWN["GD201"], Drawing.LINE, verbose=True)
    assert line.index("pcscd") == mark.index("^")
    assert "firefox (pid 19) refused: GD201 (kept out by" in mark


@pytest.mark.parametrize("id", BROKEN)
def test_a_pipe_has_a_mark_for_every_break(id: str) -> None:
    diagnosis = diagnose(SHOWN[id])
    lines = drawn(SHOWN[id], Drawing.LINE, verbose=True)
    assert all(any(finding.id in line and "^" in line for line in lines) for finding in way(diagnosis).breaks)
    assert max(map(len, lines)) <= 80


def test_what_is_well_is_drawn_only_where_all_is_asked_for() -> None:
    assert drawn(MACHINES["healthy"], Drawing.BOXES) == []
    assert drawn(MACHINES["healthy"], Drawing.BOXES, verbose=True) != []
    assert drawn(MACHINES["shared"], Drawing.LINE) == []
    assert drawn(MACHINES["shared"], Drawing.NONE, verbose=True) == []


def test_it_stands_between_the_areas_and_the_findings() -> None:
    text = render(diagnose(MACHINES["shared"]), Style(drawing=Drawing.BOXES))
    assert text.index("  Sharing ") < text.index("  gpg ") < text.index("WARNING GD202")
