"""The pages about findings, and about causes that no rule can see: package data, found by id or name."""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib import resources

from gpgdoctor.system.record import Record

SHORTEST_BEGINNING = 8
SEEN_AS = re.compile(r"^- `([^`]+)`$", re.MULTILINE)
HEADING = re.compile(r"(?:(?:error|warning|info)\s+)?(gd\d{3})\b")  # as check prints it
ALIKE = 0.6  # for "did you mean"
# How many of 133 public threads had this cause; of causes that none of these had, how many in tests/manual/field.
THREADS = {
    "GD201": 14,
    "GD205": 13,
    "GD202": 11,
    "GD111": 9,
    "GD312": 8,
    "GD401": 8,
    "other-agent-refused": 7,
    "GD301": 6,
    "GD306": 5,
    "GD402": 5,
    "GD601": 5,
    "GD602": 5,
    "GD502": 4,
    "GD505": 4,
    "GD101": 3,
    "GD105": 3,
    "GD106": 3,
    "GD203": 3,
    "GD501": 3,
    "GD504": 3,
    "GD603": 3,
    "other-card-serial": 3,
    "other-known-versions": 3,
    "other-suspend": 3,
    "GD102": 2,
    "GD107": 2,
    "GD108": 2,
    "GD113": 2,
    "GD206": 2,
    "GD302": 2,
    "GD304": 2,
    "GD308": 2,
    "GD314": 2,
    "GD503": 2,
    "GD506": 2,
    "other-no-public-key": 2,
    "other-wrong-pin": 2,
}


class Page(Record):
    id: str  # of the finding; of a page without a rule its name: other-suspend
    name: str
    title: str
    text: str
    seen_as: tuple[str, ...]  # as they stand on the page

    @property
    def threads(self) -> int:
        """How many public threads had this cause; 1 for rare ones."""
        return THREADS.get(self.id, 1)


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
    return Page(id=id, name=name or id, title=title, text=text, seen_as=tuple(SEEN_AS.findall(seen)))


def called(word: str) -> Page | None:
    """The page of this id or name; the number alone, or the beginning of one name, will do."""
    word = word.strip().lower()
    heading = HEADING.match(word)
    word = heading[1] if heading else word
    exact = [page for page in pages() if word in (page.id.lower(), page.name, page.id.lower().removeprefix("gd"))]
    begun = [page for page in pages() if page.name.startswith(word)] if len(word) >= SHORTEST_BEGINNING else []
    return exact[0] if exact else begun[0] if len(begun) == 1 else None


def nearest_name(word: str, alike: float = ALIKE) -> str | None:
    """The id or name that was probably meant by one word; None where none is like it."""
    word = word.strip().lower()
    if not word or " " in word:
        return None
    names = {name.lower(): name for page in pages() for name in (page.id, page.name)}
    near = difflib.get_close_matches(word, names, n=1, cutoff=alike)
    return names[near[0]] if near else None
