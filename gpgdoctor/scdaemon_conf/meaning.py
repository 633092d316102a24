"""What a misspelt line was meant to say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpgdoctor.scdaemon_conf.lines import Line
from gpgdoctor.scdaemon_conf.options import OptionTable

FARTHEST_TYPO = 2
# An abbreviation has to be most of the word: `enable-pinpad` does not mean `enable-pinpad-varlen`.
SHORTEST_ABBREVIATION = 2 / 3
# MacGPG2's patched scdaemon takes this for pcsc-shared; no other does.
OTHER_NAMES = {"shared-access": "pcsc-shared", "debug-ccid": "debug-ccid-driver"}
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
INVISIBLE = "\0\ufeff\u200b\u200c\u200d\u2060\u00ad"
WIDE_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
PLAIN = {
    **{ord(dash): "-" for dash in DASHES},
    **{ord(space): " " for space in WIDE_SPACES},
    **{ord(nothing): None for nothing in INVISIBLE},
}
# What scdaemon says where it did not find the option that was meant; of other lines it found it, and not the value.
MISREAD = ("unknown-option", "argument-not-expected")
NOTE_AFTER_FLAG = re.compile(r"(?:^|\s)(?:#|//|;)")
NOTE_AFTER_VALUE = re.compile(r"(?:^|\s)#")
YES = ("", "1", "yes", "on", "true", "enable", "enabled")
QUOTES = "'\"`\u2018\u2019\u201c\u201d"


def meant_by(line: Line, table: OptionTable) -> tuple[str | None, str | None]:
    """The option that a line is about, and the corrected line; None for what cannot be known."""
    if line.problem is None:
        return line.option, _mended_value(line)
    if line.problem == "invalid-debug-level" and line.value:
        level = NOTE_AFTER_VALUE.split(line.value, maxsplit=1)[0].strip()
        return line.word, f"debug-level {level}" if level and level != line.value.strip() else None
    if line.problem not in MISREAD:
        return line.word, None
    if "\r" in line.raw.strip() and (lines := _old_mac_lines(line.raw, table)):
        first = next((line for line in lines if line and not line.startswith("#")), "")
        return first.partition(" ")[0] or None, "\n".join(lines)
    name, argument = _words(line.raw)
    for known in _readings(name, table):
        return known, _statement(known, argument, table)
    return None, None


def nearly(line: Line, table: OptionTable) -> str | None:
    """The line with the name that is nearly its own."""
    name, argument = _words(line.raw)
    known = near(name, table) if line.problem == "unknown-option" else None
    return _statement(known, argument, table) if known else None


def near(name: str, table: OptionTable) -> str | None:
    """The one option whose name is nearly this, if there is exactly one."""
    for known in _readings(name, table):
        return known
    other = OTHER_NAMES.get(name)
    if other and table.knows(other):
        return other
    longer = [known for known in _useful(table) if known.startswith(name)]
    if len(longer) == 1 and len(name) >= SHORTEST_ABBREVIATION * len(longer[0]):
        return longer[0]
    alike = [known for known in _useful(table) if _alike(name, known)]
    return alike[0] if len(alike) == 1 else None


def _useful(table: OptionTable) -> list[str]:
    """Nobody means an option that does nothing, and is refused with so much as a blank after it."""
    return [option.name for option in table.options if option.usable_in_a_file and not option.ignored]


def _old_mac_lines(raw: str, table: OptionTable) -> list[str]:
    """The lines of a text whose lines end with a carriage return alone, if they are a configuration at all."""
    lines = [line.strip(" \t") for line in raw.strip().split("\r")]
    for line in lines:
        name, _, value = line.partition(" ")
        if (
            line
            and not line.startswith("#")
            and (not table.knows(name) or (table.argument(name) == "none") == bool(value))
        ):
            return []
    return lines


def _mended_value(line: Line) -> str | None:
    value = (line.value or "").strip()
    mended = value[1:].strip() if value.startswith("=") else value
    if len(mended) > 1 and mended[0] == mended[-1] and mended[0] in "'\u2018\u2019":
        mended = mended[1:-1]
    return f"{line.option} {mended}" if mended and mended != value else None


def _words(raw: str) -> tuple[str, str]:
    """The first word and the rest, with characters that only look right made plain."""
    plain = raw.translate(PLAIN).strip().strip(QUOTES)
    match = re.match(r"(-*[^\s=:]*)[\s=:]*", plain)
    assert match
    return match[1].strip(QUOTES + ";,"), plain[match.end() :]


def _readings(name: str, table: OptionTable) -> Iterator[str]:
    plain = name.lstrip("-")
    for candidate in (plain, plain.lower(), plain.lower().replace("_", "-")):
        option = table.find(candidate)
        if option and option.usable_in_a_file and not option.ignored:
            yield candidate


def _statement(name: str, rest: str, table: OptionTable) -> str | None:
    is_flag = table.argument(name) == "none"
    argument = (NOTE_AFTER_FLAG if is_flag else NOTE_AFTER_VALUE).split(rest, maxsplit=1)[0].strip().strip(QUOTES)
    if is_flag:
        return name if argument.lower().rstrip(";,") in YES else None
    return f"{name} {argument}" if argument else None


def _alike(name: str, known: str) -> bool:
    """A typo apart; in a short word every letter counts."""
    allowed = min(FARTHEST_TYPO, len(known) // 4)
    return abs(len(name) - len(known)) <= allowed and _distance(name.lower(), known) <= allowed


def _distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that make one word of the other."""
    before, above = list(range(len(other) + 1)), list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
