"""The pages that explain findings, and what no rule can see: found by id, by name, or by a text that was seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

from gpgdoctor.system.record import Record

SHORTEST_FRAGMENT = 8
SEEN_AS = re.compile(r"^- `([^`]+)`$", re.MULTILINE)
# What programs put before each of their lines.
SPEAKER = re.compile(
    r"^(?:(?:gpg2?|gpgsm|gpg-agent|gpg-connect-agent|scdaemon|ssh|ssh-add|git|error|fatal)(?:\[\d+\])?: +)+"
)
SIGNED = re.compile(r"(?<![\w-])-21464\d{5}(?!\d)")
BARE = re.compile(r"(?<!\w)80100([0-9a-fA-F]{3})\b")
# What pcsclite.h calls the codes that the pages have as numbers.
CODES = {
    "scard_f_internal_error": "0x80100001",
    "scard_e_unknown_reader": "0x80100009",
    "scard_e_sharing_violation": "0x8010000b",
    "scard_e_no_smartcard": "0x8010000c",
    "scard_f_comm_error": "0x80100013",
    "scard_e_not_transacted": "0x80100016",
    "scard_e_reader_unavailable": "0x80100017",
    "scard_e_no_service": "0x8010001d",
    "scard_e_service_stopped": "0x8010001e",
    "scard_e_no_readers_available": "0x8010002e",
    "scard_w_unresponsive_card": "0x80100066",
    "scard_w_unpowered_card": "0x80100067",
    "scard_w_reset_card": "0x80100068",
    "scard_w_removed_card": "0x80100069",
    "scard_w_security_violation": "0x8010006a",
}
NAMED = re.compile(r"\b(?:" + "|".join(CODES) + r")\b")
COLOURS = re.compile(r"\x1b\[[0-9:;<=>?]*[ -/]*[@-~]")
HEADING = re.compile(r"(?:(?:error|warning|info)\s+)?(gd\d{3})\b")  # as check prints it
# The reason at the end of a message of GnuPG: after the last colon, or in an answer of a daemon.
REASON = re.compile(r"(?:.*: |err \d+ )(.+?)(?: <[^<>]*>)?")
QUOTES = "\"'`.,;! "
PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u00a0", "''\"\" ")


class Page(Record):
    id: str  # of the finding; of a page without a rule its name: other-suspend
    name: str
    title: str
    text: str
    seen_as: tuple[str, ...]  # normalized


class Match(Record):
    """A page, and the text on it that goes with what was asked for."""

    page: Page
    phrase: str
    whole: bool  # all of the phrase was there, and not a part of it only

    @property
    def distance(self) -> tuple[bool, int]:
        """How far it is from what was asked for: a long phrase is more specific, an unfinished one is a guess."""
        return not self.whole, -len(self.phrase) if self.whole else 0


@cache
def pages() -> tuple[Page, ...]:
    """Every page, in the order of the ids; those without a rule last."""
    folder = resources.files("gpgdoctor.rules") / "pages"
    found = [_page(file.read_text("ascii")) for file in folder.iterdir() if file.name.endswith(".md")]
    return tuple(sorted(found, key=lambda page: page.id))


def _page(text: str) -> Page:
    heading, _, title, _ = text.split("\n", 3)
    id, _, name = heading.removeprefix("# ").partition(" ")
    seen = text.partition("\n## Seen as\n")[2].partition("\n## ")[0]
    return Page(id=id, name=name or id, title=title, text=text, seen_as=tuple(map(normalized, SEEN_AS.findall(seen))))


def called(word: str) -> Page | None:
    """The page of this id or name; the number alone, or the beginning of one name, will do."""
    word = word.strip().lower()
    heading = HEADING.match(word)
    word = heading[1] if heading else word
    exact = [page for page in pages() if word in (page.id.lower(), page.name, page.id.lower().removeprefix("gd"))]
    begun = [page for page in pages() if page.name.startswith(word)] if len(word) >= SHORTEST_FRAGMENT else []
    return exact[0] if exact else begun[0] if len(begun) == 1 else None


def going_with(text: str) -> list[Match]:
    """Every page with a text that is in this one, or has this one in it: the most specific first.

    Of a line that no page has, the reason at its end is looked for: "No such device", whatever failed for it.
    """
    fragments = {fragment for fragment in _fragments(text) if len(fragment) >= SHORTEST_FRAGMENT}
    found = [match for page in pages() for match in _best(page, normalized(text), fragments)]
    return sorted(found, key=lambda match: match.distance)


def normalized(text: str) -> str:
    """Without what differs from one paste to the next: speakers, letter case, blanks, wraps, quotation marks.

    A code of PC/SC is 0x8010000b, however it is written: pyscard has it as a signed decimal number.
    """
    text = COLOURS.sub("", text)
    text = SIGNED.sub(lambda number: f"0x{int(number[0]) & 0xFFFFFFFF:08x}", text)
    text = BARE.sub("0x80100\\1", text)
    lines = (SPEAKER.sub("", line.strip()) for line in text.translate(PLAIN).lower().splitlines())
    joined = " ".join(" ".join(lines).split())
    return NAMED.sub(lambda name: CODES[name[0]], joined)


def _fragments(text: str) -> Iterator[str]:
    for part in (text, *text.splitlines()):
        line = normalized(part).strip(QUOTES)
        yield line
        reason = REASON.fullmatch(line)
        if reason and not any(_contains(line, phrase) for page in pages() for phrase in page.seen_as):
            yield reason[1].strip(QUOTES)


def _best(page: Page, text: str, fragments: Iterable[str]) -> list[Match]:
    whole = [phrase for phrase in page.seen_as if _contains(text, phrase)]
    parts = [phrase for phrase in page.seen_as if any(fragment in phrase for fragment in fragments)]
    if whole:
        return [Match(page=page, phrase=max(whole, key=len), whole=True)]
    return [Match(page=page, phrase=min(parts, key=len), whole=False)] if parts else []


def _contains(text: str, phrase: str) -> bool:
    """As words of its own: 0x10006 is not in 0x100061."""
    return phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None
