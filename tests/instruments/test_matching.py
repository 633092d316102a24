"""A thread that ran while a program slept is not that program's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gpgdoctor.instruments.watch.matching import Matching

ONE, TWO = 110, 111  # threads
A, B = 900, 901  # their connections, which are also the programs' numbers here
GROUP = {ONE: frozenset({A, B}), TWO: frozenset({A, B})}


class Programs:
    def __init__(self) -> None:
        self.counts = {A: 0, B: 0}
        self.running: set[int] = set()

    def matching(self, *visible: int) -> Matching:
        def process_of(connection: int) -> int | None:
            return connection if connection in (visible or (A, B)) else None

        return Matching(process_of, time_run=self.counts.get, runs_now=lambda process: process in self.running)


def test_it_takes_two_times_to_know() -> None:
    programs = Programs()
    matching = programs.matching()
    found = []
    for look in range(20):
        ran = frozenset({ONE}) if look % 8 == 5 else frozenset[int]()
        programs.counts[B] += bool(ran)
        found.append(dict(matching.narrow(GROUP, ran, ())))
    assert found[5] == GROUP
    assert found[13] == {ONE: {B}, TWO: {A}}
    assert found[-1] == {ONE: {B}, TWO: {A}}


def test_what_runs_at_this_moment_is_not_asleep_though_it_is_not_counted_yet() -> None:
    programs = Programs()
    programs.running = {A, B}
    matching = programs.matching()
    for look in range(40):
        assert matching.narrow(GROUP, frozenset({ONE}) if look % 8 == 5 else frozenset(), ()) == GROUP
        assert matching.asleep == set()


def test_looks_at_which_nothing_ran_count() -> None:
    programs = Programs()
    matching = programs.matching()
    matching.narrow(GROUP, frozenset(), ())
    for _ in range(2):
        for _ in range(4):
            matching.rest()
        programs.counts[B] += 1
        found = matching.narrow(GROUP, frozenset({ONE}), ())
        for _ in range(4):
            matching.rest()
    assert found == {ONE: {B}, TWO: {A}}


def test_programs_that_always_run_or_are_not_visible_tell_nothing() -> None:
    programs = Programs()
    everybody, nobody = programs.matching(), programs.matching(-1)
    for look in range(40):
        programs.counts = {A: look, B: look}
        ran = frozenset({ONE}) if look % 8 == 5 else frozenset[int]()
        everybody._time_run = programs.counts.get
        assert everybody.narrow(GROUP, ran, ()) == GROUP
        assert nobody.narrow(GROUP, ran, ()) == GROUP


def test_a_thread_that_waits_inside_pcscd_runs_without_its_program() -> None:
    programs = Programs()
    matching = programs.matching()
    for look in range(60):
        programs.counts[A] = look
        assert matching.narrow(GROUP, frozenset({ONE}) if look % 2 else frozenset(), ())[TWO] == GROUP[TWO]


@given(st.lists(st.sampled_from([None, ONE, TWO]), max_size=60))
def test_what_is_true_is_never_ruled_out(runs: list[int | None]) -> None:
    """Each thread runs only when its program does."""
    truth = {ONE: B, TWO: A}
    programs = Programs()
    matching = programs.matching()
    for thread in runs:
        if thread is not None:
            programs.counts[truth[thread]] += 1
        found = matching.narrow(GROUP, frozenset({thread} if thread is not None else ()), ())
        assert all(truth[it] in found[it] for it in truth)
