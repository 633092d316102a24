"""The way from gpg to the card: its stations, who else is on it, and where it breaks.

A model for pictures. Nothing is judged here: a stretch is broken where there is a finding whose rule says so
(`breaks=`), not known where a check of it could not be made, and otherwise open. The programs are those that
rules/holding.py names.
"""

from __future__ import annotations

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.rules import holding
from gpgdoctor.way.breaks import broken_by, by_stretch, link_to
from gpgdoctor.way.model import Way
from gpgdoctor.way.others import branches
from gpgdoctor.way.stations import beside, reader_of, stations


def way(diagnosis: Diagnosis) -> Way:
    """The way as this diagnosis has it; of a redacted one it is redacted."""
    facts, broken = diagnosis.facts, by_stretch(diagnosis)
    index, name = reader_of(facts, broken)
    there = stations(facts, broken, index, name)
    return Way(
        stations=there,
        links=tuple(link_to(station, diagnosis, broken, index) for station in there[1:]),
        branches=branches(facts, broken, {station.kind for station in there}),
        unseen=holding.unseen(facts),
        beside=beside(facts, broken, index),
    )


def is_broken(diagnosis: Diagnosis) -> bool:
    """Whether a finding breaks the way, or another program's: without one there is no need of a picture."""
    return any(broken_by(finding) is not None for finding in diagnosis.findings)
