"""The way to the card as lines of text: across where there is room, else from top to bottom; one line for pipes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.report.style import COLOURS, NARROWEST, Drawing, Style
from gpgdoctor.system.escape import printable
from gpgdoctor.system.record import Record, replace
from gpgdoctor.way import is_broken, way
from gpgdoctor.way.model import Beside, Branch, Kind, Link, Passage, State, Station, Way

MARGIN = "  "
MOST_LINES = 12
ITEMS = 4  # programs and other readers that are drawn beneath the way
MARK_LINES = 3  # of the sentences about the two worst findings
GAP, TWIG = 5, 3  # columns between two stations, and of the line to a program
PCSCD = 3  # where it stands, or scdaemon's own driver
NAME_LIMIT = 60  # of a program or a reader


class Item(Record):
    """A program or a reader beside the way. ``names``: the longest first."""

    names: tuple[str, ...]
    note: str = ""
    branch: Branch | None = None


class Glyphs(Record):
    line: str
    dots: str  # of what is not known
    marks: dict[Passage, str]
    down: str  # the line, and the dots, from top to bottom
    down_dots: str
    fork: str
    last: str
    fork_left: str
    last_left: str


PLAIN = Glyphs(
    line="-",
    dots=".",
    marks={Passage.REFUSED: "X", Passage.BLOCKED: "#"},
    down="|",
    down_dots=":",
    fork="+",
    last="+",
    fork_left="+",
    last_left="+",
)
BOXES = Glyphs(
    line="─",
    dots="┈",
    marks={Passage.REFUSED: "\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}", Passage.BLOCKED: "▒"},
    down="│",
    down_dots="┊",
    fork="├",
    last="└",
    fork_left="┤",
    last_left="┘",
)


def picture(diagnosis: Diagnosis, style: Style) -> list[str]:
    """The lines of the picture, and an empty one; nothing where none is wanted, or nothing breaks the way."""
    wanted = style.verbose or (style.drawing is not Drawing.LINE and is_broken(diagnosis))
    if style.drawing is Drawing.NONE or not wanted:
        return []
    drawn = way(diagnosis)
    if style.drawing is Drawing.LINE:
        return [*_one_line(drawn, style), ""]
    glyphs = BOXES if style.drawing is Drawing.BOXES else PLAIN
    across = _across(drawn, style, glyphs)
    lines = across if across is not None else list(_downwards(drawn, style, glyphs))
    return [*lines, *_marks(drawn, style, glyphs), ""]


# -- one line ----------------------------------------------------------------------------------------------------


def _one_line(drawn: Way, style: Style) -> Iterator[str]:
    """Without its beginning where that is too long; beneath it, where it breaks."""
    names = [_ascii(_name(station)) for station in drawn.stations]
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
            words = f"{link.passage.value}: {link.finding.id} ({link.why})"
            yield _beneath(len(MARGIN) + end - len("-- "), "^^", words, style)
    kinds = [station.kind for station in drawn.stations][-len(names) :]
    for branch in drawn.branches:
        if branch.finding is not None:
            before = kinds.index(branch.joins) - 1
            words = f"{_who(branch)} {branch.passage.value}: {branch.finding.id} ({branch.note})"
            yield _beneath(len(MARGIN) + ends[before], "^", words, style)


def _beneath(column: int, mark: str, words: str, style: Style) -> str:
    """A mark under a link, or under a station, and the words on the side that has more room."""
    right, left = style.width - column - len(mark) - 1, column - 1
    words = _cut(_ascii(words), max(right, left))
    return f"{' ' * column}{mark} {words}" if len(words) <= right else f"{words} {mark}".rjust(column + len(mark))


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


# -- across ------------------------------------------------------------------------------------------------------


def _across(drawn: Way, style: Style, glyphs: Glyphs) -> list[str] | None:
    """None where it does not fit. A long name of the reader stands beneath."""
    long = [style.encodable(_name(station)) for station in drawn.stations]
    short = [station.kind.value for station in drawn.stations]
    for names in (long, short):
        cells = [max(len(name), len(it.state_text)) for name, it in zip(names, drawn.stations, strict=True)]
        starts = [*accumulate((cell + GAP for cell in cells[:-1]), initial=len(MARGIN))]
        if starts[-1] + cells[-1] <= style.width:
            beneath = [] if names is long else [f"{MARGIN}reader: {_cut(long[-2], style.width - 10)}"]
            return [
                *_reasons(drawn, names, starts, style),
                *_rows(drawn, names, starts, style, glyphs),
                *_tree(drawn, starts, style, glyphs),
                *beneath,
            ]
    return None


def _reasons(drawn: Way, names: list[str], starts: list[int], style: Style) -> list[str]:
    """Why it breaks, each over its mark: one line, or none where nothing breaks it."""
    row = painted = ""
    for number, link in enumerate(drawn.links):
        if link.finding is None:
            continue
        mark = _mark_at(starts[number] + len(names[number]) + 1, starts[number + 1] - 1)
        why = _cut(style.encodable(link.why), style.width - len(MARGIN))
        column = max(min(mark - len(why) // 2, style.width - len(why)), len(MARGIN))
        if column < len(row) + (len(MARGIN) if row else 0):
            continue  # it is said beneath
        gap = " " * (column - len(row))
        row, painted = f"{row}{gap}{why}", f"{painted}{gap}{style.paint(why, _colour(link.finding))}"
    return [painted] if row else []


def _mark_at(start: int, end: int) -> int:
    """The column of the mark in a line from one column to before another."""
    return start + (end - start - 1) // 2


def _rows(drawn: Way, names: list[str], starts: list[int], style: Style, glyphs: Glyphs) -> Iterator[str]:
    row = states = MARGIN
    for number, (name, station) in enumerate(zip(names, drawn.stations, strict=True)):
        row += name
        states = f"{states:<{starts[number]}}{station.state_text}"
        if number < len(drawn.links):
            length = starts[number + 1] - starts[number] - len(name) - 2
            row += f" {_line(drawn.links[number], length, style, glyphs)} "
    yield row
    if states.strip():
        yield states


def _line(link: Link | Branch, length: int, style: Style, glyphs: Glyphs) -> str:
    """A line of this many columns, with its mark in the middle."""
    drawing = glyphs.dots if link.passage is Passage.UNKNOWN else glyphs.line
    mark = glyphs.marks.get(link.passage)
    if mark is None or link.finding is None:
        return drawing * length
    before = _mark_at(0, length)
    return drawing * before + style.paint(mark, _colour(link.finding)) + drawing * (length - before - 1)


def _tree(drawn: Way, starts: list[int], style: Style, glyphs: Glyphs) -> Iterator[str]:
    """Who else is there, hanging from the station that they go to: to the right of it, or to the left."""
    items = _items(drawn, style, ITEMS)
    if not items:
        return
    kinds = [station.kind for station in drawn.stations]
    column = starts[kinds.index(drawn.branches[0].joins) if drawn.branches else PCSCD] + 1
    yield " " * column + glyphs.down
    for number, item in enumerate(items):
        is_last = number == len(items) - 1
        line = _line(item.branch or Link(passage=Passage.OPEN), TWIG, style, glyphs)
        if style.width - column >= column:
            room = style.width - column - TWIG - 2
            yield f"{' ' * column}{glyphs.last if is_last else glyphs.fork}{line} {_words(item, room)}"
        else:
            text = _words(item, column - TWIG - 1 - len(MARGIN))
            end = glyphs.last_left if is_last else glyphs.fork_left
            yield f"{text:>{column - TWIG - 1}} {line}{end}"


def _items(drawn: Way, style: Style, most: int) -> list[Item]:
    """Programs and other readers; where there are more than this, how many more."""
    items = [*map(_program, drawn.branches), *map(_other_reader, drawn.beside)]
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
    mark = f", {it.finding.id}" if it.finding else ""
    return Item(names=(printable(it.reader.name, NAME_LIMIT),), note=has.get(it.card.state, it.card.state_text) + mark)


def _words(item: Item, room: int) -> str:
    """The longest name that fits, else a piece of one: what is said of it is not cut."""
    note = f": {item.note}" if item.note else ""
    name = next((name for name in item.names if len(name + note) <= room), None)
    return _cut((name or _cut(item.names[-1], room - len(note))) + note, room)


# -- from top to bottom ------------------------------------------------------------------------------------------


def _downwards(drawn: Way, style: Style, glyphs: Glyphs) -> Iterator[str]:
    room = max(style.width, NARROWEST) - len(MARGIN)
    breaks = 0
    yield f"{MARGIN}{drawn.stations[0].name}"
    for link, station in zip(drawn.links, drawn.stations[1:], strict=True):
        line = glyphs.down_dots if link.passage is Passage.UNKNOWN else glyphs.down
        mark = glyphs.marks.get(link.passage)
        if mark is not None and link.finding is not None:
            reason = style.wrapped(link.why, f"{MARGIN}{mark} ", f"{MARGIN}{glyphs.down} ")
            breaks += len(reason)
            yield from (style.paint(line, _colour(link.finding)) for line in reason)
        state = f": {station.state_text}" if station.state_text else ""
        yield f"{MARGIN}{line} {_cut(style.encodable(_name(station)), room - 2 - len(state))}{state}"
    for item in _items(drawn, style, MOST_LINES - len(drawn.stations) - breaks - MARK_LINES):
        yield f"{MARGIN}also {_words(item, room - len('also '))}"


# -- what it says ------------------------------------------------------------------------------------------------


def _marks(drawn: Way, style: Style, glyphs: Glyphs) -> Iterator[str]:
    """A sentence about each of the first two findings: two lines for the first one, one for the other."""
    for finding, most in zip(drawn.breaks, (MARK_LINES - 1, 1), strict=False):
        yield from _mark(finding, most, style, glyphs)


def _colour(finding: Finding) -> str:
    return COLOURS[finding.found.severity]


def _mark(finding: Finding, most: int, style: Style, glyphs: Glyphs) -> list[str]:
    blocked = finding.rule.breaks is not None and finding.rule.breaks.blocks
    sign = glyphs.marks[Passage.BLOCKED if blocked else Passage.REFUSED]
    head = f"{sign} {finding.id}"
    lines = style.wrapped(f"{head} {printable(finding.found.summary.clear())}", MARGIN, MARGIN * 2)
    if len(lines) > most:
        lines = [*lines[: most - 1], _cut(f"{lines[most - 1]} ...", style.width)]
    return [lines[0].replace(head, style.paint(head, _colour(finding)), 1), *lines[1:]]


def _name(station: Station) -> str:
    return printable(station.name, NAME_LIMIT)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."
