"""What was seen, as values: events as they come, and the whole as a timeline that any page or table can be made of.

A ``Timeline`` has a lane for each reader: its spans say who held the card from when to when, shared or exclusive,
or in a transaction; those of one program, read across the readers, are that program's lane. Marks are moments:
refusals, waits, cards in and out, readers, pcscd, sleep. Rows are the summary, one for each program.
Times are seconds since the watch began, sleep of the machine included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal

from gpgdoctor.instruments.watch.look import Certainty, Share, least
from gpgdoctor.instruments.watch.naming import Who
from gpgdoctor.system.record import Record, replace

Kind = Literal["reader", "card", "take", "release", "wait", "refused", "pcscd", "slept"]
Change = Literal[
    "found",  # a reader, a card, pcscd, or a hold that was there when the watch began
    "came",
    "left",
    "started",
    "ended",
    "replaced",
    "began",
    "over",
]
SPANS_LIMIT = 20_000  # of a watch that runs for days, the newest
PIDS_LIMIT, ROWS_LIMIT = 20, 500
OTHERS = "other programs"


class Event(Record):
    t_s: float
    kind: Kind
    change: Change
    reader: str | None = None
    share: Share | None = None
    by: tuple[Who, ...] = ()
    """Who it is; of several that are only possible it is one. Of a wait and a refusal: who wants the card."""
    holders: tuple[Who, ...] = ()
    """Of a wait and a refusal: who has the card."""
    for_s: float | None = None
    """Of what ended: how long it lasted; of a sleep, too."""


class Span(Record):
    """Somebody held a card. ``end_s`` None: still, when the watch ended."""

    reader: str | None
    share: Literal["shared", "exclusive", "transaction"]
    by: tuple[Who, ...]
    start_s: float
    end_s: float | None


class Row(Record):
    """One program in the summary."""

    program: str
    pids: tuple[int, ...]
    times: int
    """How often it took a card."""
    held_s: float
    shares: tuple[Share, ...]
    conflicts: int
    """How often it waited or was refused, or made another wait."""
    certainty: Certainty
    """Of the least sure take."""


class Timeline(Record):
    began_at: float
    """Unix time."""
    seconds: float
    readers: tuple[str, ...]
    spans: tuple[Span, ...]
    marks: tuple[Event, ...]
    rows: tuple[Row, ...]
    dropped: int = 0
    """Older spans and marks that were not kept."""


class Recorder:
    """Collects events into a timeline."""

    def __init__(self, began_at: float) -> None:
        """``began_at`` is Unix time."""
        self.began_at = began_at
        self._readers: dict[str, None] = {}
        self._open: list[Span] = []
        self._spans: deque[Span] = deque(maxlen=SPANS_LIMIT)
        self._marks: deque[Event] = deque(maxlen=SPANS_LIMIT)
        self._dropped = 0
        self._rows: dict[str, Row] = {}

    def add(self, event: Event) -> None:
        if event.reader is not None:
            self._readers.setdefault(event.reader)
        if event.kind == "take":
            self._take(event)
        elif event.kind == "release":
            self._release(event)
        else:
            self._mark(event)

    def timeline(self, at_s: float) -> Timeline:
        """All of it, up to now; what is still held ends open, and counts up to now."""
        rows = dict(self._rows)
        for span in self._open:
            _count(rows, span.by, held_s=at_s - span.start_s)
        return Timeline(
            began_at=self.began_at,
            seconds=at_s,
            readers=tuple(self._readers),
            spans=(*self._spans, *self._open),
            marks=tuple(self._marks),
            rows=tuple(sorted(rows.values(), key=lambda row: (-row.held_s, row.program))),
            dropped=self._dropped,
        )

    def _take(self, event: Event) -> None:
        assert event.share is not None
        self._open.append(Span(reader=event.reader, share=event.share, by=event.by, start_s=event.t_s, end_s=None))
        _count(self._rows, event.by, times=1, share=event.share)

    def _release(self, event: Event) -> None:
        span = self._opened(event)
        if span is None:
            return
        self._open.remove(span)
        by = event.by if _is_better(event.by, span.by) else span.by
        if by != span.by:
            _count(self._rows, span.by, times=-1)
            _count(self._rows, by, times=1, share=event.share)
        self._keep(replace(span, by=by, end_s=event.t_s))
        _count(self._rows, by, held_s=event.t_s - span.start_s)

    def _opened(self, event: Event) -> Span | None:
        """The span that this ends: of the same programs, else of any of them, else the oldest of the reader."""
        here = [it for it in self._open if it.reader == event.reader and it.share != "transaction"]
        pids = {who.pid for who in event.by}
        same = [it for it in here if {who.pid for who in it.by} == pids]
        some = [it for it in here if {who.pid for who in it.by} & pids]
        return next(iter(same or some or here), None)

    def _mark(self, event: Event) -> None:
        if event.kind in ("wait", "refused") and event.change == "began":
            for programs in (event.by, event.holders):
                _count(self._rows, programs, conflicts=1)
        if event.kind == "wait":
            self._transaction(event)
        if event.kind == "pcscd" and event.change in ("ended", "replaced"):
            self._close_all(event.t_s)
        if event.kind == "reader" and event.change == "left":
            self._close_all(event.t_s, event.reader)
        self._dropped += len(self._marks) == SPANS_LIMIT
        self._marks.append(event)

    def _transaction(self, event: Event) -> None:
        """While somebody waits, who holds the card is in a transaction, or in an operation."""
        if event.change == "began":
            span = Span(reader=event.reader, share="transaction", by=event.holders, start_s=event.t_s, end_s=None)
            self._open.append(span)
            return
        for span in [it for it in self._open if it.share == "transaction" and it.reader == event.reader][:1]:
            self._open.remove(span)
            self._keep(replace(span, end_s=event.t_s))

    def _close_all(self, t_s: float, reader: str | None = None) -> None:
        for span in [it for it in self._open if reader in (None, it.reader)]:
            self._open.remove(span)
            self._keep(replace(span, end_s=t_s))
            if span.share != "transaction":
                _count(self._rows, span.by, held_s=t_s - span.start_s)

    def _keep(self, span: Span) -> None:
        self._dropped += len(self._spans) == SPANS_LIMIT
        self._spans.append(span)


def _is_better(one: Iterable[Who], other: Iterable[Who]) -> bool:
    """Whether the end of a hold is more certain than its beginning about whose it was."""
    return 0 < len(tuple(one)) < (len(tuple(other)) or 2)


def program_of(by: tuple[Who, ...]) -> str:
    """The name under which it is counted."""
    names = list(dict.fromkeys(who.program for who in by))
    if not names:
        return "a program that is not visible"
    return names[0] if len(names) == 1 else " or ".join(sorted(names)[:3]) + (" or another" if len(names) > 3 else "")


def _count(
    rows: dict[str, Row],
    by: tuple[Who, ...],
    *,
    times: int = 0,
    held_s: float = 0.0,
    conflicts: int = 0,
    share: Share | None = None,
) -> None:
    program = program_of(by)
    if program not in rows and len(rows) >= ROWS_LIMIT:
        program = OTHERS
    row = rows.get(program) or Row(
        program=program, pids=(), times=0, held_s=0.0, shares=(), conflicts=0, certainty="certain"
    )
    pids = dict.fromkeys((*row.pids, *(who.pid for who in by if who.pid is not None)))
    rows[program] = replace(
        row,
        pids=tuple(pids)[-PIDS_LIMIT:],
        times=row.times + times,
        held_s=row.held_s + held_s,
        conflicts=row.conflicts + conflicts,
        shares=row.shares if share in (None, *row.shares) else (*row.shares, share),
        certainty=least(row.certainty, *(who.certainty for who in by)) if times > 0 else row.certainty,
    )
    if rows[program].times <= 0 and not rows[program].conflicts and rows[program].held_s <= 0:
        del rows[program]
