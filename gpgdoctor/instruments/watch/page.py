"""A timeline as a page: a lane for each reader and each program, what happened beneath, and the summary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpgdoctor.instruments.watch.lines import Words, duration
from gpgdoctor.instruments.watch.series import Marks, Series, marks_of, series_of
from gpgdoctor.instruments.watch.table import SHARES
from gpgdoctor.instruments.watch.timeline import Timeline
from gpgdoctor.report import pages
from gpgdoctor.system.record import Record

WIDTH = 1000.0  # of a lane, in units of its own
THINNEST = 2.0
FAINTEST = 0.35
TICKS = 4
LANES = 16  # of programs, those that held longest
LISTED = 500  # of the times of one series
ROWS = 200
RELOAD_S = 10
OWN_DRIVER = "without pcscd"
HOW = {"shared": "shared", "exclusive": "alone", "transaction": "in a transaction"}
HEIGHTS = {"shared": (11.0, 9.0), "exclusive": (2.0, 18.0), "transaction": (0.0, 4.0)}  # y and height
TROUBLE = ("wait", "refused")


class Piece(Record):
    """A rectangle in a lane."""

    x: float
    y: float
    width: float
    height: float
    style: str
    density: float  # the share of that time in which it was really held
    words: str
    target: str  # the row of the table that tells of it


class Lane(Record):
    name: str
    pieces: tuple[Piece, ...]


def render(timeline: Timeline, *, is_running: bool = False) -> str:
    """The page; while the watch runs it asks the browser to load it again now and then."""
    words = Words(timeline.began_at)
    series, marks = series_of(timeline), marks_of(timeline)
    return pages.render(
        "gpgdoctor.instruments.watch.pages",
        "timeline.html.j2",
        is_running=is_running,
        reload_s=RELOAD_S,
        lasted=duration(timeline.seconds),
        began=words.clock(0.0),
        ticks=[words.clock(timeline.seconds * number / TICKS)[:8] for number in range(TICKS + 1)],
        readers=_reader_lanes(timeline, series, marks),
        programs=_program_lanes(timeline, series, marks),
        happened=_happened(words, series, marks),
        rows=[_row(row) for row in timeline.rows[:ROWS]],
        more_rows=max(0, len(timeline.rows) - ROWS),
        dropped=timeline.dropped,
    )


# -- lanes -------------------------------------------------------------------------------------------------------


def _reader_lanes(timeline: Timeline, series: list[Series], marks: list[Marks]) -> list[Lane]:
    names: list[str | None] = [*timeline.readers]
    if any(it.reader is None for it in series):
        names.append(None)
    return [
        Lane(
            name=OWN_DRIVER if name is None else name,
            pieces=(
                *_pieces(timeline, ((number, it) for number, it in enumerate(series) if it.reader == name)),
                *_ticks(timeline, ((number, it) for number, it in enumerate(marks) if it.reader == name)),
            ),
        )
        for name in names
    ]


def _program_lanes(timeline: Timeline, series: list[Series], marks: list[Marks]) -> list[Lane]:
    names = [row.program for row in timeline.rows][:LANES]
    return [
        Lane(
            name=name,
            pieces=(
                *_pieces(timeline, ((number, it) for number, it in enumerate(series) if it.program == name)),
                *_ticks(timeline, ((number, it) for number, it in enumerate(marks) if it.program == name)),
            ),
        )
        for name in names
    ]


def _pieces(timeline: Timeline, found: Iterable[tuple[int, Series]]) -> Iterable[Piece]:
    for number, it in found:
        y, height = HEIGHTS[it.share]
        x = _x(timeline, it.start_s)
        width = max(THINNEST, _x(timeline, it.end_s) - x)
        yield Piece(
            x=min(x, WIDTH - width),
            y=y,
            width=width,
            height=height,
            style=it.share,
            density=round(max(FAINTEST, min(1.0, it.held_s / max(it.end_s - it.start_s, 1e-3))), 2),
            words=f"{it.program}, {HOW[it.share]}: {_times(it)}",
            target=f"hold-{number}",
        )


def _ticks(timeline: Timeline, found: Iterable[tuple[int, Marks]]) -> Iterable[Piece]:
    for number, it in found:
        x = min(_x(timeline, it.start_s), WIDTH - THINNEST)
        width = max(THINNEST, _x(timeline, it.end_s) - x)
        style = "trouble" if it.kind in TROUBLE else "moment"
        words = f"{it.program or it.kind}: {it.kind}, {len(it.events)} times"
        yield Piece(x=x, y=0, width=width, height=22, style=style, density=1, words=words, target=f"mark-{number}")


def _x(timeline: Timeline, at_s: float) -> float:
    return round(min(1.0, max(0.0, at_s / max(timeline.seconds, 1e-3))) * WIDTH, 1)


# -- tables ------------------------------------------------------------------------------------------------------


def _happened(words: Words, series: list[Series], marks: list[Marks]) -> list[dict[str, Any]]:
    """What the lanes show, in the order of time; each with every single time beneath."""
    holds = [(it.start_s, _hold(words, number, it)) for number, it in enumerate(series)]
    moments = [(it.start_s, _moment(words, number, it)) for number, it in enumerate(marks)]
    return [row for _, row in sorted([*holds, *moments], key=lambda pair: pair[0])]


def _hold(words: Words, number: int, it: Series) -> dict[str, Any]:
    each = [f"{words.clock(span.start_s)} {_lasted(span.start_s, span.end_s)}" for span in it.spans[:LISTED]]
    return {
        "id": f"hold-{number}",
        "at": words.clock(it.start_s),
        "style": it.share,
        "what": f"{it.program} holds {'a card' if it.reader is None else 'the card'}, {HOW[it.share]} ({it.certainty})",
        "where": it.reader or OWN_DRIVER,
        "times": _times(it),
        "each": each if it.times > 1 else [],
        "more": it.times - len(each),
    }


def _lasted(start_s: float, end_s: float | None) -> str:
    return "and still holds it" if end_s is None else f"for {duration(end_s - start_s)}"


def _times(it: Series) -> str:
    still = ", and still" if it.is_open else ""
    if it.times == 1:
        return f"for {duration(it.held_s)}{still}"
    return f"{it.times} times, {duration(it.held_s)} of {duration(it.end_s - it.start_s)}{still}"


def _moment(words: Words, number: int, it: Marks) -> dict[str, Any]:
    each = [words.clock(event.t_s) for event in it.events[:LISTED]]
    return {
        "id": f"mark-{number}",
        "at": words.clock(it.start_s),
        "style": "trouble" if it.kind in TROUBLE else "moment",
        "what": words.sentence(it.events[0]),
        "where": (it.reader or "") if it.kind != "reader" else "",
        "times": f"{len(it.events)} times" if len(it.events) > 1 else "",
        "each": each if len(it.events) > 1 else [],
        "more": len(it.events) - len(each),
    }


def _row(row: Any) -> dict[str, Any]:
    return {
        "program": row.program,
        "pids": ", ".join(map(str, row.pids)),
        "times": row.times,
        "held": duration(row.held_s),
        "shares": ", ".join(SHARES[share] for share in row.shares) or "-",
        "conflicts": row.conflicts,
        "certainty": row.certainty if row.times else "-",
    }
