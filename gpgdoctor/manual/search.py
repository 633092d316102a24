"""Pages for a pasted error, a whole log or plain words: every line by who said it, the deciding one first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from functools import cache
from itertools import chain

from gpgdoctor.manual import symptoms, translations
from gpgdoctor.manual.pages import Page, pages
from gpgdoctor.manual.speakers import Line, Speaker, line
from gpgdoctor.system.record import Record

LIMIT_CHARACTERS, LIMIT_LINES, LIMIT_LINE = 1 << 20, 20_000, 2_000
SHORTEST_FRAGMENT = 8
MOST = 0.5  # of the longest phrase: less of a line, such as its code alone, says less
AT_MOST_LINES_OF_WORDS, AT_MOST_LINES_WRAPPED = 3, 40
MISSING = ("command not found", "not found")
GNUPG_SOURCES = ("scd", "gpg agent", "gpg-agent", "gpgsm", "gnupg", "gpg")
GAP = " ... "  # in a page's phrase: something that differs, such as a name
QUOTES = "\"'`.,;! "
# The reason at the end of a message of GnuPG: after the last colon, or in an answer of a daemon.
REASON = re.compile(r"(?:.*: |err \d+ )(.+?)(?: <[^<>]*>)?")
SOURCE = re.compile(r" <([^<>]*)>$")
# What a line of GnuPG or ssh mentions where a card may be involved.
CARD_MATTER = re.compile(
    r"card|\bscd\b|scdaemon|selecting|signing failed|failed to sign|decryption failed|\bapdu|\bpcsc|pc/sc|\bccid|"
    r"reader|serialno|\bpk(?:sign|decrypt|auth)\b|learn|keyinfo|the agent|gpg-agent|the daemon|homedir|"
    r"configuration file|\.conf\b|binding socket|yubikey|nitrokey|smart|libusb|usb_|0x80100|\bpin\b|pinentry|publickey"
)
# Words that only programs for cards use: a text with one of these is about cards, whichever program prints it.
CARD_WORDS = re.compile(
    r"scard|0x80100|smart ?card|\bpcsc|pc/sc|\bccid|libusb|usb_|pcscd|scdaemon|openpgp|yubikey|reader|\bcard\b|"
    r"gpg|polkit|pcsclite|org\.debian|secure?ity violation|authorized|hijacked|pinentry|keyboxd|agent"
)


DAEMONS = ("scdaemon", "gpg-agent")
OF_DAEMONS = ("pcsc_", "usb_", "apdu_", "ccid ")  # how lines of scdaemon begin


# Reasons that say nothing without what failed.
# fmt: off
BARE_REASONS = frozenset({
    "argument not expected", "bad passphrase", "bad pin", "broken pipe", "card error", "connection refused",
    "end of file", "forbidden", "general error", "input/output error", "invalid argument", "invalid option",
    "is a directory", "keyword too long", "missing argument", "no public key", "no secret key", "no such device",
    "no such file or directory", "not supported", "operation cancelled", "permission denied", "permission error",
    "no smartcard daemon", "read error", "timeout", "access denied.", "shared mode", "exclusive mode",
    "service not available.",
})
# fmt: on


class Weight(IntEnum):
    """How much a match says."""

    FRAGMENT = 1  # a part of what a page has: a guess
    REASON = 2  # the reason at a message's end, which many causes share
    MESSAGE = 3  # what programs print to their user
    LOG = 4  # what a daemon writes when it happens


class Match(Record):
    """A page, the pasted line that leads to it, and how much that line says."""

    page: Page
    line: Line
    phrase: str
    weight: Weight


class Answer(Record):
    """What was found for a text: the pages, the best first, and the line that decided; none for plain words."""

    matches: tuple[Match, ...]
    deciding: Line | None


def answer(text: str) -> Answer:
    """The pages that go with a pasted text of one line or many, or with plain words; bounded in size."""
    lines = [line(part[:LIMIT_LINE]) for part in translations.in_english(text[:LIMIT_CHARACTERS]).splitlines()]
    lines = [part for part in lines if part.text][:LIMIT_LINES]
    wrapped, lines = _wrapped(lines), list(dict.fromkeys(lines))
    found = _by_line([*lines, *wrapped], lambda said: _whole(said, lines) or _reasons(said))
    found = found or _by_line([*lines, *wrapped], _fragments)
    if not found:
        return _of_words(text, lines)
    # The line that says most decides: a daemon's own word, then one that few pages have.
    found.sort(key=lambda matches: (-matches[0].weight, len(matches), -max(len(match.phrase) for match in matches)))
    best: dict[str, Match] = {}
    for match in chain.from_iterable(found):
        best.setdefault(match.page.id, match)
    return Answer(matches=tuple(best.values()), deciding=found[0][0].line)


def _by_line(lines: Iterable[Line], matching: Callable[[Line], list[Match]]) -> list[list[Match]]:
    """The pages for each line that leads somewhere, the best first."""
    return [_ranked(matches) for matches in map(matching, lines) if matches]


def _ranked(matches: list[Match]) -> list[Match]:
    """Those first that have most of the line, and of them those that the field had most often."""
    longest = max(len(match.phrase) for match in matches)
    return sorted(matches, key=lambda match: (len(match.phrase) < longest * MOST, -match.page.threads))


def _wrapped(lines: Sequence[Line]) -> list[Line]:
    """All lines as one: a terminal may have broken one message into several."""
    return [line(" ".join(part.text for part in lines))] if 1 < len(lines) <= AT_MOST_LINES_WRAPPED else []


def _whole(said: Line, lines: Sequence[Line]) -> list[Match]:
    """The pages that have all of what a line says; of lines that were joined, what none of them says alone."""
    joined = said not in lines
    found = []
    for page in pages():
        phrases = [phrase for phrase in _phrases(page) if _is_said(phrase, said)]
        if joined:
            phrases = [phrase for phrase in phrases if not any(_is_said(phrase, part) for part in lines)]
        if phrases:
            longest = max(phrases, key=lambda phrase: len(phrase.whole))
            found.append(Match(page=page, line=said, phrase=longest.whole, weight=_weight(said)))
    return found


def _weight(said: Line) -> Weight:
    """A daemon writes what happened; gpg and ssh print what came of it."""
    is_log = said.program in DAEMONS or said.speaker in (Speaker.PCSC, Speaker.KERNEL)
    return Weight.LOG if is_log or said.message.startswith(OF_DAEMONS) else Weight.MESSAGE


@cache
def _phrases(page: Page) -> tuple[Line, ...]:
    return tuple(line(text) for text in page.seen_as)


def _is_said(phrase: Line, said: Line) -> bool:
    """Whether a line says what a page has.

    A phrase that names a missing program is that program's alone. What another program says counts only
    where it speaks of cards. A bare reason says nothing here: it is looked for at a message's end.
    """
    if phrase.message in MISSING:
        return said.message in MISSING and said.program == phrase.program
    if phrase.whole in BARE_REASONS:
        return False
    if not all(_contains(said.whole, part) for part in phrase.whole.split(GAP)):
        return False
    is_ours = said.speaker is not Speaker.OTHER or phrase.program == said.program
    return is_ours or CARD_WORDS.search(phrase.whole) is not None


def _reasons(said: Line) -> list[Match]:
    """The pages that have the reason at the end of a message about a card."""
    bare = said.message.strip(QUOTES)
    if bare in BARE_REASONS and said.speaker not in (Speaker.OTHER, Speaker.KERNEL):
        return _holding(bare, said, Weight.REASON)
    found = REASON.fullmatch(said.message)
    source = SOURCE.search(said.message)
    if found is None or (source and source[1] not in GNUPG_SOURCES) or said.speaker in (Speaker.OTHER, Speaker.KERNEL):
        return []
    if not (CARD_MATTER.search(said.message) or said.message.startswith("err ")):
        return []
    return _holding(found[1].strip(QUOTES), said, Weight.REASON)


def _fragments(said: Line) -> list[Match]:
    """The pages that have a short line as a part of theirs, as somebody types who remembers a part of it."""
    return _holding(said.message.strip(QUOTES), said, Weight.FRAGMENT) if said.speaker is not Speaker.OTHER else []


def _holding(fragment: str, said: Line, weight: Weight) -> list[Match]:
    if len(fragment) < SHORTEST_FRAGMENT and fragment not in BARE_REASONS:
        return []
    found = []
    for page in pages():
        phrases = [phrase.whole for phrase in _phrases(page) if _contains(phrase.whole, fragment)]
        if phrases:
            found.append(Match(page=page, line=said, phrase=min(phrases, key=len), weight=weight))
    return found


def _of_words(text: str, lines: Sequence[Line]) -> Answer:
    """Pages for a symptom in a person's own words."""
    by_id = {page.id: page for page in pages()}
    said = lines[0] if lines else line(text[:LIMIT_LINE])
    in_words = len(lines) <= AT_MOST_LINES_OF_WORDS and said.speaker is Speaker.NOBODY
    ids = symptoms.pages_for(text[:LIMIT_LINE]) if in_words else []
    matches = [Match(page=by_id[id], line=said, phrase="", weight=Weight.FRAGMENT) for id in ids if id in by_id]
    return Answer(matches=tuple(matches), deciding=None)


def _contains(text: str, phrase: str) -> bool:
    """As words of its own: 0x10006 is not in 0x100061."""
    return phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None
