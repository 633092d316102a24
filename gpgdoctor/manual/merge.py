"""One ranked list of pages out of several lines and sentences, in which none of them takes every place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpgdoctor.manual.matching import Match

SHOWN = 5  # pages that are shown with their titles
OF_THE_DECIDING, OF_THE_FIRST_TOLD, OF_ANOTHER = 3, 2, 1  # pages that a line puts in at its turn
AT_MOST_TOLD = 2  # of the shown ones, for what a person tells beside the lines


def best(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Each page once, at its first place."""
    found: dict[str, Match] = {}
    for match in matches:
        found.setdefault(match.page.id, match)
    return tuple(found.values())


def in_turn(lines: Sequence[Sequence[Match]], of_the_first: int = OF_THE_DECIDING) -> tuple[Match, ...]:
    """The pages of lines of which the first decides: several of its own, then one of each other line, and again."""
    waiting = [list(line) for line in lines]
    merged: dict[str, Match] = {}
    while any(waiting):
        for place, line in enumerate(waiting):
            _put_in(merged, line, of_the_first if place == 0 else OF_ANOTHER)
    return tuple(merged.values())


def _put_in(merged: dict[str, Match], line: list[Match], count: int) -> None:
    while line and count:
        match = line.pop(0)
        if match.page.id not in merged:
            merged[match.page.id] = match
            count -= 1


def with_places_for(matches: Sequence[Match], told: Sequence[Match], at_most: int) -> tuple[Match, ...]:
    """The same with the first of others among those that are shown, behind the first ones."""
    first = {match.page.id for match in matches[:SHOWN]}
    moved = [match for match in told if match.page.id not in first][:at_most]
    ids = {match.page.id for match in moved}
    others = [match for match in matches if match.page.id not in ids]
    place = SHOWN - len(moved)
    return best([*others[:place], *moved, *others[place:], *told])
