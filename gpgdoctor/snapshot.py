"""Facts to JSON and back. ``None`` is left out, an unknown fact is ``{"unknown": why}``.

Where code branches on why, the slug stands beside it as ``"reason"``. Documents of 0.1.0 have the words alone.
"""

from __future__ import annotations

import re
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, TypeVar

from gpgdoctor.facts import ABSENT, PROBES, WORDS, Facts, Reader, Reason, Unknown, Word, known_or, words
from gpgdoctor.system.record import Record, replace

T = TypeVar("T")

_OF_0_1_0 = {sentence: reason for reason, sentence in WORDS.items()}
LINE_NUMBERS = ("length", "number", "line", "by_line")
NUMBER_LIMIT = 1 << 64  # inodes and times have 64 bits
READER_NAME_LENGTH, PROGRAM_LENGTH = 128, 64  # MAX_READERNAME of pcsc-lite; of a program the kernel keeps 15


class Bounds(NamedTuple):
    """How much of anything a document may hold: input from outside can be of any size."""

    text: int  # characters of one text
    items: int  # of one list
    statements: int  # of a file's list of lines
    lines: int  # of one file
    lines_of_all: int  # of all files together

    def of_list(self, name: str) -> int:
        """How long the list of that name may be."""
        return self.statements if name == "lines" else min(self.items, MOST_OF.get(name, self.items))


# pcsc-lite has room for 16 readers, and a configuration has six files; each takes a lot of text.
MOST_OF = {"readers": 64, "usb": 256, "files": 8}
# Of a file collect/configuration.py keeps no more than this.
SNAPSHOT_BOUNDS = Bounds(text=1 << 16, items=2_000, statements=20_000, lines=200_001, lines_of_all=400_000)
# Of another user's process.
ANSWER_BOUNDS = Bounds(text=1 << 14, items=2_000, statements=2_001, lines=200_001, lines_of_all=400_000)
BYTES = re.compile(r"(?:[0-9A-Fa-f]{2})*")


class BadSnapshot(Exception):
    """What was read is not a snapshot; the message names the place."""


class _UnknownPart(Exception):
    """An unknown where the type allows none: whatever contains it is unknown."""

    def __init__(self, why: Unknown) -> None:
        self.why = why


def encode(fact: Any) -> Any:
    """A fact as plain JSON values."""
    if isinstance(fact, Unknown):
        slug = {} if fact.reason is Reason.OTHER else {"reason": fact.reason.value}
        return {"unknown": words(fact), **slug}
    if isinstance(fact, Enum):
        return fact.value
    if isinstance(fact, tuple):
        return [encode(item) for item in fact]
    if isinstance(fact, bytes):  # in the journal alone
        import base64

        return base64.b64encode(fact).decode()
    if isinstance(fact, Record):
        pairs = ((name, getattr(fact, name)) for name in fact.__slots__)
        return {name: encode(value) for name, value in pairs if value is not None}
    return fact


def is_unknown(value: Any) -> bool:
    """Whether a JSON value says that a fact could not be had."""
    return (
        isinstance(value, dict)
        and {"unknown"} <= set(value) <= {"unknown", "reason"}
        and all(isinstance(part, str) for part in value.values())
    )


def _unknown(value: dict[str, str]) -> Unknown:
    """The reason by its slug or words; one that is not known here keeps its words."""
    reason = _reason(value.get("reason")) or _OF_0_1_0.get(value["unknown"])
    if reason is None:
        return Unknown(Reason.OTHER, value["unknown"])
    return Unknown(reason, "" if value["unknown"] == WORDS[reason] else value["unknown"])


def _reason(slug: str | None) -> Reason | None:
    return next((reason for reason in WORDS if reason.value == slug), None)


