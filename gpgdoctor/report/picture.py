"""The way to the card as lines of text: across where there is room, else from top to bottom; one line for pipes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.report.style import COLOURS, NARROWEST, Drawing, Style
from gpgdoctor.system.escape import printable
from gpgdoctor.system.record import Record
from gpgdoctor.way import is_broken, way
from gpgdoctor.way.model import Beside, Branch, Kind, Link, Passage, State, Station, Way

MARGIN = "  "
BRANCHES, BESIDE, MARKED = 3, 2, 2  # how many are drawn: with the way itself at most twelve lines
MARK_LINES = 2
GAP, TWIG = 5, 3  # columns between two stations, and of the line to a program
PCSCD = 3  # where it stands, or scdaemon's own driver
NAME_LIMIT = 60  # of a program or a reader


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
    while len(MARGIN + " -- ".join(names)) > style.width and names[0] != Kind.SCDAEMON.value:
        names, links = names[1:], links[1:]
    excess = len(MARGIN + " -- ".join(names)) - style.width
    if excess > 0:
        names[-2] = _cut(names[-2], len(names[-2]) - excess)
    yield MARGIN + " -- ".join(names)
    for end, link in zip(accumulate(len(name) + len(" -- ") for name in names), links, strict=False):
        if link.finding is not None:
            yield _beneath(len(MARGIN) + end - len("-- "), f"{link.passage.value}: {link.finding.id}", style)


def _beneath(column: int, words: str, style: Style) -> str:
    """The marks of a link, and the words on the side that has room."""
    after = f"{' ' * column}^^ {words}"
    return after if len(after) <= style.width else f"{words} ^^".rjust(column + len("^^"))


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


# -- across ------------------------------------------------------------------------------------------------------


def _across(drawn: Way, style: Style, glyphs: Glyphs) -> list[str] | None:
    """None where it does not fit. A long name of the reader stands beneath."""
    long = [style.encodable(_name(station)) for station in drawn.stations]
    short = [station.kind.value for station in drawn.stations]
    for names in (long, short):
        cells = [max(len(name), len(it.state.value)) for name, it in zip(names, drawn.stations, strict=True)]
        starts = [*accumulate((cell + GAP for cell in cells[:-1]), initial=len(MARGIN))]
        if starts[-1] + cells[-1] <= style.width:
            beneath = [] if names is long else [f"{MARGIN}reader: {_cut(long[-2], style.width - 10)}"]
            return [*_rows(drawn, names, starts, style, glyphs), *_tree(drawn, starts, style, glyphs), *beneath]
    return None


def _rows(drawn: Way, names: list[str], starts: list[int], style: Style, glyphs: Glyphs) -> Iterator[str]:
    row = states = MARGIN
    for number, (name, station) in enumerate(zip(names, drawn.stations, strict=True)):
        row += name
        states = f"{states:<{starts[number]}}{station.state.value}"
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
    before = (length - 1) // 2
    return drawing * before + style.paint(mark, COLOURS[link.finding.found.severity]) + drawing * (length - before - 1)


def _tree(drawn: Way, starts: list[int], style: Style, glyphs: Glyphs) -> Iterator[str]:
    """Who else is there, hanging from the station that they go to: to the right of it, or to the left."""
    items = _items(drawn, style)
    if not items:
        return
    kinds = [station.kind for station in drawn.stations]
    column = starts[kinds.index(drawn.branches[0].joins) if drawn.branches else PCSCD] + 1
    yield " " * column + glyphs.down
    for number, (words, branch) in enumerate(items):
        is_last = number == len(items) - 1
        line = _line(branch or Link(passage=Passage.OPEN), TWIG, style, glyphs)
        if style.width - column >= column:
            room = style.width - column - TWIG - 2
            yield f"{' ' * column}{glyphs.last if is_last else glyphs.fork}{line} {_cut(words, room)}"
        else:
            text = _cut(words, column - TWIG - 1 - len(MARGIN))
            end = glyphs.last_left if is_last else glyphs.fork_left
            yield f"{text:>{column - TWIG - 1}} {line}{end}"


def _items(drawn: Way, style: Style) -> list[tuple[str, Branch | None]]:
    """Programs, then other readers, then how many more of either."""
    number = len(drawn.branches)
    shown = drawn.branches if number <= BRANCHES else drawn.branches[: BRANCHES - 1]
    words: list[tuple[str, Branch | None]] = [(_words(branch), branch) for branch in shown]
    if len(shown) < number:
        words.append((f"{number - len(shown)} more programs", None))
    words += [(_reader_words(it), None) for it in drawn.beside[: BESIDE - 1]]
    if len(drawn.beside) >= BESIDE:
        words.append((f"{len(drawn.beside) - BESIDE + 1} more readers", None))
    return [(style.encodable(said), branch) for said, branch in words]


def _words(branch: Branch) -> str:
    ids = [f"pid {branch.pid}"] if branch.pid is not None else []
    ids += [printable(branch.user, NAME_LIMIT)] if branch.user else []
    who = printable(branch.program, NAME_LIMIT) + (f" ({', '.join(ids)})" if ids else "")
    through = " through pcscd" if branch.through_pcscd else ""
    marked = branch.passage.value if branch.finding else branch.certainty
    return f"{who}{through}" + (f": {marked}" if marked else "")


def _reader_words(it: Beside) -> str:
    has = {State.PRESENT: "has a card", State.ABSENT: "is empty", State.MUTE: "has a mute card"}
    mark = f", {it.finding.id}" if it.finding else ""
    return f"{printable(it.reader.name, NAME_LIMIT)}: {has.get(it.card.state, it.card.state.value)}{mark}"


# -- from top to bottom ------------------------------------------------------------------------------------------


def _downwards(drawn: Way, style: Style, glyphs: Glyphs) -> Iterator[str]:
    room = max(style.width, NARROWEST) - len(MARGIN)
    yield f"{MARGIN}{drawn.stations[0].name}"
    for link, station in zip(drawn.links, drawn.stations[1:], strict=True):
        line = glyphs.down_dots if link.passage is Passage.UNKNOWN else glyphs.down
        mark = glyphs.marks.get(link.passage)
        if mark is not None and link.finding is not None:
            line = style.paint(mark, COLOURS[link.finding.found.severity])
        state = f": {station.state.value}" if station.state.value else ""
        yield f"{MARGIN}{line} {_cut(style.encodable(_name(station)), room - 2 - len(state))}{state}"
    for words, _ in _items(drawn, style)[:BRANCHES]:
        yield MARGIN + _cut(f"also {words}", room)


# -- what it says ------------------------------------------------------------------------------------------------


def _marks(drawn: Way, style: Style, glyphs: Glyphs) -> Iterator[str]:
    for finding in drawn.breaks[:MARKED]:
        yield from _mark(finding, style, glyphs)


def _mark(finding: Finding, style: Style, glyphs: Glyphs) -> list[str]:
    blocked = finding.rule.breaks is not None and finding.rule.breaks.blocks
    sign = glyphs.marks[Passage.BLOCKED if blocked else Passage.REFUSED]
    head = f"{sign} {finding.id}"
    lines = style.wrapped(f"{head} {printable(finding.found.summary.clear())}", MARGIN, MARGIN * 2)
    if len(lines) > MARK_LINES:
        lines = [*lines[: MARK_LINES - 1], _cut(f"{lines[MARK_LINES - 1]} ...", style.width)]
    return [lines[0].replace(head, style.paint(head, COLOURS[finding.found.severity]), 1), *lines[1:]]


def _name(station: Station) -> str:
    return printable(station.name, NAME_LIMIT)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."
