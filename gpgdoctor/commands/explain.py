"""`gpgdoctor explain`: a page by id or name, or the likeliest pages for a pasted error; needs no network."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpgdoctor.commands.output import complain, written
from gpgdoctor.manual.pages import Page, called, nearest_name, pages
from gpgdoctor.system.escape import printable
from gpgdoctor.system.invocation import as_typed
from gpgdoctor.system.record import Record
from gpgdoctor.system.terminal import width

if TYPE_CHECKING:
    from gpgdoctor.manual.search import Answer

USAGE = 2
NARROWEST_TEXT = 16
AT_MOST = 5
QUOTE_LIMIT = 200
LOOK_DEADLINE_S = 2.0
MARKS = FOUND, UNCHECKED, NEITHER = "*", "?", " "
LEGEND = '"*" is found on this machine now, "?" could not be checked. No reader was connected to.'
MANY = "Several causes look like this; each title says what holds where all is well."
ONE = "One page fits; its title says what holds where all is well."
ANY_PROGRAM = "Any program may print this: it may be about another device, or about no card at all. "
OF_ANOTHER_CAUSE = "The text does not prove it: another cause may print the same. "
LIKELY_AT_MOST = "No page has this text or its symptom; by its words alone, these are the likeliest. "
ONLY_WORDS = "It was found by words alone, and may be something else. "
FROM_STDIN = "-"
NEARLY = 0.8  # similarity of a name with a typo


class Now(Record):
    """What a look at this machine says of the findings, as `check` orders them."""

    found: tuple[str, ...] = ()
    unchecked: frozenset[str] = frozenset()
    failure: str | None = None


def explain(words: Sequence[str], *, listing: bool) -> int:
    """Print the page, the choice or the list; returns 0, or 2 where there is no such page."""
    if listing:
        return _print("\n".join(line for page in pages() for line in _row(page)))
    if not words:
        return _what_is_found(look())
    if list(words) == [FROM_STDIN]:
        return _text(_standard_input(), of_a_log=True)
    query = " ".join(words)
    page = called(query)
    return _print(page.text.rstrip("\n")) if page else _text(query, of_a_log=False)


def _standard_input() -> str:
    from gpgdoctor.manual.search import LIMIT_CHARACTERS

    return sys.stdin.buffer.read(4 * LIMIT_CHARACTERS).decode("utf-8", "replace")


def _text(text: str, *, of_a_log: bool) -> int:
    from gpgdoctor.manual.search import answer

    found = answer(text)
    by_words = found.deciding is None
    if not found.matches or (by_words and nearest_name(text, NEARLY)):
        return _nothing(text, of_a_log)
    if len(found.matches) == 1 and not found.in_doubt:
        return _print(found.matches[0].page.text.rstrip("\n"))
    return _print(_choice(found, look(), of_a_log=of_a_log))


def _nothing(text: str, of_a_log: bool) -> int:
    if of_a_log:
        complain("no page knows a line of this log; see gpgdoctor explain --list")
        return USAGE
    near = nearest_name(text)
    meant = f"did you mean {near}? S" if near else "it may have nothing to do with cards; s"
    complain(f"no page has the name or the text '{text.strip()}'; {meant}ee gpgdoctor explain --list")
    return USAGE


def _what_is_found(now: Now) -> int:
    """Without words: the pages of what `check` finds."""
    by_id = {page.id: page for page in pages()}
    found = [by_id[id] for id in now.found if id in by_id]
    if now.failure is None and len(found) == 1:
        return _print(found[0].text.rstrip("\n"))
    rows = [line for page in found for line in _row(page, f"{FOUND} ")]
    if found:
        end = f"Next: gpgdoctor explain {found[0].id}"
    elif now.failure is not None:
        end = f"This machine could not be looked at: {now.failure}. Next: gpgdoctor check"
    else:
        unseen = "but not everything could be looked at (see gpgdoctor check)" if now.unchecked else ""
        end = (
            f"Nothing is found on this machine now, {unseen or 'so there is nothing to explain'}. "
            'With an error at hand: gpgdoctor explain "its text"'
        )
    return _print("\n".join([*rows, *([""] if rows else []), *_wrapped(end)]))


def _print(text: str) -> int:
    return 0 if written(as_typed(text)) else 1


def _choice(answer: Answer, now: Now, *, of_a_log: bool) -> str:
    """Findings of this machine first, then by how common they are; at most five, the others by id."""
    candidates = sorted((match.page for match in answer.matches), key=lambda page: _rank(page, answer, now))
    shown, others = candidates[:AT_MOST], candidates[AT_MOST:]
    rows = [line for page in shown for line in _row(page, f"{_mark(page, now)} ")]
    quoted = None if answer.deciding is None else printable(answer.deciding.text, QUOTE_LIMIT)
    return "\n".join(
        [
            *([*_wrapped(f"The line that says most: {quoted}"), ""] if quoted else []),
            *_wrapped(f"{_doubt(answer)}{MANY if candidates[1:] else ONE} {LEGEND}"),
            "",
            *rows,
            *(["", *_wrapped(", ".join(page.id for page in others), f"{len(others)} more: ")] if others else []),
            "",
            *_wrapped(_conclusion([page.id for page in candidates], now, of_a_log=of_a_log)),
        ]
    )


def _doubt(answer: Answer) -> str:
    """What stands before the pages; one page alone never stands there as if it were certain."""
    if answer.of_any_program:
        return ANY_PROGRAM
    if answer.by_likeness:
        return LIKELY_AT_MOST
    if len(answer.matches) > 1 and not answer.is_single:
        return ""
    return ONLY_WORDS if answer.deciding is None else OF_ANOTHER_CAUSE


def _rank(page: Page, answer: Answer, now: Now) -> int:
    """The sort key: findings of this machine first where the text leads to them; else the order of the search stays."""
    return now.found.index(page.id) if page.id in now.found and page.id in answer.leading else len(now.found)


def _mark(page: Page, now: Now) -> str:
    return FOUND if page.id in now.found else UNCHECKED if page.id in now.unchecked else NEITHER


def _row(page: Page, mark: str = "") -> list[str]:
    """Id, name and title; a page without a rule has no other name than its id."""
    head = mark + (f"{page.id:<6} {page.name:<31} " if page.id != page.name else f"{page.id:<38} ")
    return _wrapped(page.title, head)


def _wrapped(text: str, head: str = "") -> list[str]:
    columns = max(width(sys.stdout), len(head) + NARROWEST_TEXT)
    return textwrap.wrap(text, columns, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)


def _conclusion(ids: list[str], now: Now, *, of_a_log: bool) -> str:
    if now.failure is not None:
        return f"This machine could not be looked at: {now.failure}. Next: gpgdoctor check"
    found = [id for id in now.found if id in ids]
    if found and of_a_log:
        return f"This machine has {', '.join(found)} now; the log may be of another. Next: gpgdoctor explain {ids[0]}"
    if found:
        return f"Found on this machine now: {', '.join(found)}. Next: gpgdoctor explain {found[0]}"
    unchecked = " of those that could be checked" if now.unchecked & set(ids) else ""
    return f"None{unchecked} is found on this machine now. Next: gpgdoctor check"


def look() -> Now:
    """What `check --no-probe` finds, of this machine and now."""
    from gpgdoctor.collect.machine import Look, LookOptions
    from gpgdoctor.diagnosis import diagnose

    try:
        diagnosis = diagnose(Look(LookOptions(probe=False, timeout_s=LOOK_DEADLINE_S)).facts())
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        return Now(failure=f"{type(error).__name__}: {error}")
    return Now(
        found=tuple(dict.fromkeys(finding.id for finding in diagnosis.findings)),
        unchecked=frozenset(it.rule.id for it in diagnosis.checks if it.status == "unknown" or it.switched_off),
    )