def decode(document: Any) -> Facts:
    """Facts from the JSON of :func:`encode`; raises BadSnapshot with the place of the first mistake."""
    facts = decode_as(Facts, document, SNAPSHOT_BOUNDS, "facts")
    for number, reader in enumerate(known_or(facts.readers, ())):
        if known_or(reader.probe, PROBES[0]) not in PROBES:
            raise BadSnapshot(f"facts.readers[{number}].probe: one of {', '.join(PROBES)} was expected")
        if not BYTES.fullmatch(known_or(reader.atr, None) or ""):
            raise BadSnapshot(f"facts.readers[{number}].atr: bytes in hexadecimal were expected")
    return _completed(facts)


def _completed(facts: Facts) -> Facts:
    """Completed with what documents of 0.1.0 lack, and with names no longer than they can be on a machine."""
    readers, processes = facts.readers, facts.processes
    if isinstance(readers, tuple):
        readers = tuple(replace(_with_reason(it), name=it.name[:READER_NAME_LENGTH]) for it in readers)
    if isinstance(processes, tuple):
        processes = tuple(replace(it, program=it.program[:PROGRAM_LENGTH]) for it in processes)
    facts = replace(facts, readers=readers, processes=processes)
    return _without_roots_word(facts) if _was_asked_as_root(facts) else facts


def _was_asked_as_root(facts: Facts) -> bool:
    """Under sudo 0.1.0 asked pcscd as root, which polkit always lets in; if root is refused, everybody is."""
    is_of_0_1_0 = facts.host.session_unit == ABSENT
    return is_of_0_1_0 and known_or(facts.host.called_by, None) is not None and known_or(facts.host.root, False)


def _without_roots_word(facts: Facts) -> Facts:
    unknown = Unknown(Reason.ASKED_AS_ROOT)
    answer = unknown if facts.pcscd.answer == "ok" and known_or(facts.pcscd.polkit, True) else facts.pcscd.answer
    usb = facts.usb
    if isinstance(usb, tuple):
        usb = tuple(replace(interface, accessible=unknown) for interface in usb)
    return replace(facts, pcscd=replace(facts.pcscd, answer=answer), usb=usb)


def _with_reason(reader: Reader) -> Reader:
    """In documents of 0.1.0 only the words say why a reader was not probed."""
    if reader.not_made_reason is not None or reader.not_made_because is None:
        return reader
    return replace(reader, not_made_reason=_OF_0_1_0.get(reader.not_made_because, Reason.OTHER))


def decode_as(kind: type[T], document: Any, bounds: Bounds, place: str = "answer") -> T:
    """Part of the facts, or a record that holds parts of them; raises BadSnapshot, also for what exceeds the bounds."""
    _check_bounds(document, bounds, place)
    try:
        part = _decode(kind, document, place)
    except _UnknownPart as unknown:
        raise BadSnapshot(f"{place} must be known ({words(unknown.why)})") from unknown
    assert isinstance(part, kind)
    return part if _is_of_0_1_0(kind, document) else _with_none(part)


def _is_of_0_1_0(kind: Any, document: Any) -> bool:
    """A document of this version has each of its facts; one of 0.1.0 that was read and written again says so."""
    if kind is not Facts or not isinstance(document, dict):
        return False
    return bool(document.get("usb_blocked", encode(ABSENT)) == encode(ABSENT))


def _with_none(part: Any) -> Any:
    """A fact that a document of this version leaves out is known to be absent, where it can be."""
    if isinstance(part, tuple):
        return tuple(map(_with_none, part))
    if not isinstance(part, Record) or isinstance(part, Unknown):
        return part
    hints = _hints(type(part))
    return type(part)(**{name: _none_or(getattr(part, name), hints[name]) for name in part.__slots__})


def _none_or(value: Any, hint: Any) -> Any:
    if value == ABSENT and type(None) in typing.get_args(hint):
        return None
    return _with_none(value)


