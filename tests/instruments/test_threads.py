"""Which thread serves which connection, and the rhythm of one that waits."""

from __future__ import annotations

import os
import threading
import time

import pytest

from gpgdoctor.system.threads import Pairing, ThreadClock, is_counted, ran, scheduled, times_scheduled, waits

MAIN, BUS, READER = 100, 101, 102


def test_what_came_alone_is_paired_for_sure() -> None:
    pairing = Pairing(MAIN)
    assert pairing.update({MAIN, BUS, READER}, set())
    assert pairing.update({MAIN, BUS, READER, 110}, {900})
    assert (pairing.connection_of, pairing.sure) == ({110: 900}, {900})


def test_what_was_there_already_is_paired_by_age_and_not_sure() -> None:
    pairing = Pairing(MAIN)
    assert pairing.update({MAIN, BUS, READER, 110, 111}, {900, 901})
    assert (pairing.connection_of, pairing.sure) == ({110: 900, 111: 901}, set())


def test_two_that_came_at_once_are_not_sure() -> None:
    pairing = Pairing(MAIN)
    pairing.update({MAIN}, set())
    assert pairing.update({MAIN, 110, 111}, {900, 901})
    assert pairing.sure == set()


def test_a_connection_whose_thread_is_not_born_yet_waits_for_it() -> None:
    pairing = Pairing(MAIN)
    pairing.update({MAIN}, set())
    assert not pairing.update({MAIN}, {900})
    assert pairing.update({MAIN, 110}, {900})
    assert pairing.connection_of == {110: 900}
    assert pairing.sure == set(), "another may have come and gone meanwhile"


def test_a_client_of_another_network_namespace_leaves_the_rest_unpaired() -> None:
    pairing = Pairing(MAIN)
    pairing.update({MAIN}, set())
    assert pairing.update({MAIN, 110}, set())
    assert not pairing.update({MAIN, 110, 111}, {900})
    assert pairing.split([MAIN, 110, 111], {}) == (frozenset(), True)


def test_the_thread_of_a_closed_connection_is_known_to_the_end() -> None:
    pairing = Pairing(MAIN)
    pairing.update({MAIN}, set())
    pairing.update({MAIN, 110}, {900})
    earlier = dict(pairing.connection_of)
    pairing.update({MAIN}, set())
    assert pairing.split([110, MAIN], earlier) == (frozenset({900}), False)


def test_who_came_or_ended_between_two_looks_ran() -> None:
    assert ran({1: b"5 0 1", 2: b"6 0 1", 3: b"7 0 1"}, {1: b"5 0 1", 2: b"9 0 2", 4: b"1 0 1"}) == {2, 3, 4}


def _rhythm(seconds: float, step_s: float, per_look: int = 1, every_s: float = 0.1) -> list[tuple[float, int]]:
    steps = int(seconds / step_s) + 1
    return [(at * step_s, per_look * int(at * step_s / every_s + 0.01)) for at in range(steps)]


@pytest.mark.parametrize("step_s", [0.02, 0.05, 0.1, 0.25])
def test_a_look_every_100_ms_is_a_wait(step_s: float) -> None:
    assert waits(_rhythm(2.0, step_s))
    assert waits(_rhythm(2.5, step_s, per_look=2), at_once=2)
    assert not waits(_rhythm(2.0, step_s, per_look=2))


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(_rhythm(0.5, 0.05), id="not long enough"),
        pytest.param(_rhythm(2.0, 0.05, per_look=0), id="idle"),
        pytest.param(_rhythm(2.0, 0.05, per_look=9), id="busy"),
        pytest.param(_rhythm(2.0, 0.05, every_s=0.4), id="a reader's own thread"),
        pytest.param([*_rhythm(1.5, 0.05)[:-6], *((1.2 + n * 0.05, 13) for n in range(7))], id="it has stopped"),
        pytest.param([(n * 0.05, 10 * (n // 20)) for n in range(41)], id="all at once"),
    ],
)
def test_other_rhythms_are_no_wait(samples: list[tuple[float, int]]) -> None:
    assert not waits(samples)


@pytest.mark.parametrize("text", [b"", b"nonsense", b"1 2", b"1 2 x\n", b"0 0 0\n"])
def test_a_kernel_that_does_not_count(text: bytes) -> None:
    assert times_scheduled(text) == 0


def test_the_kernel_tells_when_a_thread_ran() -> None:
    if not is_counted():
        pytest.skip("this kernel does not count when threads run")
    go, done = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(20)
        done.set()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    time.sleep(0.05)
    clock = ThreadClock(os.getpid())
    threads = clock.threads()
    assert worker.native_id in threads
    before = clock.read(threads)
    assert worker.native_id not in ran(before, clock.read(threads))
    go.set()
    assert done.wait(20)
    worker.join(20)
    assert worker.native_id in ran(before, clock.read(clock.threads()))
    clock.close()
    assert (scheduled(os.getpid()) or 0) > 0


def test_a_process_that_is_not_there() -> None:
    clock = ThreadClock(2**22 + 1)
    with pytest.raises(OSError):
        clock.threads()
    assert clock.read({1}) == {}
    assert scheduled(2**22 + 1) is None
