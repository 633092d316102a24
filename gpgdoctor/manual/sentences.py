"""What a person tells around the lines that were pasted: each sentence by itself, so that none drowns in the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gpgdoctor.manual import symptoms
from gpgdoctor.manual.speakers import Line, Speaker
from gpgdoctor.manual.symptoms import Fit

END = re.compile(r"(?<=[.!?;\u3002\uff1f])\s+|(?<=[\u3002\uff1f])")
# Most of a sentence is words; a log and a listing have numbers, paths and dots instead.
A_WORD, WORDS_AT_LEAST, MOSTLY = re.compile(r"['\"(`]*[^\W\d_]+(?:[-'/][^\W\d_]+)*['\"`),.:;!?]*"), 3, 0.6
CJK = re.compile(r"[\u3040-\u9fff]{4}")
TELLERS = (Speaker.NOBODY, Speaker.OTHER, Speaker.TOOL, Speaker.GIT)
LISTING = re.compile(r"\.{3,} ?:|^\s*(?:at|from) [\w.$]+\(|^\s*(?:Active|Loaded|Docs|CGroup|Main PID|Tasks|Memory):")
LONGEST_CHARACTERS, AT_MOST, A_PAIR_SAYS_LESS = 500, 60, 0.5
AT_LEAST_SCORE = 2.0  # two words of a symptom that are not common ones


def pages_in(lines: Sequence[Line]) -> list[Fit]:
    """The pages for what is told in words, by the sentence that says most; none where nothing is told."""
    told = [said.text for said in lines if _is_told(said)][:AT_MOST]
    sentences = [part for part in END.split(" ".join(told)) if part.strip()]
    pairs = [" ".join(pair) for pair in zip(sentences, sentences[1:], strict=False)]
    best: dict[str, Fit] = {}
    _keep_better(best, (fit for text in dict.fromkeys([*told, *sentences]) for fit in _pages_for(text)), 0)
    _keep_better(best, (fit for text in pairs for fit in _pages_for(text)), A_PAIR_SAYS_LESS)
    excluded = symptoms.excluded([*told, *sentences, *pairs])
    return sorted((fit for fit in best.values() if fit.id not in excluded), key=lambda fit: -fit.score)


def _pages_for(text: str) -> list[Fit]:
    return [fit for fit in symptoms.pages_for(text[:LONGEST_CHARACTERS]) if fit.score >= AT_LEAST_SCORE]


def _keep_better(best: dict[str, Fit], fits: Iterable[Fit], less: float) -> None:
    for fit in fits:
        lower = Fit(id=fit.id, by_subject=fit.by_subject, score=fit.score - less)
        if fit.id not in best or best[fit.id].score < lower.score:
            best[fit.id] = lower


def _is_told(said: Line) -> bool:
    if said.speaker not in TELLERS or LISTING.search(said.text):
        return False
    parts = said.text.split()
    words = sum(1 for part in parts if A_WORD.fullmatch(part))
    return CJK.search(said.text) is not None or (words >= WORDS_AT_LEAST and words >= MOSTLY * len(parts))
