"""Where findings break the way, as their rules say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import Facts, NotKnown
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.rule import HAS, RANK, Stretch
from gpgdoctor.system.escape import printable
from gpgdoctor.way.model import Kind, Link, Passage, State, Station

T = TypeVar("T")
Broken = dict[Stretch, list[Finding]]

STOPPED_WHY = "stopped by its configuration"
HEADLINE_LIMIT = 76
WHO_LIMIT = 24  # of a program's name
STOPPED = {"gpg-agent": Stretch.AGENT, "scdaemon": Stretch.SCDAEMON}
LEADS_TO = {
    Kind.AGENT: Stretch.AGENT,
    Kind.SCDAEMON: Stretch.SCDAEMON,
    Kind.PCSCD: Stretch.PCSCD,
    Kind.READER: Stretch.READER,
    Kind.CARD: Stretch.CARD,
}


def broken_by(finding: Finding) -> Stretch | None:
    """Where a finding breaks the way: as its rule says, or before a daemon that it keeps from starting.

    A consequence breaks nothing that its cause does not break, and what is only worth knowing breaks nothing,
    unless its rule never says more.
    """
    if finding.consequence_of is not None:
        return None
    if finding.found.stops is not None:
        return STOPPED[finding.found.stops]
    if finding.rule.breaks is None or (finding.found.severity == "info" and finding.rule.worst != "info"):
        return None
    return finding.rule.breaks.at


def by_stretch(diagnosis: Diagnosis) -> Broken:
    """The findings that break each stretch, the worst first."""
    broken: Broken = {stretch: [] for stretch in Stretch}
    for finding in sorted(diagnosis.findings, key=lambda finding: -RANK[finding.found.severity]):
        stretch = broken_by(finding)
        if stretch is not None:
            broken[stretch].append(finding)
    return broken


def link_to(station: Station, diagnosis: Diagnosis, broken: Broken, reader: int | None) -> Link:
    """What leads to a station. ``reader``: the one on the way, by its place in the facts."""
    stretch = LEADS_TO.get(station.kind)
    if stretch is None:  # to scdaemon's own driver, which is a part of it
        return Link(passage=Passage.UNKNOWN if _is_unknown(diagnosis, Stretch.SCDAEMON) else Passage.OPEN)
    finding = next((finding for finding in broken[stretch] if _is_of(finding, reader)), None)
    if finding is not None:
        return Link(passage=passage_of(finding), finding=finding, why=why(finding))
    is_unknown = station.state is State.UNKNOWN or _is_unknown(diagnosis, stretch)
    return Link(passage=Passage.UNKNOWN if is_unknown else Passage.OPEN)


def passage_of(finding: Finding) -> Passage:
    how = finding.rule.breaks
    return Passage.BLOCKED if how is not None and how.blocks else Passage.REFUSED


def why(finding: Finding) -> str:
    """What stands at the break, with the program that the finding names."""
    how = finding.rule.breaks
    if finding.found.stops is not None or how is None:
        return STOPPED_WHY
    if finding.found.headline is not None:
        return printable(finding.found.headline.clear(), HEADLINE_LIMIT)
    seen = [who for who in finding.found.culprits if who.pid is not None]
    programs = {who.program for who in seen}
    if len(programs) != 1:
        who = f"one of {len(seen)} programs" if programs else "another program"
        return how.why.replace("{has}", HAS["certain"]).replace("{who}", who)
    has = HAS[max((who.certainty for who in seen), key=[*HAS].index)]
    return how.why.replace("{has}", has).replace("{who}", printable(programs.pop(), WHO_LIMIT))


def has_its_card(facts: Facts) -> bool:
    """Whether scdaemon is at the end of the way."""
    return result_or(False, lambda: scdaemon.holds_a_card(facts))


def result_or(otherwise: T, look: Callable[[], T]) -> T:
    """What a function finds, or this where a fact that it needs is not known: a picture leaves nothing out for it."""
    try:
        return look()
    except NotKnown:
        return otherwise


def _is_of(finding: Finding, reader: int | None) -> bool:
    """Whether it is about this reader, or about no reader in particular."""
    return not finding.about.is_reader or finding.about.index == reader


def _is_unknown(diagnosis: Diagnosis, stretch: Stretch) -> bool:
    """Whether a check of this stretch could not be made, or was not, because something is wrong before it."""
    if has_its_card(diagnosis.facts):
        return False
    return any(
        (check.status == "unknown" and check.counts) or check.explained_by is not None
        for check in diagnosis.checks
        if check.rule.breaks is not None and check.rule.breaks.at is stretch
    )
