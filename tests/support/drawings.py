"""The way to the card as text, stored for every finding of 2xx to 5xx and for others that break it.

``python -m tests.support.recordings --rejudge`` writes what differs, and shows it.
"""

from __future__ import annotations

import json
from pathlib import Path

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.report.picture import picture
from gpgdoctor.report.style import Drawing, Style
from gpgdoctor.rules import catalogue
from gpgdoctor.snapshot import decode
from gpgdoctor.way import is_broken

TESTS = Path(__file__).resolve().parents[1]
SNAPSHOTS = TESTS.parent / "fixtures" / "snapshots"
FOLDER = TESTS / "report" / "pictures"
# Where the snapshot of a finding shows it at its mildest, which breaks nothing, one that shows it at its worst.
WORSE = {
    "GD201": "scdaemon-exclusive-idle-client",
    "GD208": "usb-scdaemon-first",
    "GD506": "empty-reader-first",
}


def shown() -> dict[str, Facts]:
    """The machine that shows a finding, by its id."""
    paths = {path.name.partition(".")[0]: path for path in sorted(SNAPSHOTS.glob("GD*.broken.json"))}
    paths.update((id, SNAPSHOTS / f"{name}.json") for id, name in WORSE.items())
    return {id: decode(json.loads(path.read_text())["facts"]) for id, path in paths.items()}


def breaking(machines: dict[str, Facts]) -> list[str]:
    """The ids of those on which the way to the card is broken."""
    return [id for id, facts in machines.items() if is_broken(diagnose(facts))]


def stored_for(machines: dict[str, Facts]) -> list[str]:
    """The ids that have a stored drawing."""
    on_the_way = (id for id in catalogue() if "GD200" <= id < "GD600")
    return sorted({*breaking(machines), *on_the_way})


def drawn(facts: Facts, drawing: Drawing, width: int = 80, **style: object) -> list[str]:
    return picture(diagnose(facts), Style(width=width, drawing=drawing, **style))  # type: ignore[arg-type]


def every_form(facts: Facts) -> str:
    forms = (
        drawn(facts, Drawing.BOXES, verbose=True),
        drawn(facts, Drawing.ASCII, verbose=True, encoding="ascii"),
        drawn(facts, Drawing.ASCII, 46, verbose=True),
        drawn(facts, Drawing.LINE, verbose=True),
    )
    return "\n".join(line for form in forms for line in form)


def path_of(id: str) -> Path:
    return FOLDER / f"{id}.txt"
