"""Sentences that know which of their values are private.

A finding refers to the machine by value: ``text("{who} shares {reader}", who=program(name), reader=reader_name(r))``.
The same Text is printed as it is, or with each private value replaced by an alias; no sentence is searched for names.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache
from typing import TypeAlias

from gpgdoctor.system.record import Record, replace


class Privacy(Enum):
    """What a value reveals about somebody, and so how it leaves the machine."""

    PUBLIC = "public"  # as it is
    USER = "user"  # a log-in name
    UID = "uid"
    HOST = "host"  # the machine's name
    PATH = "path"
    SERIAL = "serial"  # of a card or token
    READER = "reader"  # a reader's name, which may end in a serial number
    PROGRAM = "program"  # a process's name, which its user chooses
    LINE = "line"  # of a configuration file, or a value in one
    MESSAGE = "message"  # what a program printed
    FREE_TEXT = "free-text"  # anything
    PID = "pid"
    INODE = "inode"
    TIME = "time"  # seconds since the epoch


class Private(Record):
    """A value from the machine. ``at_most`` is how many characters of it a sentence shows; None: all."""

    privacy: Privacy
    value: str | int
    at_most: int | None = None

    def clear(self) -> str:
        shown = str(self.value)
        if self.at_most is None or len(shown) <= self.at_most:
            return shown
        return shown[: self.at_most - 3] + "..."


class Public(Record):
    """A string that reveals nothing about anybody."""

    value: str

    def clear(self) -> str:
        return self.value


class Text(Record):
    """A template and the values of its fields."""

    template: str
    values: tuple[tuple[str, Value], ...] = ()

    def clear(self) -> str:
        """The sentence as the machine's owner reads it."""
        return self.template.format_map({name: _clear(value) for name, value in self.values})

    def map(self, change: Callable[[Private], Private]) -> Text:
        """The same sentence with every private value replaced."""
        return replace(self, values=tuple((name, _mapped(value, change)) for name, value in self.values))

    def __str__(self) -> str:
        return self.clear()


class Several(Record):
    """Values one after another, with a joiner between them."""

    items: tuple[Value, ...]
    joiner: str

    def clear(self) -> str:
        return self.joiner.join(map(_clear, self.items))


Value: TypeAlias = int | Enum | Private | Public | Text | Several
Argument: TypeAlias = str | Private | Text  # a str is gpgdoctor's own, never the machine's
Command: TypeAlias = tuple[Argument, ...]


def text(template: str, **values: Value) -> Text:
    """A sentence; raises ValueError where its fields and the values are not the same."""
    if _fields(template) != values.keys():
        raise ValueError(f"{template!r} has the fields {sorted(_fields(template))}, not {sorted(values)}")
    return Text(template=template, values=tuple(values.items()))


def several(items: Iterable[Value], joiner: str = ", ") -> Several:
    return Several(items=tuple(items), joiner=joiner)


def clear(argv: Command) -> tuple[str, ...]:
    """A command as it is to be typed."""
    return tuple(item if isinstance(item, str) else item.clear() for item in argv)


def public(value: str) -> Public:
    """For strings that are gpgdoctor's own, or that only name a product, a version or an option."""
    return Public(value=value)


def reader_name(value: str) -> Private:
    return Private(privacy=Privacy.READER, value=value)


def path(value: str) -> Private:
    return Private(privacy=Privacy.PATH, value=value)


def program(value: str) -> Private:
    """The name of a program, as its process or its path has it."""
    return Private(privacy=Privacy.PROGRAM, value=value)


def pid(value: int) -> Private:
    return Private(privacy=Privacy.PID, value=value)


def user(value: str) -> Private:
    return Private(privacy=Privacy.USER, value=value)


def uid(value: int) -> Private:
    return Private(privacy=Privacy.UID, value=value)


def line(value: str, at_most: int | None = None) -> Private:
    """A line of a configuration file, or the value of an option."""
    return Private(privacy=Privacy.LINE, value=value, at_most=at_most)


def message(value: str) -> Private:
    return Private(privacy=Privacy.MESSAGE, value=value)


def free(value: str) -> Private:
    """Anything else that comes from the machine."""
    return Private(privacy=Privacy.FREE_TEXT, value=value)


@cache
def _fields(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def _clear(value: Value) -> str:
    if isinstance(value, int):
        return str(int(value))
    return str(value.value) if isinstance(value, Enum) else value.clear()


def _mapped(value: Value, change: Callable[[Private], Private]) -> Value:
    if isinstance(value, Private):
        return change(value)
    if isinstance(value, Text):
        return value.map(change)
    if isinstance(value, Several):
        return replace(value, items=tuple(_mapped(item, change) for item in value.items))
    return value
