"""Names as an attacker would choose them, and facts with one of them in any place."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.system.record import Record, replace

EVIL = {
    "escapes": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "bidi": "\u202eexe.\u2066gpj\u2069",
    "invisible": "a\u200bb\ufeffc\u00add",
    "new lines": "one\ntwo\r\nthree\x0b\x0c\x85\u2028\u2029",
    "no UTF-8": "caf\udce9\udcff",
    "performance data": "a | b=1;2;3",
    "long": "x" * 10_000,
    "long and wide": "\U0001f511" * 10_000,
    "markup": "```\n`rm -rf ~` <script>alert(1)</script> [a](javascript:b) **x**",
}
# Of these a program makes decisions: another word there is another fact, and no name.
ENUMERATED = (
    *("role", "status", "scope", "kind", "problem", "state", "later_state", "listener", "answer", "probe"),
    *("socket_file", "system", "init", "unit", "vendor", "product", "scdaemon_version"),
)


def names(record: Record, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every name that stands in the facts."""
    for field in record.__slots__:
        yield from _in_value(getattr(record, field), (*way, field))


def _in_value(value: Any, way: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, Unknown | Enum):  # a word of the program, or a reason: see below
        return
    if isinstance(value, Record):
        yield from names(value, way)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _in_value(item, (*way, number))
    elif isinstance(value, str) and not any(word in ENUMERATED for word in way):
        yield way


def renamed(value: Any, way: tuple[str | int, ...], name: str) -> Any:
    """The same facts with another name in that place."""
    if not way:
        return name
    first, *rest = way
    if isinstance(first, int):
        return (*value[:first], renamed(value[first], tuple(rest), name), *value[first + 1 :])
    return replace(value, **{first: renamed(getattr(value, first), tuple(rest), name)})


def all_renamed(facts: Facts, name: str) -> Facts:
    for way in names(facts):
        facts = renamed(facts, way, name)
    return facts
