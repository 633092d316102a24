"""The texts under "Seen as" of all pages, so kept that a line finds those it contains without trying each."""

from __future__ import annotations

from functools import cache

from gpgdoctor.manual.pages import Page, pages
from gpgdoctor.manual.speakers import Line, line, words
from gpgdoctor.system.record import Record

GAP = " ... "  # something that differs, such as a name
MARKS_THAT_COUNT = "[~#"  # a phrase with one of these means it: [force] is no force


class Phrase(Record):
    """A text of a page, taken apart as a pasted line is."""

    page: Page
    said: Line
    parts: tuple[str, ...]  # the words around a gap, each as of a line

    @property
    def words(self) -> str:
        return self.said.words


def phrase(page: Page, text: str) -> Phrase:
    """One text of a page."""
    said = line(text)
    parts = tuple(words(part) for part in said.whole.split(GAP))
    return Phrase(page=page, said=said, parts=tuple(part for part in parts if part.strip()))


def in_line(said: Line) -> list[Phrase]:
    """The phrases that a line contains as words of its own, whatever stands around them."""
    keyed = _by_rarest_word()
    candidates = [found for word in dict.fromkeys(said.words.split()) for found in keyed.get(word, ())]
    return [found for found in candidates if is_in(found, said)]


def is_in(found: Phrase, said: Line) -> bool:
    """Whether a line contains a phrase; marks count only where the phrase is nothing without them."""
    if any(mark in found.said.whole for mark in MARKS_THAT_COUNT) and found.said.whole not in said.whole:
        return False
    return all(part in said.words for part in found.parts)


def holding(fragment: str) -> list[Phrase]:
    """The phrases that contain these words."""
    return [found for found in every() if fragment in found.words]


@cache
def every() -> tuple[Phrase, ...]:
    return tuple(phrase(page, text) for page in pages() for text in page.seen_as)


@cache
def _by_rarest_word() -> dict[str, list[Phrase]]:
    """Each phrase under the one of its words that the fewest phrases have."""
    common: dict[str, int] = {}
    for found in every():
        for word in set(" ".join(found.parts).split()):
            common[word] = common.get(word, 0) + 1
    keyed: dict[str, list[Phrase]] = {}
    for found in every():
        rarest = min(" ".join(found.parts).split(), key=lambda word: (common[word], -len(word)))
        keyed.setdefault(rarest, []).append(found)
    return keyed
