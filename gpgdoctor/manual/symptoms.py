"""Pages for a symptom in a person's own words, by the table in symptoms.txt.

Words are compared by their stems, American spelling counts as British, and one wrong letter does no harm.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib import resources

AT_MOST = 5
NEARLY_ALL, ANY = 0.75, 0.01  # of a symptom's words
FEW_WORDS = 2  # said by somebody who tries a word: any symptom that has it
ALIKE = 0.8
SHORTEST_STEM = 3
WORD = re.compile(r"[a-z0-9+]+")
ENDINGS = ("ings", "ing", "edly", "ed", "ions", "ion", "es", "s", "ly", "e")

TABLE = "symptoms.txt"


def pages_for(text: str) -> list[str]:
    """Ids of pages for a symptom said in plain words, the best first, at most five; empty where nothing fits."""
    said = {_stem(word) for word in WORD.findall(_plain(text))}
    known = {word: _nearest(word) for word in said}
    given = {form for form in known.values() if form is not None}
    tries_words = len(said) <= FEW_WORDS and None not in known.values()
    return _scored(given, NEARLY_ALL) or (_scored(given, ANY) if tries_words else [])


def _scored(given: set[str], share: float) -> list[str]:
    """The pages of symptoms of whose words at least this share is there."""
    scored: dict[str, float] = {}
    for groups, ids in _symptoms():
        present = sum(1 for forms in groups if forms & given)
        if present < len(groups) * share or not present:
            continue
        for place, id in enumerate(ids):
            score = present - place * 0.25 + (0.5 if present == len(groups) else 0)
            scored[id] = max(scored.get(id, 0), score)
    return sorted(scored, key=lambda id: -scored[id])[:AT_MOST]


def _plain(text: str) -> str:
    """Without contractions."""
    return re.sub(r"(?:ca|wo|do|does|did|is|are|was)n'?t\b", " not", text.lower().replace("cannot", "not"))


def _stem(word: str) -> str:
    """The beginning that forms of a word share: works, working, worked."""
    word = word.replace("isation", "ization").replace("ise", "ize").replace("isi", "izi").replace("our", "or")
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


@cache
def _symptoms() -> tuple[tuple[tuple[frozenset[str], ...], tuple[str, ...]], ...]:
    """For each symptom its words, as sets of stems, and its pages."""
    lines = (resources.files("gpgdoctor.manual") / TABLE).read_text("ascii").splitlines()
    rows = [line.rpartition(":") for line in lines if line and not line.startswith("#")]
    return tuple((tuple(map(_stems, words.split())), tuple(ids.split())) for words, _, ids in rows)


def _stems(forms: str) -> frozenset[str]:
    return frozenset(_stem(part) for form in forms.split("|") for part in WORD.findall(_plain(form)))


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(form for groups, _ in _symptoms() for forms in groups for form in forms)


def _nearest(stem: str) -> str | None:
    """The word of the table that is meant, one wrong letter allowed in a longer one."""
    if stem in _vocabulary():
        return stem
    if len(stem) <= SHORTEST_STEM:
        return None
    near = difflib.get_close_matches(stem, _vocabulary(), n=1, cutoff=ALIKE)
    return near[0] if near else None
