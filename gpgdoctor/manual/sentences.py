"""What a person tells around the lines that were pasted: each sentence by itself, so that none drowns in the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from gpgdoctor.manual import symptoms
from gpgdoctor.manual.speakers import SHELL, Line, Speaker
from gpgdoctor.manual.symptoms import Fit

END = re.compile(r"(?<=[.!?;\u3002\uff1f])\s+|(?<=[\u3002\uff1f])")
# Most of a sentence is words; a log and a listing have numbers, paths and dots instead.
A_WORD, WORDS_AT_LEAST, MOSTLY = re.compile(r"['\"(`]*[^\W\d_]+(?:[-'/][^\W\d_]+)*['\"`),.:;!?]*"), 3, 0.6
CJK = re.compile(r"[\u3040-\u9fff]{4}")
TELLERS = (Speaker.NOBODY, Speaker.OTHER, Speaker.TOOL, Speaker.GIT)
LISTING = re.compile(
    r"^\S+\[\d+\]:?\s|\.{3,} ?:|^\s*(?:at|from) [\w.$]+\(|^\s*(?:Active|Loaded|Docs|CGroup|Main PID|Tasks|Memory):"
)
LONGEST_CHARACTERS, AT_MOST, A_PAIR_SAYS_LESS = 500, 60, 0.5
AT_LEAST_SCORE = 2.0  # two words of a symptom that are not common ones


def told(lines: Iterable[Line]) -> list[str]:
    """The lines that a person wrote, not a program."""
    return [said.text for said in lines if _is_told(said)][:AT_MOST]


def pages_in(texts: Sequence[str], *, is_ours: bool) -> list[list[Fit]]:
    """The pages for what is told in these lines: for each sentence its own, the one that says most first.

    With is_ours=True what was pasted names cards, tokens or GnuPG.
    """
    whole = " ".join(texts).lower()
    if symptoms.FOREIGN.search(whole) and not symptoms.OURS.search(whole):
        return []  # one sentence names the SD card that the next one calls the card
    sentences = [part for part in END.split(" ".join(texts)) if part.strip()][:AT_MOST]
    pairs = [" ".join(pair) for pair in pairwise(sentences)]
    singly = [_pages_for(text, is_ours, 0) for text in dict.fromkeys([*texts, *sentences])]
    found = [fits for fits in (*singly, *(_pages_for(text, is_ours, A_PAIR_SAYS_LESS) for text in pairs)) if fits]
    excluded = symptoms.excluded([*texts, *sentences, *pairs])
    kept = [[fit for fit in fits if fit.id not in excluded] for fits in found]
    return sorted(filter(None, kept), key=lambda fits: -max(fit.score for fit in fits))


def _pages_for(text: str, is_ours: bool, less: float) -> list[Fit]:
    fits = symptoms.pages_for(text[:LONGEST_CHARACTERS], is_ours=is_ours)
    return [fit.less(less) for fit in fits if fit.score - less >= AT_LEAST_SCORE]


def _is_told(said: Line) -> bool:
    if said.speaker not in TELLERS or said.program == SHELL or LISTING.search(said.text[:LONGEST_CHARACTERS]):
        return False
    if said.speaker is not Speaker.NOBODY and not symptoms.is_of_cards(said.text):
        return False
    parts = said.text[:LONGEST_CHARACTERS].split()
    words = sum(1 for part in parts if A_WORD.fullmatch(part))
    return CJK.search(said.text) is not None or (words >= WORDS_AT_LEAST and words >= MOSTLY * len(parts))
