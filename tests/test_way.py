"""The model of the way: what is drawn is what the diagnosis says."""

from __future__ import annotations

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.rules import catalogue
from gpgdoctor.system.record import replace
from gpgdoctor.way import way
from gpgdoctor.way.model import Kind, Passage, Sign, State, Way, sign_of
from tests.support.build import (
    EMPTY_HANDED,
    EXCLUSIVE,
    FREE_ON_USB,
    IN_USE,
    NITROKEY,
    ON_USB,
    RUNNING,
    client,
    machine,
    reader,
    without_pcscd,
)

FIREFOX = client("firefox", user="bob")


def of(facts: Facts) -> Way:
    return way(diagnose(facts))


def link(drawn: Way, kind: Kind) -> tuple[Passage, str | None]:
    """How the way leads to a station, and the finding that says so."""
    number = [station.kind for station in drawn.stations].index(kind)
    found = drawn.links[number - 1]
    return found.passage, found.finding.id if found.finding else None


def state(drawn: Way, kind: Kind) -> State:
    return next(station.state for station in drawn.stations if station.kind is kind)


def test_a_way_that_is_open() -> None:
    drawn = of(machine(readers=(EXCLUSIVE,), running=RUNNING, conf="disable-ccid\n"))
    assert [station.kind for station in drawn.stations][3] is Kind.PCSCD
    assert {it.passage for it in drawn.links} == {Passage.OPEN} and drawn.breaks == ()
    assert (state(drawn, Kind.SCDAEMON), state(drawn, Kind.CARD)) == (State.RUNNING, State.PRESENT)


def test_another_program_shares_the_reader() -> None:
    drawn = of(machine(readers=(IN_USE,), clients=(FIREFOX,)))
    assert link(drawn, Kind.READER) == (Passage.REFUSED, "GD202")
    (branch,) = drawn.branches
    assert (branch.program, branch.user, branch.certainty, branch.joins) == ("firefox", "bob", "certain", Kind.PCSCD)


def test_a_transaction_blocks() -> None:
    held = replace(IN_USE, probe="blocked", seconds=2.0)
    assert link(of(machine(readers=(held,), clients=(FIREFOX,))), Kind.READER) == (Passage.BLOCKED, "GD204")


def test_another_program_is_refused_and_the_way_is_open() -> None:
    drawn = of(machine(readers=(EXCLUSIVE,), running=RUNNING, clients=(client("firefox"),), conf="disable-ccid\n"))
    assert link(drawn, Kind.READER) == (Passage.OPEN, None)
    assert [(it.passage, it.finding and it.finding.id) for it in drawn.branches] == [(Passage.REFUSED, "GD201")]


def test_behind_a_break_nothing_is_known() -> None:
    drawn = of(without_pcscd(conf="disable-ccid\n"))
    assert link(drawn, Kind.PCSCD) == (Passage.REFUSED, "GD301")
    assert link(drawn, Kind.READER) == (Passage.UNKNOWN, None)
    assert state(drawn, Kind.PCSCD) is State.ABSENT


def test_scdaemons_own_driver() -> None:
    drawn = of(machine(version="2.4.7", usb=(ON_USB,), running=EMPTY_HANDED))
    assert link(drawn, Kind.READER) == (Passage.REFUSED, "GD205")
    assert [branch.program for branch in drawn.branches] == ["pcscd"]
    alone = of(without_pcscd(version="2.4.7", usb=(replace(FREE_ON_USB, accessible=False),), gnupg={"card_keys": 1}))
    assert alone.stations[3].kind is Kind.DRIVER and link(alone, Kind.READER) == (Passage.REFUSED, "GD402")
    assert alone.branches == ()


def test_what_is_claimed_on_usb_is_not_free() -> None:
    """PC/SC's state of a reader says nothing to scdaemon's own driver."""
    drawn = of(machine(version="2.4.7", usb=(ON_USB,), running=EMPTY_HANDED))
    assert (state(drawn, Kind.READER), drawn.branches[0].note) == (State.BY_PCSCD, "has the reader")
    assert of(machine(readers=(IN_USE,), clients=(FIREFOX,))).branches[0].note == "has the card"


def test_a_reader_behind_a_break_is_seen_on_usb() -> None:
    drawn = of(without_pcscd(conf="disable-ccid\n", usb=(FREE_ON_USB,)))
    assert (link(drawn, Kind.PCSCD), state(drawn, Kind.READER)) == ((Passage.REFUSED, "GD301"), State.SEEN)


@pytest.mark.parametrize(
    ("pcscd", "why"),
    [
        ({"unit": "masked"}, "pcscd does not run: it is masked"),
        ({"unit": "enabled"}, "pcscd does not run: its socket is not started"),
        ({"unit": None, "installed": True}, "pcscd does not run"),
        ({"unit": None, "installed": False}, "pcscd is not installed"),
    ],
)
def test_a_headline_gives_the_reason_where_it_is_known(pcscd: dict[str, object], why: str) -> None:
    assert of(without_pcscd(conf="disable-ccid\n", pcscd=pcscd)).links[2].why == why


def test_a_headline_names_the_node_that_may_not_be_opened() -> None:
    closed = replace(FREE_ON_USB, accessible=False)
    alone = of(without_pcscd(version="2.4.7", usb=(closed,), gnupg={"card_keys": 1}))
    assert alone.links[3].why == f"no permission for {closed.node}"


def test_the_sign_at_a_break_says_how_bad_it_is() -> None:
    held = replace(IN_USE, probe="blocked", seconds=2.0)
    waiting = of(machine(readers=(held,), clients=(FIREFOX,))).breaks
    missing = of(without_pcscd(conf="disable-ccid\n")).breaks
    shown = [sign_of(finding) for finding in (*waiting, *missing)]
    assert shown == [Sign.WAIT, Sign.CROSS]
    milder = replace(missing[0], found=replace(missing[0].found, severity="warning"))
    assert sign_of(milder) is Sign.ALERT


def test_a_daemon_that_does_not_start() -> None:
    drawn = of(machine(version="2.4.7", conf="disable-cc\n"))
    assert link(drawn, Kind.SCDAEMON) == (Passage.REFUSED, "GD101")


def test_a_fault_of_another_reader_stands_beside() -> None:
    mute = reader("PRESENT", "MUTE", name=NITROKEY)
    drawn = of(machine(conf="disable-ccid\n", readers=(reader(), mute)))
    assert link(drawn, Kind.CARD) == (Passage.OPEN, None)
    assert [(it.reader.name, it.finding and it.finding.id) for it in drawn.beside] == [(NITROKEY, "GD504")]


def test_a_machine_of_which_nothing_is_known() -> None:
    blind = Unknown.because("it could not be looked at")
    drawn = of(machine(readers=blind, usb=blind, pcscd={"listener": blind, "answer": blind}))
    assert link(drawn, Kind.READER) == (Passage.UNKNOWN, None)
    assert {state(drawn, kind) for kind in (Kind.PCSCD, Kind.READER, Kind.CARD)} == {State.UNKNOWN}


@pytest.mark.parametrize("id", sorted(id for id, rule in catalogue().items() if rule.breaks))
def test_only_rules_whose_findings_stop_somebody_break_the_way(id: str) -> None:
    """6xx is about sharing that works."""
    assert not id.startswith("GD6")
