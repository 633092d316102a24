"""`gpgdoctor explain`: a page by id, by name, or by the text of an error; nothing is asked of any network."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from gpgdoctor.commands.output import complain, written
from gpgdoctor.manual import Match, Page, called, going_with, pages
from gpgdoctor.system.record import Record
from gpgdoctor.system.suggestions import did_you_mean
from gpgdoctor.system.terminal import width

USAGE = 2
NARROWEST_TEXT = 20
LOOK_DEADLINE_S = 2.0
SWITCHED_OFF = "switched off with --no-probe"
MARKS = FOUND, UNCHECKED, NEITHER = "*", "?", " "
LEGEND = (
    "pages go with this text, the closest first; each title says what holds where all is well. "
    '"*" is found on this machine now, "?" could not be checked. No reader was connected to.'
)


class Now(Record):
    """What a look at this machine says of the findings."""

    found: frozenset[str] = frozenset()
    unchecked: frozenset[str] = frozenset()
    failure: str | None = None


def explain(words: Sequence[str], *, listing: bool) -> int:
    """Print what was asked for; 0, or 2 where there is no such thing."""
    if listing:
        return _print("\n".join(line for page in pages() for line in _row(page)))
    query = " ".join(words)
    page = called(query)
    matches = [] if page else going_with(query)
    if page or len(matches) == 1:
        return _print((page or matches[0].page).text.rstrip("\n"))
    if not matches:
        meant = did_you_mean(query.strip(), [word for page in pages() for word in (page.id, page.name)], after=". ")
        complain(
            f"no page is called or says '{query.strip()}'; texts are looked up in English, as LC_ALL=C "
            f"has them; see gpgdoctor explain --list{meant}"
        )
        return USAGE
    return _print(_choice(matches, look()))


def _print(text: str) -> int:
    return 0 if written(text) else 1


def _choice(matches: list[Match], now: Now) -> str:
    """The closest first, and of those that are equally close the ones that are found."""
    matches = sorted(matches, key=lambda match: (match.distance, MARKS.index(_mark(match.page, now))))
    rows = [line for match in matches for line in _row(match.page, f"{_mark(match.page, now)} ")]
    ids = [match.page.id for match in matches]
    return "\n".join([*_wrapped(f"{len(ids)} {LEGEND}"), "", *rows, "", *_wrapped(_conclusion(ids, now))])


def _mark(page: Page, now: Now) -> str:
    return FOUND if page.id in now.found else UNCHECKED if page.id in now.unchecked else NEITHER


def _row(page: Page, mark: str = "") -> list[str]:
    """Id, name and title; a page without a rule has no other name than its id."""
    head = mark + (f"{page.id:<6} {page.name:<31} " if page.id != page.name else f"{page.id:<38} ")
    return _wrapped(page.title, head)


def _wrapped(text: str, head: str = "") -> list[str]:
    columns = max(width(sys.stdout), len(head) + NARROWEST_TEXT)
    return textwrap.wrap(text, columns, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)


def _conclusion(ids: list[str], now: Now) -> str:
    if now.failure is not None:
        return f"This machine could not be looked at: {now.failure}. Next: gpgdoctor check"
    found = [id for id in ids if id in now.found]
    if found:
        return f"Found on this machine now: {', '.join(found)}. Next: gpgdoctor explain {found[0]}"
    unchecked = " of those that could be checked" if now.unchecked & set(ids) else ""
    return f"None{unchecked} is found on this machine now. Next: gpgdoctor check"


def look() -> Now:
    """What `check --no-probe` finds, of this machine and now."""
    from gpgdoctor.collect.machine import Look, Wishes
    from gpgdoctor.diagnosis import diagnose

    try:
        diagnosis = diagnose(Look(Wishes(probe=False, timeout_s=LOOK_DEADLINE_S)).facts())
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        return Now(failure=f"{type(error).__name__}: {error}")
    return Now(
        found=frozenset(finding.id for finding in diagnosis.findings),
        unchecked=frozenset(
            check.rule.id for check in diagnosis.checks if check.status == "unknown" or check.reason == SWITCHED_OFF
        ),
    )
