"""How much room drawn text takes, and its lines where there is not enough."""

from __future__ import annotations

from unicodedata import east_asian_width

JOINTS = "+/"  # where a long word may be broken, behind it
# How wide letters of 14 units are at most: in DejaVu Sans Bold, which is wide.
NARROW, USUAL, BROAD, WIDEST = 5.5, 9.2, 12.2, 15.5


def width_of(text: str) -> float:
    return sum(map(_width, text))


def lines_of(text: str, room: float, most: int) -> tuple[str, ...]:
    """A text in lines that are no wider than this; what is left of it after the last one is cut off."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        line = _beginning(rest, room)
        rest = rest[len(line) :].lstrip()
        lines.append(line.rstrip())
    if rest:
        lines[-1] = _beginning(lines[-1], room - 3 * NARROW, words=False) + "..."
    return tuple(lines)


def _beginning(text: str, room: float, *, words: bool = True) -> str:
    """As much of a text as there is room for; in whole words, if any."""
    end, used = 0, 0.0
    while end < len(text) and used + _width(text[end]) <= room:
        used += _width(text[end])
        end += 1
    if not words or end == len(text):
        return text[: max(end, 1)]
    blank = text.rfind(" ", 0, end + 1)
    joint = blank if blank > 0 else 1 + max(text.rfind(letter, 0, end) for letter in JOINTS)
    return text[: joint if joint > 0 else max(end, 1)]


def _width(letter: str) -> float:
    if letter in "ilj.,:;'|!()[] ":
        return NARROW
    if east_asian_width(letter) in "WF":
        return WIDEST
    return BROAD if letter.isupper() or letter in "mw%@" else USUAL if letter.isascii() else BROAD
