"""A timeline for a page: spans and marks that are close together are merged, so that a whole day can be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from gpgdoctor.instruments.watch.lines import sureness
from gpgdoctor.instruments.watch.look import Certainty, least
from gpgdoctor.instruments.watch.timeline import Event, Span, Timeline, program_of
from gpgdoctor.system.record import Record

FINEST = 1000  # parts of the whole time: what lies closer together cannot be told apart on a screen
MOST_SERIES = 400
Key = tuple[str | None, str, str]
T = TypeVar("T")


class Series(Record):
    """One program that holds one card in one way, once or again and again."""

    reader: str | None
    program: str
    share: str
    start_s: float
    end_s: float
    held_s: float
    certainty: Certainty
    spans: tuple[Span, ...]
    is_open: bool  # somebody still holds it

    @property
    def times(self) -> int:
        return len(self.spans)


class Marks(Record):
    """Moments of one kind, of one program at one reader."""

    reader: str | None
    program: str
    kind: str
    start_s: float
    end_s: float
    events: tuple[Event, ...]


def series_of(timeline: Timeline) -> list[Series]:
    """In the order of their beginning; coarser, the more there are."""

    def key(span: Span) -> Key:
        return span.reader, program_of(span.by), span.share

    def merged(gap_s: float) -> list[list[Span]]:
        return _groups(timeline.spans, key, lambda span: (span.start_s, _end(span, timeline)), gap_s)

    groups = _few_enough(merged, timeline.seconds)
    return sorted((_series(group, timeline) for group in groups), key=lambda it: (it.start_s, it.program))


def marks_of(timeline: Timeline) -> list[Marks]:
    """The same of what happened at one moment, but for the ends of waits and refusals, which their lines have."""

    def key(event: Event) -> Key:
        return event.reader, program_of(event.by) if event.by else "", f"{event.kind} {event.change}"

    shown = [event for event in timeline.marks if event.kind not in ("wait", "refused") or event.change == "began"]

    def merged(gap_s: float) -> list[list[Event]]:
        return _groups(shown, key, lambda event: (event.t_s, event.t_s), gap_s)

    groups = _few_enough(merged, timeline.seconds)
    return sorted(map(_marks, groups), key=lambda it: it.start_s)


def _few_enough(merged: Callable[[float], list[list[T]]], seconds: float) -> list[list[T]]:
    gap_s = seconds / FINEST
    groups = merged(gap_s)
    while len(groups) > MOST_SERIES and gap_s < seconds:
        gap_s *= 2
        groups = merged(gap_s)
    return groups


def _groups(
    items: Iterable[T], key: Callable[[T], Key], times: Callable[[T], tuple[float, float]], gap_s: float
) -> list[list[T]]:
    found: list[list[T]] = []
    last: dict[Key, tuple[list[T], float]] = {}
    for item in sorted(items, key=lambda item: times(item)[0]):
        start_s, end_s = times(item)
        group, until_s = last.get(key(item), ([], float("-inf")))
        if not group or start_s - until_s > gap_s:
            group = []
            found.append(group)
        group.append(item)
        last[key(item)] = group, max(until_s, end_s)
    return found


def _end(span: Span, timeline: Timeline) -> float:
    return timeline.seconds if span.end_s is None else span.end_s


def _series(spans: Sequence[Span], timeline: Timeline) -> Series:
    first = spans[0]
    return Series(
        reader=first.reader,
        program=program_of(first.by),
        share=first.share,
        start_s=first.start_s,
        end_s=max(_end(span, timeline) for span in spans),
        held_s=sum(_end(span, timeline) - span.start_s for span in spans),
        certainty=least(*(sureness(span.by) for span in spans)),
        spans=tuple(spans),
        is_open=any(span.end_s is None for span in spans),
    )


def _marks(events: Sequence[Event]) -> Marks:
    first = events[0]
    return Marks(
        reader=first.reader,
        program=program_of(first.by) if first.by else "",
        kind=first.kind,
        start_s=first.t_s,
        end_s=events[-1].t_s,
        events=tuple(events),
    )
