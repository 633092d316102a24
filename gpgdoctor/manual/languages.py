"""Words of a few other languages for readers, cards, PINs and what goes wrong with them, by languages.txt.

What programs print in these languages is a matter of translations.py; these are the words of people.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources

TABLE, BLANK = "languages.txt", "_"
LIGATURES = str.maketrans({"\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u0142": "l", "\u00f8": "o"})
# These languages set no blanks between words.
CJK = {
    "\u6bcf\u6b21": "every time",
    "\u6bce\u56de": "every time",
    "\u7f13\u5b58": "cache",
    "\u8bfb\u5361\u5668": "reader",
    "\u667a\u80fd\u5361": "smartcard",
    "\u8f93\u5165": "enter",
    "\u627e\u4e0d\u5230": "not found",
    "\u30ab\u30fc\u30c9": "card",
    "\u8a8d\u8b58\u3057\u306a\u3044": "not recognized",
}


def in_english(text: str) -> str:
    """Lower-case text with the words of the table in English and without accents; other words stay."""
    for foreign, english in CJK.items():
        text = text.replace(foreign, f" {english} ")
    plain = unicodedata.normalize("NFKD", text.translate(LIGATURES))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _pattern().sub(lambda found: _english()[" ".join(found[0].split())], plain)


@cache
def _english() -> dict[str, str]:
    lines = (resources.files("gpgdoctor.manual") / TABLE).read_text("ascii").splitlines()
    pairs = [line.split(":") for line in lines if line and not line.startswith("#")]
    return {word.replace(BLANK, " "): english for english, foreign in pairs for word in foreign.split()}


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_english(), key=lambda word: (-len(word), word))
    either = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest_first)
    return re.compile(rf"(?<!\w)(?:{either})(?![\w-])")
