"""Every fact says what is private in it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from gpgdoctor import facts
from gpgdoctor.facts import NotKnown, Reason, Unknown, known, privacy_of, words
from gpgdoctor.rules.rule import Culprit, LineChange
from gpgdoctor.snapshot import decode, encode
from gpgdoctor.system.record import Record

OF_FACTS = [it for it in vars(facts).values() if isinstance(it, type) and issubclass(it, Record)]
RECORDS = [*(it for it in OF_FACTS if it.__module__ == facts.__name__ and it is not Unknown), Culprit, LineChange]


def kinds_in(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType, tuple):
        for part in typing.get_args(hint):
            yield from kinds_in(part)
    else:
        yield hint


def holds_records(hint: Any) -> bool:
    kinds = (kind for kind in kinds_in(hint) if isinstance(kind, type) and kind is not Unknown)
    return any(issubclass(kind, Record) for kind in kinds)


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_declares_its_privacy_or_holds_records_that_do(kind: type[Record]) -> None:
    records = {name for name, hint in typing.get_type_hints(kind).items() if holds_records(hint)}
    assert set(privacy_of(kind)) == set(kind.__slots__) - records


def test_a_reason_is_words_to_people_and_a_slug_to_programs() -> None:
    assert words(Unknown(Reason.NO_PROBE)) == "--no-probe"
    assert encode(Unknown(Reason.NO_PROBE)) == {"unknown": "--no-probe", "reason": "no-probe"}
    assert encode(Unknown.because("it is late")) == {"unknown": "it is late"}
    with pytest.raises(NotKnown, match="it is late"):
        known(Unknown.because("it is late"))


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OTHER])
def test_every_reason_that_is_branched_on_has_words_of_its_own(reason: Reason) -> None:
    assert facts.WORDS[reason]
    assert len(set(facts.WORDS.values())) == len(facts.WORDS) == len(Reason) - 1


def test_a_reason_from_a_later_version_keeps_its_words() -> None:
    from tests.support.build import machine

    document = encode(machine())
    document["usb"] = {"unknown": "the moon is full", "reason": "moon"}
    document["readers"] = {"unknown": "in other words", "reason": "passive"}
    again = decode(document)
    assert (again.usb, again.readers) == (
        Unknown.because("the moon is full"),
        Unknown(Reason.PASSIVE, "in other words"),
    )
