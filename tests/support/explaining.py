"""What `explain` finds for a text."""

from __future__ import annotations

from gpgdoctor.manual.search import answer

AT_MOST = 5


def certain(text: str) -> str | None:
    """The page that would be printed alone, as the answer."""
    found = answer(text)
    return found.matches[0].page.id if len(found.matches) == 1 and not found.in_doubt else None


def first_pages(text: str) -> list[str]:
    return [match.page.id for match in answer(text).matches][:AT_MOST]
