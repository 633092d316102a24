"""Facts to JSON and back. ``None`` is left out, an unknown fact is ``{"unknown": why}``."""

from __future__ import annotations

import re
import types
import typing
from typing import Any, TypeVar

from gpgdoctor.facts import PROBES, Facts, Unknown, known_or
from gpgdoctor.system.record import Record

T = TypeVar("T")

_UNKNOWN_KEYS = {"unknown"}
BYTES = re.compile(r"(?:[0-9A-Fa-f]{2})*")


class BadSnapshot(Exception):
    """What was read is not a snapshot; the message names the place."""


class _Contagious(Exception):
    """An unknown where the type allows none: whatever contains it is unknown."""


def encode(fact: Any) -> Any:
    """A fact as plain JSON values."""
    if isinstance(fact, Unknown):
        return {"unknown": fact.reason}
    if isinstance(fact, tuple):
        return [encode(item) for item in fact]
    if isinstance(fact, Record):
        pairs = ((name, getattr(fact, name)) for name in fact.__slots__)
        return {name: encode(value) for name, value in pairs if value is not None}
    return fact


def decode(document: Any) -> Facts:
    """Facts from the JSON of :func:`encode`; raises BadSnapshot with the place of the first mistake."""
    facts = _decode(Facts, document, "facts")
    assert isinstance(facts, Facts)
    for number, reader in enumerate(known_or(facts.readers, ())):
        if known_or(reader.probe, PROBES[0]) not in PROBES:
            raise BadSnapshot(f"facts.readers[{number}].probe: one of {', '.join(PROBES)} was expected")
        if not BYTES.fullmatch(known_or(reader.atr, None) or ""):
            raise BadSnapshot(f"facts.readers[{number}].atr: bytes in hexadecimal were expected")
    return facts


def decode_as(kind: type[T], document: Any) -> T:
    """Part of the facts, or a record that holds parts of them; raises BadSnapshot."""
    part = _decode(kind, document, kind.__name__)
    assert isinstance(part, kind)
    return part


def _decode(kind: Any, value: Any, place: str) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), value, place)
    if _is_unknown(value):
        if _is_record(kind):
            return _smeared(kind, Unknown(value["unknown"]), place)
        raise _Contagious(value["unknown"])
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise BadSnapshot(f"{place}: a list was expected")
        item = typing.get_args(kind)[0]
        return tuple(_decode(item, entry, f"{place}[{number}]") for number, entry in enumerate(value))
    if _is_record(kind):
        return _decode_record(kind, value, place)
    return _decode_scalar(kind, value, place)


def _decode_union(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if Unknown in kinds and _is_unknown(value):
        return Unknown(value["unknown"])
    (kind,) = (kind for kind in kinds if kind not in (Unknown, type(None)))
    if Unknown not in kinds:
        return _decode(kind, value, place)
    try:
        return _decode(kind, value, place)
    except _Contagious as part:
        return Unknown(str(part))


def _decode_record(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise BadSnapshot(f"{place}: an object was expected")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _field(kind, name, hints[name], value, place) for name in kind.__slots__})


def _field(kind: type[Record], name: str, hint: Any, value: dict[str, Any], place: str) -> Any:
    here = f"{place}.{name}"
    if name in value:
        return _decode(hint, value[name], here)
    if name in kind.__record_defaults__:
        return kind.__record_defaults__[name]
    if type(None) in typing.get_args(hint):
        return None
    if Unknown in typing.get_args(hint):
        return Unknown("not in this snapshot")
    raise BadSnapshot(f"{here} is missing")


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def _smeared(kind: Any, unknown: Unknown, place: str) -> Any:
    """A record of which nothing is known, where each of its fields may be unknown."""
    hints = typing.get_type_hints(kind)
    if not all(Unknown in typing.get_args(hint) or _is_record(hint) for hint in hints.values()):
        raise _Contagious(unknown.reason)
    return kind(
        **{
            name: unknown if Unknown in typing.get_args(hint) else _smeared(hint, unknown, f"{place}.{name}")
            for name, hint in hints.items()
        }
    )


def _decode_scalar(kind: Any, value: Any, place: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise BadSnapshot(f"{place}: {kind.__name__} was expected, not {type(value).__name__}")
    return value


def _is_unknown(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == _UNKNOWN_KEYS and isinstance(value["unknown"], str)
