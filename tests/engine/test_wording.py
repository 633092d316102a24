"""Sentences with values: in the clear, and with the private ones replaced."""

from __future__ import annotations

from enum import Enum

import pytest

from gpgdoctor import wording
from gpgdoctor.system.record import replace
from gpgdoctor.wording import Privacy, Private, clear, public, several, text


class Colour(Enum):
    RED = "red"


def alias(private: Private) -> Private:
    return replace(private, value=f"{private.privacy.value}1")


SENTENCE = text(
    "{who} shares {readers} since {number} days, in {colour} ({how}).",
    who=text("{program} (pid {pid})", program=wording.program("pcsc-spy"), pid=wording.pid(7)),
    readers=several([wording.reader_name("Yubico 00"), public("another one")], " and "),
    number=3,
    colour=Colour.RED,
    how=public("openly"),
)


def test_a_sentence_in_the_clear() -> None:
    assert str(SENTENCE) == "pcsc-spy (pid 7) shares Yubico 00 and another one since 3 days, in red (openly)."


def test_every_private_value_is_replaced_and_nothing_else() -> None:
    expected = "program1 (pid pid1) shares reader1 and another one since 3 days, in red (openly)."
    assert SENTENCE.map(alias).clear() == expected


def test_a_value_is_no_template() -> None:
    assert text("it is {name}", name=wording.free("{who} {0} %s")).clear() == "it is {who} {0} %s"


def test_a_long_line_is_cut_where_it_is_shown_and_not_where_it_is_kept() -> None:
    line = wording.line("x" * 100, at_most=10)
    assert text("{line}", line=line).clear() == "xxxxxxx..."
    assert line.value == "x" * 100


def test_a_command_keeps_its_own_words() -> None:
    argv = ("gpgconf", "--homedir", wording.path("/home/alice"), text("{me}:", me=wording.user("alice")))
    assert clear(argv) == ("gpgconf", "--homedir", "/home/alice", "alice:")


@pytest.mark.parametrize("values", [{}, {"who": 1, "what": 2}, {"what": 1}])
def test_fields_and_values_are_the_same(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="has the fields"):
        text("{who}", **values)


def test_each_constructor_says_what_is_private() -> None:
    constructors = {
        wording.reader_name: Privacy.READER,
        wording.path: Privacy.PATH,
        wording.program: Privacy.PROGRAM,
        wording.user: Privacy.USER,
        wording.line: Privacy.LINE,
        wording.message: Privacy.MESSAGE,
        wording.free: Privacy.FREE_TEXT,
    }
    assert {make("x").privacy for make in constructors} == set(constructors.values())
    assert (wording.pid(1).privacy, wording.uid(1).privacy) == (Privacy.PID, Privacy.UID)
