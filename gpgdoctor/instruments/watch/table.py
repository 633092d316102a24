"""The summary: a line for each program."""

from __future__ import annotations

from collections.abc import Sequence

from gpgdoctor.instruments.watch.lines import duration
from gpgdoctor.instruments.watch.timeline import Row, Timeline
from gpgdoctor.system.escape import printable

NARROWEST_NAME = 12
HEADINGS = ("times", "held", "share", "conflicts", "at least")
SHARES = {"shared": "shared", "exclusive": "alone"}


def table(timeline: Timeline, width: int) -> list[str]:
    """Lines of at most ``width`` columns, the program that held longest first."""
    lasted = duration(timeline.seconds)
    if not timeline.rows:
        return [f"In {lasted} nobody took a card."]
    cells = [_cells(row) for row in timeline.rows]
    widths = [max(len(heading), *(len(row[at]) for row in cells)) for at, heading in enumerate(HEADINGS)]
    name_width = max(NARROWEST_NAME, min(_longest_name(timeline.rows), width - sum(widths) - 2 * len(widths)))
    lines = [f"Seen in {lasted}:", _line("program", HEADINGS, name_width, widths)]
    for row, texts in zip(timeline.rows, cells, strict=True):
        lines.append(_line(printable(row.program, name_width), texts, name_width, widths))
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    shares = ", ".join(SHARES[share] for share in row.shares) or "-"
    return (str(row.times), duration(row.held_s), shares, str(row.conflicts), row.certainty if row.times else "-")


def _longest_name(rows: Sequence[Row]) -> int:
    return max(len("program"), *(len(printable(row.program)) for row in rows))


def _line(name: str, texts: Sequence[str], name_width: int, widths: Sequence[int]) -> str:
    rest = (f"{text:<{width}}" for text, width in zip(texts, widths, strict=True))
    return "  ".join((f"{name:<{name_width}}", *rest)).rstrip()
