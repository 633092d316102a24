"""What can be completed: the words that gpgdoctor knows by itself, and where the journal lies."""

from __future__ import annotations

from collections.abc import Iterable

from gpgdoctor.docs.tree import Kind
from gpgdoctor.fix.journal import PREFIX, SUFFIX
from gpgdoctor.lab.scenario import Scenario
from gpgdoctor.manual import Page
from gpgdoctor.system.record import Record

# In the words of a shell: journal.location() without a program.
JOURNAL_DIRECTORY = "${XDG_STATE_HOME:-$HOME/.local/state}/gpgdoctor"
JOURNAL_PREFIX, JOURNAL_SUFFIX = PREFIX, SUFFIX
LONGEST_ABOUT = 70


class Word(Record):
    word: str
    about: str


def words(pages: Iterable[Page], scenarios: Iterable[Scenario]) -> dict[Kind, tuple[Word, ...]]:
    """Of each kind that is the same on every machine."""
    pages = tuple(pages)
    findings = tuple(page for page in pages if page.id != page.name)
    return {
        "finding": _ids_and_names(findings),
        "page": (*_ids_and_names(findings), *(Word(word=page.id, about=page.title) for page in pages[len(findings) :])),
        "scenario": tuple(Word(word=each.name, about=_shortened(each.about)) for each in scenarios),
    }


def _ids_and_names(pages: Iterable[Page]) -> tuple[Word, ...]:
    return tuple(Word(word=word, about=page.title) for page in pages for word in (page.id, page.name))


def _shortened(about: str) -> str:
    """The first sentence, as far as it goes on a line."""
    sentence = " ".join(about.split()).partition(". ")[0].rstrip(".")
    return sentence if len(sentence) <= LONGEST_ABOUT else sentence[: LONGEST_ABOUT - 3].rstrip() + "..."
