"""Who else is on the way: programs at pcscd or at the reader, those that a finding names first."""

from __future__ import annotations

from collections.abc import Iterator

from gpgdoctor.diagnosis import Finding
from gpgdoctor.facts import Facts, Process, known_or
from gpgdoctor.rules import holding
from gpgdoctor.rules.rule import HAS, Certainty, Stretch
from gpgdoctor.way.breaks import Broken, passage_of, why
from gpgdoctor.way.model import Branch, Kind, Passage

IN_THE_WAY: dict[Certainty, str] = {
    "certain": "is in the way",
    "likely": "likely in the way",
    "possible": "may be in the way",
}


def branches(facts: Facts, broken: Broken, on_the_way: set[Kind]) -> tuple[Branch, ...]:
    """pcscd is one of them where scdaemon does without it and nobody else uses it."""
    joins = Kind.PCSCD if Kind.PCSCD in on_the_way else Kind.READER
    mine = known_or(facts.gnupg.running, None)
    clients = [process for process in holding.clients(facts) if mine is None or process.pid != mine.pid]
    found = [
        *_named_by_findings(facts, broken, {process.pid for process in clients}, joins),
        *(_client(facts, broken, process, joins) for process in clients),
    ]
    if joins is Kind.READER and not clients and known_or(facts.pcscd.listener, None) == "pcscd":
        found.append(_at_the_reader(broken))
    refused = {branch.finding.id for branch in found if branch.finding is not None}
    found += [_unnamed(finding, joins) for finding in broken[Stretch.OTHERS] if finding.id not in refused]
    return tuple(sorted(found, key=lambda branch: branch.certainty is None and branch.finding is None))


def _client(facts: Facts, broken: Broken, process: Process, joins: Kind) -> Branch:
    refusal = _refusal(broken) if holding.uses_cards(process) else None
    certainty = _certainty(broken, process.pid)
    return Branch(
        program=process.program,
        pid=process.pid,
        user=_another(facts, known_or(process.user, "")),
        joins=joins,
        through_pcscd=joins is Kind.READER,
        certainty=certainty,
        passage=passage_of(refusal) if refusal else Passage.OPEN,
        finding=refusal,
        note=why(refusal) if refusal else _note(broken, certainty),
    )


def _at_the_reader(broken: Broken) -> Branch:
    refusal = _refusal(broken)
    claim = "has the reader" if any(it.about.is_reader for it in broken[Stretch.READER]) else ""
    return Branch(
        program="pcscd",
        pid=None,
        user=None,
        joins=Kind.READER,
        passage=passage_of(refusal) if refusal else Passage.OPEN,
        finding=refusal,
        note=why(refusal) if refusal else claim,
    )


def _unnamed(finding: Finding, joins: Kind) -> Branch:
    """Somebody whom the finding does not name."""
    return Branch(
        program="another program",
        pid=None,
        user=None,
        joins=joins,
        passage=passage_of(finding),
        finding=finding,
        note=why(finding),
    )


def _refusal(broken: Broken) -> Finding | None:
    return next(iter(broken[Stretch.OTHERS]), None)


def _named_by_findings(facts: Facts, broken: Broken, seen: set[int], joins: Kind) -> Iterator[Branch]:
    """Those that are no visible clients of pcscd: programs out of sight, and a scdaemon that has the reader on USB."""
    for finding in broken[Stretch.READER]:
        for who in finding.found.culprits:
            if who.pid in seen or who.program == "pcscd":
                continue
            is_client = who.pid is None and joins is Kind.PCSCD
            yield Branch(
                program=who.program if who.pid is not None else "a program that is not visible",
                pid=who.pid,
                user=_another(facts, who.user or ""),
                joins=joins if is_client else Kind.READER,
                certainty=who.certainty,
                note=f"{HAS[who.certainty]} the {'card' if is_client else 'reader'}",
            )


def _note(broken: Broken, certainty: Certainty | None) -> str:
    """What a client of pcscd that a finding names does: it has the card, or what pcscd has to give."""
    if certainty is None:
        return ""
    return f"{HAS[certainty]} the card" if broken[Stretch.READER] else IN_THE_WAY[certainty]


def _certainty(broken: Broken, pid: int) -> Certainty | None:
    named = (who for findings in broken.values() for it in findings for who in it.found.culprits)
    return next((who.certainty for who in named if who.pid == pid), None)


def _another(facts: Facts, user: str) -> str | None:
    return user if user and user != known_or(facts.host.user, "") else None
