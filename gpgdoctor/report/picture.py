"""The way to the card as lines of text: across where there is room, else from top to bottom; one line for pipes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import accumulate

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.report.glyphs import BOXES, PLAIN, Glyphs
from gpgdoctor.report.style import COLOURS, NARROWEST, Drawing, Style
from gpgdoctor.system.escape import printable
from gpgdoctor.system.record import Record, replace
from gpgdoctor.way import is_broken, way
from gpgdoctor.way.model import Beside, Branch, Kind, Link, Passage, State, Station, Way

MARGIN = "  "
MOST_LINES = 12
ITEMS = 4  # programs that are drawn beneath the way
MARK_LINES = 3  # of the sentences about the two worst findings
GAP, TWIG = 5, 3  # columns between two stations, and of the line to a program
STATE_COLUMNS = (18, 14, 11, 9)  # of what is said of a station: the widest that fits
NAME_LEFT = 10  # of a name that is cut for what is said of it
NAME_LIMIT = 60  # of a program or a reader


class Item(Record):
    """A program or a reader beside the way. ``names``: the longest first."""

    names: tuple[str, ...]
    note: str = ""
    branch: Branch | None = None


def picture(diagnosis: Diagnosis, style: Style) -> list[str]:
    """The lines of the picture, and an empty one; nothing where none is wanted, or nothing breaks the way."""
    wanted = style.verbose or (style.drawing is not Drawing.LINE and is_broken(diagnosis))
    if style.drawing is Drawing.NONE or not wanted:
        return []
    drawn = way(diagnosis)
    if style.drawing is Drawing.LINE:
        return [*_one_line(drawn, style), ""]
    glyphs = BOXES if style.drawing is Drawing.BOXES else PLAIN
    marks = list(_marks(drawn, style, glyphs))
    across = _across(drawn, style, glyphs, marks)
    lines = across if across is not None else list(_downwards(drawn, style, glyphs, marks))
    return [*lines, *marks, ""]


# -- one line ----------------------------------------------------------------------------------------------------


def _one_line(drawn: Way, style: Style) -> Iterator[str]:
    """Without its beginning where that is too long; beneath it, where it breaks."""
    names = [_ascii(_short(station)) for station in drawn.stations]
    links = list(drawn.links)
    while len(MARGIN + " -- ".join(names)) > style.width and not links[0].finding and names[0] != Kind.SCDAEMON.value:
        names, links = names[1:], links[1:]
    excess = len(MARGIN + " -- ".join(names)) - style.width
    if excess > 0:
        names[-2] = _cut(names[-2], len(names[-2]) - excess)
    yield MARGIN + " -- ".join(names)
    ends = list(accumulate(len(name) + len(" -- ") for name in names))
    for end, link in zip(ends, links, strict=False):
        if link.finding is not None:
            words = f"{PLAIN.mark(link.finding)} {link.passage.value}: {link.finding.id} ({link.why})"
            yield _beneath(len(MARGIN) + end - len("-- "), "^^", words, style)
    kinds = [station.kind for station in drawn.stations][-len(names) :]
    for branch in drawn.branches:
        if branch.finding is not None:
            before = kinds.index(branch.joins) - 1
            sign = PLAIN.mark(branch.finding)
            words = f"{sign} {_who(branch)} {branch.passage.value}: {branch.finding.id} ({branch.note})"
            yield _beneath(len(MARGIN) + ends[before], "^", words, style)


def _beneath(column: int, mark: str, words: str, style: Style) -> str:
    """A mark under a link, or under a station, and the words on the side that has more room."""
    right, left = style.width - column - len(mark) - 1, column - 1
    words = _cut(_ascii(words), max(right, left))
    return f"{' ' * column}{mark} {words}" if len(words) <= right else f"{words} {mark}".rjust(column + len(mark))


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


# -- across ------------------------------------------------------------------------------------------------------


class _Row(Record):
    """The stations in a row: each one's lines of text, its name first, and the column that it begins at."""

    cells: tuple[tuple[str, ...], ...]
    starts: tuple[int, ...]
    is_named: bool  # whether the reader's own name is in it


def _across(drawn: Way, style: Style, glyphs: Glyphs, marks: list[str]) -> list[str] | None:
    """None where it does not fit. A long name of the reader stands beneath. ``marks``: what follows it."""
    row = _row(drawn, style)
    if row is None:
        return None
    lines = [*_reasons(drawn, row, style, glyphs), *_stations(drawn, row, style, glyphs)]
    own = [] if row.is_named else [_named("this reader" if drawn.beside else "reader", drawn.stations[-2], style)]
    room = MOST_LINES - len(lines) - len(own) - len(marks)
    programs, readers = _shares(len(drawn.branches), len(drawn.beside), room)
    tree = list(_tree(drawn, row, style, glyphs, programs, is_airy=programs + readers < room))
    return [*lines, *tree, *own, *_other_readers(drawn, style, readers)]


