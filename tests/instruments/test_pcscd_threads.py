"""Which thread serves which connection, and the rhythm of one that waits."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgdoctor.instruments.watch.activity import Activity
from gpgdoctor.system.threads import (
    ASKED_AT_ONCE,
    Pairing,
    ThreadClock,
    is_counted,
    is_running,
    processor_time_ns,
    ran,
    scheduled,
    times_scheduled,
    waits,
)

MAIN, BUS, READER = 100, 101, 102


def test_what_came_alone_is_paired_for_sure() -> None:
    pairing = Pairing()
    assert pairing.update({MAIN, BUS, READER}, set())
    assert pairing.update({MAIN, BUS, READER, 110}, {900})
    assert pairing.serves == {110: {900}}
    assert pairing.sure == {110}


def test_what_was_there_already_may_be_any() -> None:
    pairing = Pairing()
    assert pairing.update({MAIN, BUS, READER, 110, 111}, {900, 901})
    assert set(pairing.serves.values()) == {frozenset({900, 901})}
    assert pairing.serves.keys() >= {110, 111}
    assert pairing.sure == set()


def test_two_that_came_at_once_are_told_by_their_inodes_where_one_processor_gave_them_out() -> None:
    pairing = Pairing()
    pairing.update({MAIN}, set())
    assert pairing.update({MAIN, 110, 111}, {900, 901})
    assert pairing.serves == {110: {900}, 111: {901}}


def test_two_that_came_at_once_may_be_either_until_one_has_gone() -> None:
    pairing = Pairing()
    pairing.update({MAIN}, set())
    assert pairing.update({MAIN, 110, 111}, {900, 9001})
    assert pairing.update({MAIN, 111}, {900})
    assert pairing.serves == {111: {900}}
    assert pairing.sure == set()


def test_a_connection_whose_thread_is_not_born_yet_waits_for_it() -> None:
    pairing = Pairing()
    pairing.update({MAIN}, set())
    assert not pairing.update({MAIN}, {900})
    assert pairing.update({MAIN, 110}, {900})
    assert pairing.serves == {110: {900}}
    assert pairing.sure == set(), "another may have come and gone meanwhile"


def test_a_client_of_another_network_namespace_and_a_reader_are_strangers() -> None:
    pairing = Pairing()
    pairing.update({MAIN}, set())
    assert pairing.update({MAIN, 110}, set())
    assert pairing.update({MAIN, 110, 111}, {900})
    assert pairing.serves == {111: {900}}
    assert pairing.sure == {111}


def test_a_thread_that_has_not_ended_yet_serves_nobody() -> None:
    pairing = Pairing()
    pairing.update({MAIN}, set())
    pairing.update({MAIN, 110}, {900})
    assert pairing.update({MAIN, 110}, set())
    assert pairing.serves == {110: set()}
    assert pairing.update({MAIN}, set())
    assert pairing.serves == {}


BIRTHS = st.lists(st.tuples(st.sampled_from(["come", "go", "reader"]), st.integers(1, 3)), max_size=20)


@given(BIRTHS, st.integers(0, 3), st.randoms())
def test_the_connection_of_a_thread_is_always_among_those_it_may_serve(
    steps: list[tuple[str, int]], already: int, chance: Random
) -> None:
    """Clients come and go, in any number between two looks, with threads and inodes in any order."""
    inodes = [1024 * batch for batch in chance.sample(range(1, 1000), 200)]
    truth = {200 + number: inodes.pop() for number in range(already)}
    threads, last = {MAIN, BUS}, 300  # with the readers' own
    pairing = Pairing()
    pairing.update(threads | truth.keys(), set(truth.values()))
    for what, number in steps:
        for _ in range(number):
            last += 1
            if what == "reader":
                threads.add(last)
            elif what == "come":
                truth[last] = inodes.pop()
            elif what == "go" and truth:
                del truth[chance.choice(sorted(truth))]
        if pairing.update(threads | truth.keys(), set(truth.values())):
            for thread, connection in truth.items():
                assert connection in pairing.serves[thread]
                assert thread not in pairing.sure or pairing.serves[thread] == {connection}


def test_who_came_or_ended_between_two_looks_ran() -> None:
    assert ran({1: b"5 0 1", 2: b"6 0 1", 3: b"7 0 1"}, {1: b"5 0 1", 2: b"9 0 2", 4: b"1 0 1"}) == {2, 3, 4}


def _rhythm(seconds: float, step_s: float, per_look: int = 1, every_s: float = 0.1) -> list[tuple[float, int]]:
    steps = int(seconds / step_s) + 1
    return [(at * step_s, per_look * int(at * step_s / every_s + 0.01)) for at in range(steps)]


@pytest.mark.parametrize("step_s", [0.02, 0.05, 0.1, 0.25])
def test_a_look_every_100_ms_is_a_wait(step_s: float) -> None:
    assert waits(_rhythm(2.0, step_s))
    for per_look in range(1, ASKED_AT_ONCE + 1):
        assert waits(_rhythm(2.5, step_s, per_look=per_look), ASKED_AT_ONCE)
    assert not waits(_rhythm(2.0, step_s, per_look=2))


@pytest.mark.parametrize("every_s", [0.034, 0.05, 0.07])
def test_work_spread_evenly_is_no_wait_however_often_a_question_wakes_the_thread(every_s: float) -> None:
    assert not waits(_rhythm(2.5, 0.05, every_s=every_s), ASKED_AT_ONCE)
    assert not waits(_rhythm(2.5, 0.02, every_s=every_s), ASKED_AT_ONCE)


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
    while worker.native_id in clock.read(clock.threads()):  # until the kernel has taken it away
        time.sleep(0.01)
    assert worker.native_id not in clock.threads(), "one that was read and has ended is not listed any more"
    clock.close()
    assert (scheduled(os.getpid()) or 0) > 0


def test_a_process_that_slept_is_still_and_one_that_ran_is_not() -> None:
    if not is_counted():
        pytest.skip("this kernel does not count when threads run")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as cat:
        assert cat.stdin is not None and cat.stdout is not None
        activity = Activity("/nonexistent", cat.pid)
        for _ in range(3):
            cat.stdin.write(b"x")
            assert cat.stdout.read(1) == b"x"
            before = None
            while before != (before := processor_time_ns(cat.pid)):  # until it sleeps again, and that is counted
                time.sleep(0.05)
            activity.begin(None, 0.0)
            assert not activity.is_still(())
            for _ in range(3):
                activity.begin(None, 0.0)
                assert activity.is_still(())
        activity.close()


def test_one_thread_in_the_place_of_another_is_seen() -> None:
    """Their number is the same."""
    clock = ThreadClock(os.getpid())
    for _ in range(3):
        go = threading.Event()
        worker = threading.Thread(target=go.wait, args=(20,), daemon=True)
        worker.start()
        threads = clock.threads()
        assert worker.native_id in threads
        assert clock.read(threads).keys() == threads
        go.set()
        worker.join(20)
        end = time.monotonic() + 20
        while clock.read(threads).keys() == threads:  # joined a moment before the kernel has taken it away
            assert time.monotonic() < end
    clock.close()


def test_what_a_process_has_run_is_seen_by_its_clock() -> None:
    before = processor_time_ns(os.getpid())
    assert before is not None
    sum(range(100_000))
    assert (processor_time_ns(os.getpid()) or 0) > before
    assert is_running(os.getpid())
    assert processor_time_ns(2**22 + 1) is None
    assert is_running(2**22 + 1), "one that is not visible may run"


def test_a_process_that_sleeps() -> None:
    sleeping = subprocess.Popen(["sleep", "60"])
    try:
        end = time.monotonic() + 20
        while is_running(sleeping.pid) and time.monotonic() < end:
            time.sleep(0.01)
        ran = processor_time_ns(sleeping.pid)
        assert not is_running(sleeping.pid)
        assert processor_time_ns(sleeping.pid) == ran
    finally:
        sleeping.kill()
        sleeping.wait()


def test_a_process_that_is_not_there() -> None:
    clock = ThreadClock(2**22 + 1)
    with pytest.raises(OSError):
        clock.threads()
    assert clock.read({1}) == {}
    assert scheduled(2**22 + 1) is None
