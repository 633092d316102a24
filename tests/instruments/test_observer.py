"""From sights to events: readers plugged and unplugged, sleep, another pcscd, waits, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gpgdoctor.instruments.watch.claims import Said
from gpgdoctor.instruments.watch.look import Look
from gpgdoctor.instruments.watch.observer import Observer
from gpgdoctor.instruments.watch.poll import Sight
from gpgdoctor.instruments.watch.timeline import Event
from gpgdoctor.instruments.watch.waiting import Waiting
from gpgdoctor.instruments.watch.wants import Wants
from gpgdoctor.pcsc.wire import ReaderState
from gpgdoctor.system.record import replace
from gpgdoctor.system.sockets import Peer

A, B = 901, 902  # connections whose programs are not there
ONE, OTHER = "Reader 00 00", "Reader 00 01"
PRESENT, ABSENT = 0x0004, 0x0002
PERIOD_S = 0.05
SCDAEMON = 4242


def reader(name: str = ONE, *, card: bool = True, sharing: int = 0) -> ReaderState:
    state = PRESENT if card else ABSENT
    return ReaderState(name=name, event_counter=0, state=state, sharing=sharing, atr=b"", protocol=0)


class Machine:
    """Sights of a machine that never was, fed to an observer."""

    def __init__(self) -> None:
        self.observer = Observer(began_s=0.0)
        self.at_s = 0.0

    def see(
        self,
        *readers: ReaderState,
        ran: set[int] = frozenset(),  # type: ignore[assignment]
        pcscd: int | None = 7,
        slept_s: float = 0.0,
        cards: Mapping[int, int] | None = None,
        wants: Wants | None = None,
        samples: Mapping[int, bytes] | None = None,
        came: bool = False,
    ) -> list[tuple[Any, ...]]:
        self.at_s += PERIOD_S
        connections = frozenset({A, B})
        look = Look(
            at_s=self.at_s,
            sharing={it.name: it.sharing for it in readers},
            connections=connections,
            ran=frozenset(ran),
            prompt=True,
        )
        sight = Sight(
            at_s=self.at_s,
            pcscd=pcscd,
            readers=readers if pcscd else None,
            look=look if pcscd else None,
            peers={it: Peer(server=it, inode=0, uid=None) for it in connections},
            serves={it: frozenset({it}) for it in connections},
            sure=connections,
            samples=dict(samples or {}),
            came=came,
            slept_s=slept_s,
        )
        its = {pid: wants for pid in cards or () if wants}
        said = None if cards is None else Said(asked_s=self.at_s, cards=cards, wants=its)
        return [_short(event) for event in self.observer.see(sight, said)]


def _short(event: Event) -> tuple[Any, ...]:
    return event.kind, event.change, event.reader


def test_readers_and_cards_that_are_there_are_found_and_later_ones_come() -> None:
    machine = Machine()
    assert machine.see(reader()) == [
        ("pcscd", "found", None),
        ("reader", "found", ONE),
        ("card", "found", ONE),
    ]
    assert machine.see(reader(), reader(OTHER, card=False)) == [("reader", "came", OTHER)]
    assert machine.see(reader(card=False), reader(OTHER)) == [("card", "left", ONE), ("card", "came", OTHER)]
    assert machine.see(reader(OTHER)) == [("reader", "left", ONE)]


def test_another_pcscd_begins_anew() -> None:
    machine = Machine()
    machine.see(reader())
    machine.see(reader(sharing=1), ran={A})
    assert machine.see(reader(), pcscd=8) == [
        ("pcscd", "replaced", None),
        ("reader", "found", ONE),
        ("card", "found", ONE),
    ]
    assert machine.see(pcscd=None) == [("pcscd", "ended", None)]
    assert machine.see(reader(card=False), pcscd=9) == [("pcscd", "started", None), ("reader", "found", ONE)]


def test_a_sleep_of_the_machine_counts_as_time() -> None:
    machine = Machine()
    machine.see(reader())
    assert machine.see(reader(), slept_s=3600.0) == [("slept", "over", None)]
    assert machine.observer.at_s == pytest.approx(3600.0 + 2 * PERIOD_S)


def test_a_scdaemon_without_a_card_while_another_has_it_is_refused_after_a_second() -> None:
    machine = Machine()
    machine.see(reader())
    machine.see(reader(sharing=1), ran={A}, cards={SCDAEMON: 0})
    events = []
    while machine.at_s < 2.0:
        before_s = machine.at_s
        events += [(before_s, *it) for it in machine.see(reader(sharing=1), cards={SCDAEMON: 0})]
    ((at_s, *event),) = events
    assert event == ["refused", "began", ONE]
    assert at_s >= 1.0
    assert machine.see(reader(), ran={A}, cards={SCDAEMON: 0}) == [
        ("release", "over", ONE),
        ("refused", "over", ONE),
    ]


@pytest.mark.parametrize(
    ("readers", "cards"),
    [
        pytest.param((reader(sharing=1),), {SCDAEMON: 1}, id="it has a card"),
        pytest.param((reader(sharing=1),), {}, id="it does not run"),
        pytest.param((reader(sharing=1), reader(OTHER)), {SCDAEMON: 0}, id="another reader has a free card"),
        pytest.param((reader(card=False, sharing=1),), {SCDAEMON: 0}, id="there is no card"),
    ],
)
def test_who_is_not_refused(readers: tuple[ReaderState, ...], cards: Mapping[int, int]) -> None:
    machine = Machine()
    machine.see(*readers)
    events = [event for _ in range(60) for event in machine.see(*readers, ran={A}, cards=cards)]
    assert not [event for event in events if event[0] == "refused"]


OF_2_2 = Wants(version="2.2.40", port=None, shares=False)


@pytest.mark.parametrize(
    ("wants", "readers", "refused"),
    [
        pytest.param(OF_2_2, (reader(sharing=1), reader(OTHER)), ONE, id="2.2 takes the first reader alone"),
        pytest.param(OF_2_2, (reader(), reader(OTHER, sharing=1)), None, id="the first one is free"),
        pytest.param(OF_2_2, (reader(card=False), reader(OTHER, sharing=1)), None, id="the first one is empty"),
        pytest.param(
            replace(OF_2_2, port=OTHER), (reader(), reader(OTHER, sharing=-1)), OTHER, id="the one of reader-port"
        ),
        pytest.param(
            replace(OF_2_2, version="2.4.7"), (reader(sharing=1), reader(OTHER)), None, id="2.4 goes on to the next"
        ),
        pytest.param(
            replace(OF_2_2, version="2.4.7"), (reader(sharing=1), reader(OTHER, sharing=-1)), ONE, id="2.4 finds none"
        ),
        pytest.param(replace(OF_2_2, shares=True), (reader(sharing=1),), None, id="it would share"),
        pytest.param(replace(OF_2_2, shares=True), (reader(sharing=-1),), ONE, id="nobody can share that"),
        pytest.param(replace(OF_2_2, version="nonsense"), (reader(sharing=1),), ONE, id="no version"),
    ],
)
def test_only_the_reader_that_scdaemon_wants_counts(
    wants: Wants, readers: tuple[ReaderState, ...], refused: str | None
) -> None:
    machine = Machine()
    events = [event for _ in range(60) for event in machine.see(*readers, cards={SCDAEMON: 0}, wants=wants)]
    assert [it for it in events if it[0] == "refused"] == ([("refused", "began", refused)] if refused else [])


def test_scdaemon_may_have_come_where_somebody_connected_for_a_moment() -> None:
    machine = Machine()
    machine.see(reader(sharing=1), ran={A})
    machine.see(reader(sharing=1), cards={})
    assert not machine.observer.knows_scdaemon
    machine.see(reader(sharing=1), came=True)
    assert machine.observer.knows_scdaemon


def test_a_refusal_comes_also_while_nothing_happens_in_pcscd() -> None:
    machine = Machine()
    machine.see(reader())
    machine.see(reader(sharing=1), ran={A}, cards={SCDAEMON: 0})
    said = Said(asked_s=machine.at_s, cards={SCDAEMON: 0}, wants={})
    events = [event for step in range(30) for event in machine.observer.rest(machine.at_s + step * PERIOD_S, said)]
    assert [_short(event) for event in events] == [("refused", "began", ONE)]


def test_a_wait_is_over_when_nothing_runs_any_more() -> None:
    machine = Machine()
    machine.see(reader(sharing=1), ran={A})
    events = []
    for step in range(60):
        text = b"1 1 %d" % (step // 2)
        events += machine.see(reader(sharing=1), ran={B} if step % 2 else set(), samples={A: b"1 1 1", B: text})
    assert ("wait", "began", ONE) in events
    rests = [machine.observer.rest(machine.at_s + step * PERIOD_S) for step in range(1, 20)]
    assert [_short(event) for events in rests for event in events] == [("wait", "over", ONE)]


def test_a_scdaemon_with_a_card_and_no_connection_uses_its_own_driver() -> None:
    observer = Observer(began_s=0.0)

    def see(at_s: float, cards: Mapping[int, int]) -> list[tuple[Any, ...]]:
        sight = Sight(at_s=at_s, pcscd=None, readers=None, look=None, peers={}, serves={}, sure=frozenset(), samples={})
        return [_short(event) for event in observer.see(sight, Said(asked_s=at_s, cards=cards))]

    assert see(0.0, {SCDAEMON: 1}) == []
    assert see(1.0, {SCDAEMON: 1}) == [("take", "found", None)]
    assert see(2.0, {SCDAEMON: 0}) == [("release", "over", None)]


# -- waits ------------------------------------------------------------------------------------------------------------


def waited(*, runs: list[int], process_runs: bool, holds: bool, seconds: float = 4.0) -> list[str]:
    """The certainties of a wait over time; ``runs``: how often it is scheduled at each step of 50 ms."""
    count = [0]

    def process_count(process: int) -> int:
        count[0] += process_runs
        return count[0]

    waiting = Waiting(lambda connection: 1, process_count)
    times, found = 0, list[str]()
    for step in range(int(seconds / PERIOD_S)):
        times += runs[step % len(runs)]
        waiting.feed(step * PERIOD_S, {A: b"1 1 %d" % times}, {A} if holds else set(), held=True)
        found += [waiting.now[A].certainty] if A in waiting.now else ["-"]
    return found


def test_a_blocked_connect_is_certain_where_its_program_does_not_run() -> None:
    found = waited(runs=[0, 1], process_runs=False, holds=False)
    assert found[:10] == ["-"] * 10
    assert found[-1] == "certain"


def test_a_program_that_runs_meanwhile_is_only_likely_to_wait() -> None:
    assert waited(runs=[0, 1], process_runs=True, holds=False)[-1] == "likely"
    assert waited(runs=[0, 2], process_runs=True, holds=True)[-1] == "likely"


@pytest.mark.parametrize("runs", [[0], [1], [3, 3], [0, 2], [0, 0, 0, 2], [5, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
def test_other_clients_do_not_wait(runs: list[int]) -> None:
    assert set(waited(runs=runs, process_runs=True, holds=False)) == {"-"}


def test_nobody_waits_for_a_card_that_nobody_has() -> None:
    waiting = Waiting(lambda connection: None)
    for step in range(100):
        waiting.feed(step * PERIOD_S, {A: b"1 1 %d" % (step // 2)}, set(), held=False)
    assert waiting.now == {}
