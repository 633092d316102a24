"""Suggestions for misspelt words."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 2
ALIKE = 0.7
SHORTEST = 3


def did_you_mean(word: str, known: Iterable[str], *, after: str = "") -> str:
    """``after`` and a question; empty where no known word is similar."""
    from difflib import get_close_matches

    word = word.lower()
    as_written = {each.lower(): each for each in known}
    begun = [each for each in as_written if len(word) >= SHORTEST and (each.startswith(word) or word.startswith(each))]
    found = [as_written[each] for each in begun[:SHOWN] or get_close_matches(word, as_written, SHOWN, ALIKE)]
    return f"{after}Did you mean {' or '.join(found)}?" if found else ""
