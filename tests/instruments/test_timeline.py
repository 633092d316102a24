"""Events become a timeline, lines, merged lines and a table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgdoctor.instruments.watch import table
from gpgdoctor.instruments.watch.lines import Words, as_json, duration
from gpgdoctor.instruments.watch.merging import Merger
from gpgdoctor.instruments.watch.naming import Who
from gpgdoctor.instruments.watch.timeline import Event, Recorder, Timeline

READER = "Reader 00 00"
FIREFOX = Who(pid=7, program="firefox", certainty="certain")
YKMAN = Who(pid=8, program="ykman", certainty="likely")
SCDAEMON = Who(pid=9, program="scdaemon", certainty="certain")


def take(t_s: float, *by: Who, share: str = "shared") -> Event:
    return Event(t_s=t_s, kind="take", change="began", reader=READER, share=share, by=by)  # type: ignore[arg-type]


def release(t_s: float, *by: Who, share: str = "shared") -> Event:
    return Event(t_s=t_s, kind="release", change="over", reader=READER, share=share, by=by)  # type: ignore[arg-type]


def conflict(t_s: float, kind: str, change: str = "began") -> Event:
    return Event(t_s=t_s, kind=kind, change=change, reader=READER, share="shared", by=(SCDAEMON,), holders=(FIREFOX,))  # type: ignore[arg-type]


def recorded(*events: Event, until_s: float = 10.0) -> Timeline:
    recorder = Recorder(began_at=0.0)
    for event in events:
        recorder.add(event)
    return recorder.timeline(until_s)


def test_a_hold_is_a_span_and_a_row() -> None:
    timeline = recorded(take(1.0, FIREFOX), release(3.0, FIREFOX), take(4.0, FIREFOX, share="exclusive"))
    assert [(span.share, span.start_s, span.end_s) for span in timeline.spans] == [
        ("shared", 1.0, 3.0),
        ("exclusive", 4.0, None),
    ]
    (row,) = timeline.rows
    assert (row.program, row.pids, row.times, row.held_s) == ("firefox", (7,), 2, 8.0)
    assert row.shares == ("shared", "exclusive")


def test_the_end_of_a_hold_may_tell_better_whose_it_was() -> None:
    timeline = recorded(take(1.0, FIREFOX, YKMAN), release(2.0, YKMAN))
    assert [span.by for span in timeline.spans] == [(YKMAN,)]
    assert [(row.program, row.times, row.held_s) for row in timeline.rows] == [("ykman", 1, 1.0)]


def test_a_conflict_counts_for_both_sides_and_a_wait_shows_the_transaction() -> None:
    timeline = recorded(
        take(1.0, FIREFOX), conflict(2.0, "wait"), conflict(4.0, "wait", "over"), conflict(5.0, "refused")
    )
    assert {row.program: row.conflicts for row in timeline.rows} == {"firefox": 2, "scdaemon": 2}
    assert [(span.share, span.start_s, span.end_s) for span in timeline.spans if span.share == "transaction"] == [
        ("transaction", 2.0, 4.0)
    ]
    assert [mark.kind for mark in timeline.marks] == ["wait", "wait", "refused"]


@pytest.mark.parametrize(
    "end",
    [
        Event(t_s=5.0, kind="pcscd", change="ended"),
        Event(t_s=5.0, kind="reader", change="left", reader=READER),
    ],
)
def test_a_hold_does_not_outlive_its_reader_and_its_pcscd(end: Event) -> None:
    timeline = recorded(take(1.0, FIREFOX), end)
    assert [(span.start_s, span.end_s) for span in timeline.spans] == [(1.0, 5.0)]
    assert timeline.rows[0].held_s == 4.0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([(FIREFOX,), (YKMAN,), (FIREFOX, YKMAN), ()])), max_size=40))
def test_no_time_is_counted_twice(steps: list[tuple[bool, tuple[Who, ...]]]) -> None:
    events = [(take if takes else release)(float(at), *by) for at, (takes, by) in enumerate(steps)]
    timeline = recorded(*events, until_s=float(len(steps)))
    spans = sum((timeline.seconds if it.end_s is None else it.end_s) - it.start_s for it in timeline.spans)
    assert sum(row.held_s for row in timeline.rows) == pytest.approx(spans)
    assert sum(row.times for row in timeline.rows) == sum(takes for takes, _ in steps)


# -- as text ----------------------------------------------------------------------------------------------------------


def sentences(*events: Event) -> list[str]:
    words = Words(0.0)
    return [words.sentence(event) for event in events]


def test_sentences() -> None:
    reader = Event(t_s=0.0, kind="reader", change="came", reader=READER)
    assert sentences(
        reader,
        take(1.0, FIREFOX),
        take(1.0, FIREFOX, YKMAN, share="exclusive"),
        take(1.0),
        conflict(2.0, "wait"),
        conflict(2.0, "refused"),
        Event(t_s=3.0, kind="slept", change="over", for_s=130.0),
    ) == [
        "reader 1, Reader 00 00, is plugged in",
        "reader 1: firefox (pid 7) takes the card, shared (certain)",
        "reader 1: firefox (pid 7) or ykman (pid 8) takes the card, alone (likely)",
        "reader 1: a program that is not visible takes the card, shared (possible)",
        "reader 1: scdaemon (pid 9) waits for firefox (pid 7): in a transaction, or an operation is running (certain)",
        "reader 1: scdaemon (pid 9) goes without the card: firefox (pid 7) has it, shared (certain)",
        "this machine slept for 2 min 10 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.05, "50 ms"), (1.3, "1.3 s"), (59.96, "60.0 s"), (125, "2 min 5 s"), (7260, "2 h 1 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_it_is_called_it_is_one_line_of_printable_text(program: str, reader: str) -> None:
    by = (Who(pid=1, program=program, certainty="likely"),)
    event = Event(t_s=1.0, kind="take", change="began", reader=reader, share="shared", by=by)
    assert Words(0.0).line(event).isprintable()
    line = as_json(event)
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["by"][0]["program"] == program


def merged(*events: Event, until_s: float | None = None) -> list[str]:
    merger = Merger(Words(0.0))
    lines = []
    for event in events:
        lines += [*merger.pass_time(event.t_s), *merger.feed(event)]
    lines += merger.pass_time(until_s) if until_s is not None else merger.finish()
    return [line.partition("  ")[2] for line in lines]


def cycles(number: int, every_s: float = 1.3, hold_s: float = 0.05) -> list[Event]:
    return [
        event
        for at in range(number)
        for event in (take(at * every_s, FIREFOX), release(at * every_s + hold_s, FIREFOX))
    ]


def test_repeats_are_merged_while_they_last() -> None:
    lines = merged(*cycles(7))
    assert len(lines) == 5
    assert lines[-1] == "reader 1: firefox (pid 7) every 1.3 s for 50 ms, 5 more times (certain)"


def test_a_long_series_says_now_and_then_that_it_goes_on() -> None:
    lines = merged(*cycles(40))
    assert [line.partition(", ")[2] for line in lines[4:]] == [
        "8 more times so far (certain)",
        "16 more times so far (certain)",
        "32 more times so far (certain)",
        "38 more times (certain)",
    ]


def test_a_series_ends_when_it_does_not_go_on() -> None:
    assert len(merged(*cycles(5), until_s=5.5)) == 4
    assert merged(*cycles(5), until_s=30.0)[-1].endswith("3 more times (certain)")


def test_a_hold_that_lasts_is_not_merged() -> None:
    lines = merged(*cycles(5), take(6.5, FIREFOX), until_s=8.0)
    assert lines[-2:] == [
        "reader 1: firefox (pid 7) every 1.3 s for 50 ms, 3 more times (certain)",
        "reader 1: firefox (pid 7) takes the card, shared (certain)",
    ]
    lines = merged(*cycles(5), take(6.5, FIREFOX), release(9.0, FIREFOX))
    assert lines[-1] == "reader 1: firefox (pid 7) lets go (certain)"


def test_others_are_not_merged_with_it() -> None:
    lines = merged(*cycles(4), take(4.0, YKMAN), release(4.2, YKMAN))
    assert sum("ykman" in line for line in lines) == 2


@given(st.lists(st.sampled_from([FIREFOX, YKMAN]), max_size=30), st.integers(20, 80))
def test_the_table_keeps_within_its_width(takes: list[Who], width: int) -> None:
    long = [Who(pid=who.pid, program=who.program * 12, certainty=who.certainty) for who in takes]
    timeline = recorded(*(take(float(at), who) for at, who in enumerate(long)), until_s=40.0)
    lines = table.table(timeline, max(width, 64))
    assert max(map(len, lines)) <= max(width, 64)
    assert len(lines) == (2 + len(timeline.rows) if takes else 1)