def _row(drawn: Way, style: Style) -> _Row | None:
    """With the reader's name where there is room for it; what is said of a station may take several lines."""
    for is_named in (True, False):
        for room in STATE_COLUMNS:
            cells = tuple(_cell(station, style, room, is_named=is_named) for station in drawn.stations)
            widths = [max(map(len, cell)) for cell in cells]
            starts = (*accumulate((width + GAP for width in widths[:-1]), initial=len(MARGIN)),)
            if starts[-1] + widths[-1] <= style.width:
                return _Row(cells=cells, starts=starts, is_named=is_named)
    return None


def _cell(station: Station, style: Style, room: int, *, is_named: bool) -> tuple[str, ...]:
    states = textwrap.wrap(station.state_text, room, break_long_words=False)
    if station.kind is Kind.READER:
        return style.encodable(_name(station)) if is_named else station.kind.value, *states
    return *textwrap.wrap(station.name, max(room, len(station.kind.value.split()[0])), break_long_words=False), *states


def _shares(programs: int, readers: int, room: int) -> tuple[int, int]:
    """How many lines programs get, and other readers."""
    if programs + readers > room:
        readers = min(readers, 1)
    return min(programs, room - readers), readers


def _reasons(drawn: Way, row: _Row, style: Style, glyphs: Glyphs) -> list[str]:
    """Why it breaks, each over its mark and tied to it: two lines, or none where nothing breaks it."""
    said = painted = ties = ""
    for number, link in enumerate(drawn.links):
        if link.finding is None:
            continue
        mark = _mark_at(row.starts[number] + len(row.cells[number][0]) + 1, row.starts[number + 1] - 1)
        why = _cut(style.encodable(link.why), style.width - len(MARGIN))
        column = max(min(mark - len(why) // 2, style.width - len(why)), len(MARGIN))
        if column < len(said) + (len(MARGIN) if said else 0):
            continue  # it is said beneath
        gap, colour = " " * (column - len(said)), _colour(link.finding)
        ties += " " * (mark - len(re.sub(r"\x1b\[[\d;]*m", "", ties))) + style.paint(glyphs.down, colour)
        said, painted = f"{said}{gap}{why}", f"{painted}{gap}{style.paint(why, colour)}"
    return [painted, ties] if said else []


def _mark_at(start: int, end: int) -> int:
    """The column of the mark in a line from one column to before another."""
    return start + (end - start - 1) // 2


def _stations(drawn: Way, row: _Row, style: Style, glyphs: Glyphs) -> Iterator[str]:
    """Names with the lines between them, and what is said of each beneath; there the line to programs begins."""
    names = MARGIN
    for number, cell in enumerate(row.cells):
        names += cell[0]
        if number < len(drawn.links):
            length = row.starts[number + 1] - row.starts[number] - len(cell[0]) - 2
            names += f" {_line(drawn.links[number], length, style, glyphs)} "
    yield names
    joint = _joint(drawn)
    for level in range(1, max(map(len, row.cells))):
        beneath = ""
        for number, (start, cell) in enumerate(zip(row.starts, row.cells, strict=True)):
            is_stem = number == joint and level >= len(cell)
            said = f" {glyphs.down}" if is_stem else cell[level] if level < len(cell) else ""
            beneath = f"{beneath:<{start}}{said}" if said else beneath
        yield beneath


def _joint(drawn: Way) -> int | None:
    """The place of the station that programs go to."""
    kinds = [station.kind for station in drawn.stations]
    return kinds.index(drawn.branches[0].joins) if drawn.branches else None


def _line(link: Link | Branch, length: int, style: Style, glyphs: Glyphs) -> str:
    """A line of this many columns, with its mark in the middle."""
    drawing = glyphs.dots if link.passage is Passage.UNKNOWN else glyphs.line
    if link.finding is None:
        return drawing * length
    before = _mark_at(0, length)
    mark = style.paint(glyphs.mark(link.finding), _colour(link.finding))
    return drawing * before + mark + drawing * (length - before - 1)


def _tree(drawn: Way, row: _Row, style: Style, glyphs: Glyphs, most: int, *, is_airy: bool) -> Iterator[str]:
    """The programs, hanging from the station that they go to: to the right of it, or to the left."""
    joint = _joint(drawn)
    if joint is None or most < 1:
        return
    column = row.starts[joint] + 1
    if is_airy and len(row.cells[joint]) == max(map(len, row.cells)):
        yield " " * column + glyphs.down
    items = _items(map(_program, drawn.branches), style, min(most, ITEMS))
    room = style.width - column - TWIG - 2
    left = column - TWIG - 1 - len(MARGIN)
    is_right = room >= left or all(len(_whole(item)) <= room for item in items)
    for number, item in enumerate(items):
        is_last = number == len(items) - 1
        line = _line(item.branch or Link(passage=Passage.OPEN), TWIG, style, glyphs)
        if is_right:
            yield f"{' ' * column}{glyphs.last if is_last else glyphs.fork}{line} {_words(item, room)}"
        else:
            text = _words(item, left)
            end = glyphs.last_left if is_last else glyphs.fork_left
            yield f"{text:>{column - TWIG - 1}} {line}{end}"


def _named(label: str, reader: Station, style: Style) -> str:
    return MARGIN + _cut(f"{label}: {style.encodable(_name(reader))}", style.width - len(MARGIN))


def _other_readers(drawn: Way, style: Style, most: int) -> Iterator[str]:
    for item in _items(map(_other_reader, drawn.beside), style, most):
        yield MARGIN + _words(item, style.width - len(MARGIN))


def _items(all_items: Iterable[Item], style: Style, most: int) -> list[Item]:
    """Programs and other readers; where there are more than this, how many more."""
    items = list(all_items)
    left = len(items) - most + 1
    shown = items if left <= 1 else [*items[: most - 1], Item(names=(f"{left} more",))]
    return [replace(it, names=tuple(map(style.encodable, it.names)), note=style.encodable(it.note)) for it in shown]


def _program(branch: Branch) -> Item:
    through = " through pcscd" if branch.through_pcscd else ""
    names = (_who(branch) + through, printable(branch.program, NAME_LIMIT) + through)
    return Item(names=names, note=branch.note, branch=branch)


def _who(branch: Branch) -> str:
    ids = [f"pid {branch.pid}"] if branch.pid is not None else []
    ids += [printable(branch.user, NAME_LIMIT)] if branch.user else []
    return printable(branch.program, NAME_LIMIT) + (f" ({', '.join(ids)})" if ids else "")


def _other_reader(it: Beside) -> Item:
    has = {State.PRESENT: "has a card", State.ABSENT: "is empty", State.MUTE: "has a mute card"}
    card = has.get(it.card.state, f"card {it.card.state_text}")
    mark = f", {it.finding.id}" if it.finding else ""
    return Item(names=(f"other reader: {printable(it.reader.name, NAME_LIMIT)}",), note=card + mark)


def _words(item: Item, room: int) -> str:
    """The longest name that fits, else a piece of one: what is said of it is not cut."""
    note = f": {item.note}" if item.note else ""
    name = next((name for name in item.names if len(name + note) <= room), None)
    return _cut((name or _cut(item.names[-1], room - len(note))) + note, room)


# -- from top to bottom ------------------------------------------------------------------------------------------


def _downwards(drawn: Way, style: Style, glyphs: Glyphs, marks: list[str]) -> Iterator[str]:
    room = max(style.width, NARROWEST) - len(MARGIN)
    breaks = 0
    yield f"{MARGIN}{drawn.stations[0].name}"
    for link, station in zip(drawn.links, drawn.stations[1:], strict=True):
        line = glyphs.down_dots if link.passage is Passage.UNKNOWN else glyphs.down
        if link.finding is not None:
            reason = style.wrapped(link.why, f"{MARGIN}{glyphs.mark(link.finding)} ", f"{MARGIN}{glyphs.down} ")
            breaks += len(reason)
            yield from (style.paint(line, _colour(link.finding)) for line in reason)
        state = f": {station.state_text}" if station.state_text else ""
        name = _cut(style.encodable(_short(station)), max(room - 2 - len(state), NAME_LEFT))
        yield f"{MARGIN}{line} {_cut(name + state, room - 2)}"
    left = MOST_LINES - len(drawn.stations) - breaks - len(marks)
    others = [*map(_program, drawn.branches), *map(_other_reader, drawn.beside)]
    whole = [line for item in others for line in style.wrapped(_whole(item), f"{MARGIN}also ", MARGIN * 2)]
    if len(whole) <= left:
        yield from whole
        return
    for item in _items(others, style, left):
        yield f"{MARGIN}also {_words(item, room - len('also '))}"


def _whole(item: Item) -> str:
    return item.names[0] + (f": {item.note}" if item.note else "")


# -- what it says ------------------------------------------------------------------------------------------------


def _marks(drawn: Way, style: Style, glyphs: Glyphs) -> Iterator[str]:
    """A sentence about each of the first two findings: two lines for the first one, one for the other."""
    for finding, most in zip(drawn.breaks, (MARK_LINES - 1, 1), strict=False):
        yield from _mark(finding, most, style, glyphs)


def _colour(finding: Finding) -> str:
    return COLOURS[finding.found.severity]


def _mark(finding: Finding, most: int, style: Style, glyphs: Glyphs) -> list[str]:
    head = f"{glyphs.mark(finding)} {finding.id}"
    lines = style.wrapped(f"{head} {printable(finding.found.summary.clear())}", MARGIN, MARGIN * 2)
    if len(lines) > most:
        lines = [*lines[: most - 1], _cut(f"{lines[most - 1]} ...", style.width)]
    return [lines[0].replace(head, style.paint(head, _colour(finding)), 1), *lines[1:]]


def _name(station: Station) -> str:
    return printable(station.name, NAME_LIMIT)


def _short(station: Station) -> str:
    return station.kind.value if station.kind is Kind.DRIVER else _name(station)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."
