"""The stations of the way, each with its state, and other readers beside it."""

from __future__ import annotations

from gpgdoctor.diagnosis import Finding
from gpgdoctor.facts import Facts, Reader, known, known_or
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.rules.reader_state import Card, Hold, card, hold, shows_a_card
from gpgdoctor.rules.rule import Stretch
from gpgdoctor.rules.usb_names import name_of, of_readers
from gpgdoctor.way.breaks import Broken, has_its_card, result_or
from gpgdoctor.way.model import Beside, Kind, State, Station

HOLDS = {Hold.EXCLUSIVE: State.EXCLUSIVE, Hold.SHARED: State.SHARED, Hold.NOT_HELD: State.FREE}
CARDS = {Card.ABSENT: State.ABSENT, Card.PRESENT: State.PRESENT, Card.MUTE: State.MUTE}


def stations(facts: Facts, broken: Broken, reader: int | None, name: str) -> tuple[Station, ...]:
    is_through_pcscd = _goes_through_pcscd(facts, broken)
    driver = Station(kind=Kind.DRIVER, name="scdaemon's own USB driver", state=State.PLAIN)
    state = (None if is_through_pcscd else _on_usb(facts, broken, reader, name)) or _reader(facts, broken, reader)
    return (
        Station(kind=Kind.GPG, name="gpg", state=State.PLAIN),
        Station(kind=Kind.AGENT, name="gpg-agent", state=_agent(facts, broken)),
        Station(kind=Kind.SCDAEMON, name="scdaemon", state=result_or(State.UNKNOWN, lambda: _scdaemon(facts))),
        _pcscd(facts, broken) if is_through_pcscd else driver,
        Station(kind=Kind.READER, name=name, state=state),
        Station(kind=Kind.CARD, name="card", state=_card(facts, reader)),
    )


def reader_of(facts: Facts, broken: Broken) -> tuple[int | None, str]:
    """The reader on the way, by its place in the facts, if PC/SC lists it, and its name.

    scdaemon's; else one that a finding is about, the first with a card, the first.
    """
    readers = known_or(facts.readers, ())
    about = _at_readers(broken)
    on_usb = [it.about.name.clear() for it in about if it.about.name and not it.about.is_reader]
    listed = [it.about.index for it in about if it.about.is_reader]
    if on_usb and not listed:
        return None, on_usb[0]
    taken = result_or(None, lambda: scdaemon.reader_taken(facts))
    places = range(len(readers))
    mine = [place for place in places if _is_scdaemons(facts, place)]
    full = [place for place in places if shows_a_card(readers[place])]
    wanted = [taken] if taken in places else []
    for place in (*wanted, *listed, *mine, *full, *places):
        if place is not None:
            return place, readers[place].name
    titles = [known_or(interface.title, "") for interface in known_or(facts.usb, ()) if interface.ccid]
    return None, next(filter(None, titles), "reader")


def beside(facts: Facts, broken: Broken, reader: int | None) -> tuple[Beside, ...]:
    """Other readers that have a card, or are broken."""
    marked = {it.about.index: it for it in reversed(_at_readers(broken)) if it.about.is_reader}
    return tuple(
        Beside(
            reader=Station(kind=Kind.READER, name=other.name, state=_state_of(other)),
            card=Station(kind=Kind.CARD, name="card", state=_card_in(other)),
            finding=marked.get(place),
        )
        for place, other in enumerate(known_or(facts.readers, ()))
        if place != reader and (_card_in(other) is not State.ABSENT or place in marked)
    )


def _at_readers(broken: Broken) -> list[Finding]:
    return [*broken[Stretch.READER], *broken[Stretch.CARD]]


def _is_scdaemons(facts: Facts, place: int) -> bool:
    return result_or(False, lambda: holding.is_scdaemons(facts, place))


def _goes_through_pcscd(facts: Facts, broken: Broken) -> bool:
    """Where scdaemon has a card, by the way it took; else by configuration. Where that is not known, through pcscd."""
    if result_or(False, lambda: holding.holds_by_own_driver(facts)):
        return False
    if broken[Stretch.PCSCD]:
        return True
    needs_it = result_or(None, lambda: scdaemon.path(facts)) is scdaemon.Path.PCSC
    if known_or(facts.pcscd.listener, "") is None and not needs_it:
        return False
    return result_or(True, lambda: scdaemon.reaches_through_pcsc(facts))


def _agent(facts: Facts, broken: Broken) -> State:
    if known_or(facts.gnupg.gpgconf, "") is None:
        return State.ABSENT
    if broken[Stretch.AGENT] and known_or(facts.gnupg.agent_listener, None) is not None:
        return State.ELSEWHERE
    if holding.agents(facts):
        return State.RUNNING
    return State.UNKNOWN if known_or(facts.processes, None) is None else State.ASLEEP


def _scdaemon(facts: Facts) -> State:
    if known(facts.gnupg.running) is not None:
        return State.RUNNING
    is_there = known(facts.gnupg.scdaemon) is not None and known(facts.gnupg.scdaemon_exists)
    return State.ASLEEP if is_there else State.ABSENT


def _pcscd(facts: Facts, broken: Broken) -> Station:
    listener = known_or(facts.pcscd.listener, "unknown")
    state = {"pcscd": State.RUNNING, "activator": State.ASLEEP, None: State.ABSENT}.get(listener, State.UNKNOWN)
    if any(finding.rule.breaks and finding.rule.breaks.blocks for finding in broken[Stretch.PCSCD]):
        state = State.SILENT
    return Station(kind=Kind.PCSCD, name="pcscd", state=state)


def _on_usb(facts: Facts, broken: Broken, reader: int | None, name: str) -> State | None:
    """Who has claimed the reader that scdaemon's own driver looks for: of that PC/SC's state says nothing."""
    if result_or(False, lambda: holding.holds_by_own_driver(facts)):
        return State.BY_SCDAEMON
    if reader is not None:
        is_pcscds = any(it.about.is_reader and it.about.index == reader for it in broken[Stretch.READER])
        return State.BY_PCSCD if is_pcscds else None
    named = [it for it in known_or(facts.usb, ()) if name in (known_or(it.title, ""), name_of(it).clear())]
    return State.BY_ANOTHER if any(known_or(it.driver, None) == "usbfs" for it in named) else None


def _reader(facts: Facts, broken: Broken, reader: int | None) -> State:
    if reader is not None:
        return _state_of(known_or(facts.readers, ())[reader])
    if known_or(facts.usb_blocked, ()) and broken[Stretch.READER]:
        return State.BLOCKED
    if any(interface.ccid for interface in known_or(facts.usb, ())):
        return State.SEEN
    is_nowhere = result_or(None, lambda: not of_readers(facts) and not known(facts.readers))
    return State.ABSENT if is_nowhere else State.UNKNOWN


def _state_of(reader: Reader) -> State:
    if result_or(None, lambda: card(reader)) is Card.UNREACHABLE:
        return State.BROKEN
    return result_or(State.UNKNOWN, lambda: HOLDS[hold(reader)])


def _card(facts: Facts, reader: int | None) -> State:
    if reader is None:
        return State.PRESENT if has_its_card(facts) else State.UNKNOWN
    return _card_in(known_or(facts.readers, ())[reader])


def _card_in(reader: Reader) -> State:
    return result_or(State.UNKNOWN, lambda: CARDS.get(card(reader), State.UNKNOWN))
