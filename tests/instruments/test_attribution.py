"""From counts and threads to who took the card: literal looks, and what holds for any looks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.looks import READER, Story, told

A, B, C = 101, 102, 103
OTHER = "Reader 00 01"


def test_who_ran_alone_took_the_card() -> None:
    story = Story()
    story.look(0, {A, B})
    (change,) = story.look(1, {A, B}, {A})
    assert (change.kind, change.share, change.connections, change.certainty) == ("take", "shared", (A,), "certain")


def test_who_let_go_is_known_by_its_thread() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(1, {A, B}, {A})
    story.look(2, {A, B}, {B})
    (change,) = story.look(1, {A, B}, {A})
    assert told([change]) == [("release", (A,), "certain")]
    assert change.since_s is not None and change.at_s - change.since_s == pytest.approx(0.1)


def test_a_connection_that_closes_lets_go() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(1, {A, B}, {A})
    assert told(story.look(0, {B}, {A})) == [("release", (A,), "certain")]


def test_one_takes_over_between_two_looks() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(1, {A, B}, {A})
    assert told(story.look(1, {B}, {A, B})) == [("release", (A,), "certain"), ("take", (B,), "likely")]


def test_an_exclusive_holder() -> None:
    story = Story()
    story.look(0, {A, B})
    (took,) = story.look(-1, {A, B}, {B})
    assert (took.share, took.connections) == ("exclusive", (B,))
    (let_go,) = story.look(0, {A, B}, {B})
    assert (let_go.share, let_go.connections) == ("exclusive", (B,))


def test_a_holder_that_changes_its_share_mode_is_the_same() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(-1, {A, B}, {A})
    changes = story.look(1, {A, B}, {A})
    assert [(it.kind, it.share, it.connections) for it in changes] == [
        ("release", "exclusive", (A,)),
        ("take", "shared", (A,)),
    ]


def test_what_was_held_before_the_first_look() -> None:
    assert told(Story().look(1, {A}, None)) == [("take", (A,), "likely")]
    assert told(Story().look(1, {A, B}, None)) == [("take", (A, B), "possible")]


@pytest.mark.parametrize(
    ("how", "certainty"),
    [
        ({"prompt": False}, "likely"),
        ({"strangers_ran": True}, "likely"),
        ({"ran": None}, "possible"),
    ],
)
def test_nothing_is_certain_where_something_is_not_seen(how: dict[str, object], certainty: str) -> None:
    story = Story()
    story.look(0, {A, B})
    (change,) = story.look(1, {A, B}, **{"ran": {A}, **how})  # type: ignore[arg-type]
    assert change.certainty == certainty
    assert A in change.connections


def test_a_change_at_two_readers_is_not_certain() -> None:
    story = Story()
    story.look({READER: 0, OTHER: 0}, {A, B})
    changes = story.look({READER: 1, OTHER: 1}, {A, B}, {A})
    assert {change.certainty for change in changes} == {"likely"}


def test_one_of_two_that_ran_is_only_possible() -> None:
    story = Story()
    story.look(0, {A, B})
    assert told(story.look(1, {A, B}, {A, B})) == [("take", (A, B), "possible")]
    assert story.attribution.holders(READER).named == {}


def test_who_has_just_come_came_for_the_card() -> None:
    story = Story()
    story.look(0, {A})
    assert told(story.look(1, {A, B}, {A, B})) == [("take", (B,), "likely")]


def test_a_take_that_nobody_visible_can_have_made() -> None:
    story = Story()
    story.look(0, {A})
    assert told(story.look(1, {A}, set(), strangers_ran=True)) == [("take", (), "possible")]
    assert told(story.look(0, {A}, set(), strangers_ran=True)) == [("release", (), "possible")]


def test_the_end_tells_who_of_two_it_was() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(1, {A, B}, {A, B})
    assert told(story.look(0, {A, B}, {B})) == [("release", (B,), "likely")]


def test_who_let_go_unseen_is_no_certain_one() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(1, {A, B}, {A})
    for _ in range(40):
        story.look(1, {A, B}, {A})
    story.look(1, {A, B}, {A, B})  # in truth A let go, and B took the card
    assert told(story.look(0, {A, B}, {B})) == [("release", (A,), "likely")]


def test_who_goes_without_letting_go_was_not_the_holder() -> None:
    story = Story()
    story.look(0, {A, B})
    story.look(1, {A, B}, {A, B})
    story.look(1, {B}, {A})
    assert story.attribution.holders(READER).named.keys() == {B}


def test_a_reader_that_is_unplugged_has_no_holders() -> None:
    story = Story()
    story.look(0, {A})
    story.look(1, {A}, {A})
    story.look({}, {A})
    assert told(story.look(1, {A}, {A})) == [("take", (A,), "certain")]


def test_looks_at_which_nothing_ran_tell_the_same_as_none_at_all() -> None:
    every, some = Story(), Story()
    every.look(0, {A, B})
    some.look(0, {A, B})
    for _ in range(5):  # B often runs for nothing, A only for the card
        for _ in range(3):
            every.look(0, {A, B})
        every.look(0, {A, B}, {B})
        some.look(0, {A, B}, {B}, rests=3)
    for _ in range(20):
        every.look(0, {A, B})
    taken = some.look(1, {A, B}, {A, B}, rests=20)
    assert told(every.look(1, {A, B}, {A, B})) == told(taken) == [("take", (A,), "likely")]


LOOKS = st.lists(
    st.tuples(
        st.integers(-1, 4),
        st.frozensets(st.integers(1, 6), max_size=5),
        st.one_of(st.none(), st.frozensets(st.integers(1, 6), max_size=4)),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(LOOKS)
def test_holders_always_add_up_to_what_pcscd_counts(
    looks: list[tuple[int, frozenset[int], frozenset[int], bool]],
) -> None:
    story = Story()
    for count, connections, ran, strangers_ran in looks:
        story.look(count, connections, ran, strangers_ran=strangers_ran)
        holders = story.attribution.holders(READER)
        assert holders.handles == abs(count)
        assert holders.named.keys() <= connections


@settings(max_examples=300, deadline=None)
@given(LOOKS)
def test_certain_is_only_who_ran_alone(looks: list[tuple[int, frozenset[int], frozenset[int], bool]]) -> None:
    story = Story()
    for count, connections, ran, strangers_ran in looks:
        for change in story.look(count, connections, ran, strangers_ran=strangers_ran):
            if change.kind == "take" and change.certainty == "certain":
                assert ran == frozenset(change.connections) and not strangers_ran


@st.composite
def _lives(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Clients that take and let go one at a time, in any order."""
    held: set[int] = set()
    steps = []
    for _ in range(draw(st.integers(1, 25))):
        client = draw(st.sampled_from([A, B, C]))
        steps.append(("release" if client in held else "take", client))
        held ^= {client}
    return steps


@given(_lives())
def test_clients_that_act_one_at_a_time_are_told_without_a_mistake(steps: list[tuple[str, int]]) -> None:
    story = Story()
    story.look(0, {A, B, C})
    count = 0
    for kind, client in steps:
        count += 1 if kind == "take" else -1
        assert told(story.look(count, {A, B, C}, {client})) == [(kind, (client,), "certain")]
