"""Records behave as frozen dataclasses do."""

from __future__ import annotations

import dataclasses

import pytest

from gpgdoctor.system.record import Record, replace


class Point(Record):
    """Two numbers and a word."""

    x: int
    y: int = 2
    word: str | None = None


def test_it_takes_keywords_and_defaults() -> None:
    point = Point(x=1)
    assert (point.x, point.y, point.word) == (1, 2, None)


def test_a_missing_or_an_unknown_field_is_an_error() -> None:
    with pytest.raises(TypeError):
        Point(y=1)  # type: ignore[call-arg]
    with pytest.raises((TypeError, AttributeError)):
        Point(x=1, z=3)  # type: ignore[call-arg]


def test_it_is_frozen_and_has_no_room_for_more() -> None:
    point = Point(x=1)
    with pytest.raises(AttributeError):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x
    assert not hasattr(point, "__dict__")


def test_it_compares_and_hashes_by_value() -> None:
    assert Point(x=1) == Point(x=1, y=2)
    assert Point(x=1) != Point(x=2)
    assert len({Point(x=1), Point(x=1), Point(x=2)}) == 2


def test_the_library_takes_it_for_a_dataclass() -> None:
    assert [field.name for field in dataclasses.fields(Point(x=1))] == ["x", "y", "word"]
    assert dataclasses.replace(Point(x=1), word="there") == Point(x=1, word="there")
    assert dataclasses.fields(Point)[1].default == 2


def test_the_library_says_so() -> None:
    assert all(map(dataclasses.is_dataclass, (Point, Point(x=1))))


def test_it_prints_its_fields() -> None:
    assert repr(Point(x=1)) == "Point(x=1, y=2, word=None)"


def test_a_copy_differs_in_what_is_given() -> None:
    point = Point(x=1, word="here")
    assert replace(point, y=5) == Point(x=1, y=5, word="here")
    assert point.y == 2
    with pytest.raises((TypeError, AttributeError)):
        replace(point, z=1)
