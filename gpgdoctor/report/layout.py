"""The layout of the drawn picture of the way: plain numbers and texts, for way.svg to draw.

Two shapes: wide, with the stations in a row, and tall, with one under another, for a phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gpgdoctor.report.lettering import lines_of, width_of
from gpgdoctor.system.escape import printable
from gpgdoctor.system.record import Record, replace
from gpgdoctor.way.model import Beside, Branch, Kind, Link, Passage, Sign, State, Way, sign_of

LINE = 18
PAD = 10
MARGIN = 14  # left and right of captions
SHOWN = 4  # programs and other readers; what is left is counted
NAME_LIMIT = 80
BOX_LINES = 5  # of a name, and of a note
CAPTION_LINES = 8
RADIUS = 10  # of a mark
TALL_REASON, GAP_WITH_REASON = 150.0, 64.0  # the room for a reason between two stations
ADDRESS = re.compile(r" \((USB [^()]*)\)$")  # at the end of a reader's name
NUMBERS = re.compile(r" [0-9A-F]{2} [0-9A-F]{2}$")  # that pcscd adds to tell readers apart
SIGNS = {Sign.CROSS: "\N{MULTIPLICATION SIGN}", Sign.ALERT: "!", Sign.WAIT: "\N{HORIZONTAL ELLIPSIS}"}
BAD = {State.ABSENT, State.SILENT, State.ELSEWHERE, State.BLOCKED, State.BROKEN, State.MUTE}


class Box(Record):
    x: float
    y: float
    width: float
    height: float
    name: tuple[str, ...]  # in lines
    address: tuple[str, ...]  # in small letters: where a reader is on USB
    notes: tuple[str, ...]
    style: str  # "plain", "bad", "unknown" or "other", the last with a severity

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """What is written in it, each line with its kind."""
        parts = {"name": self.name, "address": self.address, "note": self.notes}
        return tuple((kind, line) for kind, lines in parts.items() for line in lines)

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


class Label(Record):
    """Why a line is broken: a line of text, or two, around ``x`` or from it on."""

    lines: tuple[str, ...]
    x: float
    y: float  # of the first line
    anchor: str = "middle"
    leader: tuple[tuple[float, float], ...] = ()  # to the mark


class Line(Record):
    points: tuple[tuple[float, float], ...]
    passage: str
    mark: tuple[float, float] | None = None
    label: Label | None = None
    severity: str = "info"
    sign: str = ""  # "cross", "alert" or "wait"


class _Item(Record):
    """A program, or another reader."""

    name: str
    notes: list[str]
    address: str = ""
    branch: Branch | None = None


class Picture(Record):
    name: str  # "wide" or "tall"
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    captions: tuple[tuple[str, str, float], ...]  # severity, text with its sign, and y
    title: str
    description: str


def pictures(way: Way) -> tuple[Picture, Picture]:
    return wide(way), tall(way)


def wide(way: Way) -> Picture:
    width, gap, height = 920.0, 38.0, 74.0
    widths = [50.0, 122.0, 122.0, 122.0, 200.0, 104.0]
    top = 12.0 + (LINE + 8) * sum(link.finding is not None for link in way.links)
    boxes: list[Box] = []
    x = (width - sum(widths) - gap * 5) / 2
    for number, size in enumerate(widths):
        boxes.append(_station(way, number, x, top, size, height))
        x += size + gap
    height = max(box.height for box in boxes)
    boxes = [_higher(box, height) for box in boxes]
    lines = _labelled_above([_across(way, number, boxes) for number in range(len(way.links))], way, top, width)
    items = _items(way)
    under, bus = top + height + 64, top + height + 30
    if items:
        others, joints = _row(way, items, boxes, under, bus, width)
        boxes += others
        lines += joints
        bottom = max(box.y + box.height for box in others)
    else:
        bottom = top + height
    return _picture("wide", way, width, bottom, boxes, lines)


def _labelled_above(lines: list[Line], way: Way, top: float, width: float) -> list[Line]:
    """Each broken line with its reason over the stations, one above another, and a thin line down to the mark."""
    labelled = []
    y = top - 12.0
    for line, link in zip(lines, way.links, strict=True):
        if line.mark is not None:
            half = width_of(link.why) / 2
            x = max(min(line.mark[0], width - PAD - half), PAD + half)
            down = ((line.mark[0], y + 6), (line.mark[0], line.mark[1] - RADIUS))
            line = replace(line, label=Label(lines=(link.why,), x=x, y=y, leader=down))
            y -= LINE + 8
        labelled.append(line)
    return labelled


def _row(
    way: Way, items: list[_Item], boxes: list[Box], y: float, bus: float, width: float
) -> tuple[list[Box], list[Line]]:
    """The others in a row, as near as may be under the station that they go to."""
    size, gap = 206.0, 18.0
    total = len(items) * size + (len(items) - 1) * gap
    joint = boxes[_joint(way)].middle[0]
    x = min(max(8.0, joint - total / 2), width - total - 8)
    found, lines = [], []
    for item in items:
        box = _box(item.name, item.address, item.notes, x, y, size, _style(item.branch))
        found.append(box)
        middle = box.middle[0]
        points = ((middle, y), (middle, bus), (joint, bus), (joint, boxes[0].y + boxes[0].height))
        lines.append(_joined(points, (middle, (y + bus) / 2), item.branch))
        x += size + gap
    tallest = max(box.height for box in found)
    return [_higher(box, tallest) for box in found], lines


def tall(way: Way) -> Picture:
    width, height, gap, x, size = 360.0, 58.0, 40.0, 12.0, 190.0
    boxes: list[Box] = []
    y = 12.0
    for number in range(len(way.stations)):
        box = _station(way, number, x, y, size, height)
        boxes.append(box)
        is_broken = number < len(way.links) and way.links[number].finding is not None
        y += box.height + (GAP_WITH_REASON if is_broken else gap)
    lines = [_labelled_beside(_down(way, number, boxes), way.links[number]) for number in range(len(way.links))]
    items = _items(way)
    joint = boxes[_joint(way)]
    bus = x + size + 20
    y = joint.middle[1]
    for number, item in enumerate(items):
        size_left = width - bus - 20 - 4
        box = _box(item.name, item.address, item.notes, bus + 20, y, size_left, _style(item.branch))
        if number == 0:  # its middle where the line to it is
            box = replace(box, y=y - box.height / 2)
        boxes.append(box)
        middle = box.middle[1]
        points = ((box.x, middle), (bus, middle), (bus, joint.middle[1]), (x + size, joint.middle[1]))
        lines.append(_joined(points, (bus + 10, middle), item.branch))
        y = box.y + box.height + 12
    return _picture("tall", way, width, max(box.y + box.height for box in boxes), boxes, lines)


def _labelled_beside(line: Line, link: Link) -> Line:
    if line.mark is None:
        return line
    x, y = line.mark
    wrapped = lines_of(link.why, TALL_REASON, 3)
    first = y + 5 - (len(wrapped) - 1) * LINE / 2
    return replace(line, label=Label(lines=wrapped, x=x + RADIUS + 6, y=first, anchor="start"))


# -- parts -------------------------------------------------------------------------------------------------------


def _station(way: Way, number: int, x: float, y: float, width: float, height: float) -> Box:
    station = way.stations[number]
    style = "bad" if station.state in BAD else "unknown" if station.state is State.UNKNOWN else "plain"
    is_reader = station.kind is Kind.READER
    name, address = _shown_name(way, station.name) if is_reader else (station.name, "")
    box = _box(name, address, [station.state_text] if station.state_text else [], x, y, width, style)
    return _higher(box, height)


def _higher(box: Box, height: float) -> Box:
    return replace(box, height=max(box.height, height))


def _box(name: str, address: str, notes: list[str], x: float, y: float, width: float, style: str) -> Box:
    names = lines_of(name, width - 2 * PAD, BOX_LINES)
    wrapped = tuple(line for note in notes for line in lines_of(note, width - 2 * PAD, BOX_LINES))
    where = lines_of(address, width - 2 * PAD, 2)
    height = LINE * (len(names) + len(where) + len(wrapped)) + 2 * PAD
    return Box(x=x, y=y, width=width, height=height, name=names, address=where, notes=wrapped, style=style)


def _across(way: Way, number: int, boxes: list[Box]) -> Line:
    one, other = boxes[number], boxes[number + 1]
    y = one.middle[1]
    return _link(way, number, ((one.x + one.width, y), (other.x, y)))


def _down(way: Way, number: int, boxes: list[Box]) -> Line:
    one, other = boxes[number], boxes[number + 1]
    x = one.x + 40
    return _link(way, number, ((x, one.y + one.height), (x, other.y)))


def _link(way: Way, number: int, points: tuple[tuple[float, float], tuple[float, float]]) -> Line:
    link = way.links[number]
    middle = ((points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2)
    if link.finding is None:
        return Line(points=points, passage=_class(link.passage))
    return Line(
        points=points,
        passage=_class(link.passage),
        mark=middle,
        severity=link.finding.found.severity,
        sign=sign_of(link.finding).value,
    )


def _joined(points: tuple[tuple[float, float], ...], mark: tuple[float, float], branch: Branch | None) -> Line:
    if branch is None or branch.finding is None:
        return Line(points=points, passage="open")
    severity = branch.finding.found.severity
    sign = sign_of(branch.finding).value
    return Line(points=points, passage=_class(branch.passage), mark=mark, severity=severity, sign=sign)


def _class(passage: Passage) -> str:
    return passage.name.lower()


def _style(branch: Branch | None) -> str:
    """Of a box: what is said of a program that is refused has the colour of its finding."""
    return f"other {branch.finding.found.severity}" if branch and branch.finding else "other"


def _joint(way: Way) -> int:
    """The place of the station that the others go to."""
    kinds = [station.kind for station in way.stations]
    return kinds.index(way.branches[0].joins) if way.branches else kinds.index(Kind.READER) - 1


def _items(way: Way) -> list[_Item]:
    programs = [_Item(name=_who(it), notes=_notes(it), branch=it) for it in way.branches]
    readers = [_other_reader(way, it) for it in way.beside]
    room = SHOWN if len(programs) + len(readers) <= SHOWN else SHOWN - 1
    shown = [*programs[: room - min(1, len(readers))], *readers][:room]
    left = len(programs) + len(readers) - len(shown)
    return [*shown, *([_Item(name=f"{left} more", notes=[])] if left else [])]


def _shown_name(way: Way, whole: str) -> tuple[str, str]:
    """A reader's name, and its address on USB; pcscd's numbers only where they tell it from another one."""
    whole = printable(whole, NAME_LIMIT)
    found = ADDRESS.search(whole)
    if found:
        return whole[: found.start()], found[1]
    names = [
        NUMBERS.sub("", printable(it.name, NAME_LIMIT)) for it in (way.stations[-2], *(o.reader for o in way.beside))
    ]
    short = NUMBERS.sub("", whole)
    return (short if names.count(short) == 1 else whole), ""


def _who(branch: Branch) -> str:
    return printable(branch.program, NAME_LIMIT)


def _notes(branch: Branch) -> list[str]:
    ids = [f"pid {branch.pid}"] if branch.pid is not None else []
    ids += [printable(branch.user, NAME_LIMIT)] if branch.user else []
    through = ["through pcscd"] if branch.through_pcscd else []
    return [text for text in (", ".join([*ids, *through]), branch.note) if text]


def _other_reader(way: Way, it: Beside) -> _Item:
    says = {State.PRESENT: "another reader, with a card", State.ABSENT: "another reader, empty"}
    mark = f" ({it.finding.id})" if it.finding else ""
    name, address = _shown_name(way, it.reader.name)
    note = says.get(it.card.state, f"another reader, card {it.card.state_text}") + mark
    return _Item(name=name, address=address, notes=[note])


# -- the whole ---------------------------------------------------------------------------------------------------


def _picture(name: str, way: Way, width: float, bottom: float, boxes: Sequence[Box], lines: Sequence[Line]) -> Picture:
    captions = []
    y = bottom + 34
    for finding in way.breaks[:3]:
        text = f"{SIGNS[sign_of(finding)]} {finding.id}: {printable(finding.found.summary.clear())}"
        for line in lines_of(text, width - 2 * MARGIN, CAPTION_LINES):
            captions.append((finding.found.severity, line, y))
            y += LINE + 2
        y += 4
    return Picture(
        name=name,
        width=width,
        height=y - 10 if captions else bottom + 12,
        boxes=tuple(boxes),
        lines=tuple(lines),
        captions=tuple(captions),
        title="The way from gpg to the card",
        description=" ".join(_sentences(way)),
    )


def _sentences(way: Way) -> Iterator[str]:
    """The picture in words, for people who do not see it."""
    names = [printable(it.name, NAME_LIMIT) + (f" ({it.state_text})" if it.state_text else "") for it in way.stations]
    yield f"Stations: {', '.join(names)}."
    for link, one, other in zip(way.links, way.stations, way.stations[1:], strict=False):
        if link.finding is not None:
            broken = f"{link.passage.value}, says {link.finding.id}: {link.why}"
            yield f"Between {one.kind.value} and {other.kind.value} it is {broken}."
        elif link.passage is Passage.UNKNOWN:
            yield f"Between {one.kind.value} and {other.kind.value} it is not known."
    for item in _items(way):
        name = f"{item.name} ({item.address})" if item.address else item.name
        yield f"Also there: {name}{_in_brackets(item.notes)}."


def _in_brackets(notes: list[str]) -> str:
    return f" ({'; '.join(notes)})" if notes else ""