def _check_bounds(value: Any, bounds: Bounds, place: str, name: str = "") -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in LINE_NUMBERS and isinstance(item, int) and not 0 <= item <= bounds.lines:
                raise BadSnapshot(f"{place}.{key}: no file has so many lines")
            _check_bounds(item, bounds, f"{place}.{key}", key)
    elif isinstance(value, list):
        if len(value) > bounds.of_list(name):
            raise BadSnapshot(f"{place}: too long a list")
        if name == "files" and sum(map(_length, value)) > bounds.lines_of_all:
            raise BadSnapshot(f"{place}: no files have so many lines together")
        for number, item in enumerate(value):
            _check_bounds(item, bounds, f"{place}[{number}]")
    elif isinstance(value, str):
        if len(value) > bounds.text:
            raise BadSnapshot(f"{place}: too long a text")
    elif isinstance(value, int | float) and not abs(value) < NUMBER_LIMIT:  # nor is one that is no number
        raise BadSnapshot(f"{place}: too large a number")


def _length(file: Any) -> int:
    length = file.get("length") if isinstance(file, dict) else None
    return length if isinstance(length, int) else 0


def _decode(kind: Any, value: Any, place: str) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), value, place)
    if is_unknown(value):
        if _is_record(kind):
            return _unknown_record(kind, _unknown(value), place)
        raise _UnknownPart(_unknown(value))
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise BadSnapshot(f"{place}: a list was expected")
        item = typing.get_args(kind)[0]
        return tuple(_decode(item, entry, f"{place}[{number}]") for number, entry in enumerate(value))
    if _is_record(kind):
        return _decode_record(kind, value, place)
    if typing.get_origin(kind) is typing.Literal:
        return _one_of(typing.get_args(kind), value, place)
    return _decode_scalar(kind, value, place)


def _decode_union(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if Unknown in kinds and is_unknown(value):
        return _unknown(value)
    if any(_is_word(kind) for kind in kinds):
        return _decode_word(kinds, value, place)
    (kind,) = (kind for kind in kinds if kind not in (Unknown, type(None)))
    if Unknown not in kinds:
        return _decode(kind, value, place)
    try:
        return _decode(kind, value, place)
    except _UnknownPart as part:
        return part.why


@cache
def _hints(kind: type[Record]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _is_word(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Word)


def _decode_word(kinds: tuple[Any, ...], value: Any, place: str) -> str:
    """The word, if this version knows it; otherwise as it is, where the type allows that."""
    (word,) = filter(_is_word, kinds)
    text: str = _decode(str, value, place)
    known_words: dict[str, str] = {item.value: item for item in word}
    return known_words.get(text, text if str in kinds else Reason.OTHER)


def _decode_record(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise BadSnapshot(f"{place}: an object was expected")
    hints = _hints(kind)
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
        return Unknown(Reason.NOT_IN_SNAPSHOT)
    raise BadSnapshot(f"{here} is missing")


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def _unknown_record(kind: Any, unknown: Unknown, place: str) -> Any:
    """A record of which nothing is known, where each of its fields may be unknown."""
    hints = _hints(kind)
    if not all(Unknown in typing.get_args(hint) or _is_record(hint) for hint in hints.values()):
        raise _UnknownPart(unknown)
    return kind(
        **{
            name: unknown if Unknown in typing.get_args(hint) else _unknown_record(hint, unknown, f"{place}.{name}")
            for name, hint in hints.items()
        }
    )


def _one_of(words: tuple[Any, ...], value: Any, place: str) -> Any:
    if value not in words:
        raise BadSnapshot(f"{place}: one of {', '.join(words)} was expected")
    return value


def _decode_scalar(kind: Any, value: Any, place: str) -> Any:
    if kind is bytes and isinstance(value, str):
        return _decode_bytes(value, place)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise BadSnapshot(f"{place}: {kind.__name__} was expected, not {type(value).__name__}")
    return value


def _decode_bytes(text: str, place: str) -> bytes:
    import base64

    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadSnapshot(f"{place}: base64 was expected") from error
