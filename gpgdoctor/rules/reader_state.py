"""What the flags of PC/SC and the two looks say of one reader. Functions raise NotKnown."""

from __future__ import annotations

from enum import Enum

from gpgdoctor.facts import Reader, known, known_or


class Hold(Enum):
    """How a reader is held, as far as both looks agree: a program that came and went is no contention."""

    NOT_HELD = "not held"
    SHARED = "shared"
    EXCLUSIVE = "exclusive"


class Card(Enum):
    ABSENT = "absent"
    PRESENT = "present"
    MUTE = "mute"  # it does not answer when it is powered
    UNREACHABLE = "unreachable"  # pcscd cannot talk to the reader
    UNTOLD = "untold"


def hold(reader: Reader) -> Hold:
    first, later = known(reader.state), known(reader.later_state)
    flags = set(first) & set(first if later is None else later) & {"INUSE", "EXCLUSIVE"}
    if "EXCLUSIVE" in flags:
        return Hold.EXCLUSIVE
    return Hold.SHARED if flags else Hold.NOT_HELD


def card(reader: Reader) -> Card:
    flags = known(reader.state)
    meanings = {"UNAVAILABLE": Card.UNREACHABLE, "MUTE": Card.MUTE, "EMPTY": Card.ABSENT, "PRESENT": Card.PRESENT}
    return next((meaning for flag, meaning in meanings.items() if flag in flags), Card.UNTOLD)


def shows_a_card(reader: Reader) -> bool:
    """Whether a card is in it, mute or not. For what only refines a judgement: where it is unknown, there is none."""
    return "PRESENT" in known_or(reader.state, ())


def is_held(reader: Reader) -> bool:
    return hold(reader) is not Hold.NOT_HELD


def was_shown_exclusive(reader: Reader) -> bool:
    """Whether a program held it exclusively, and no probe found otherwise meanwhile."""
    return hold(reader) is Hold.EXCLUSIVE and known(reader.probe) not in ("ok", "gone")


def has_free_card(reader: Reader) -> bool:
    """Whether a program that asks for a card would get the one in this reader now."""
    return card(reader) is Card.PRESENT and not {"INUSE", "EXCLUSIVE"} & set(known(reader.state))
