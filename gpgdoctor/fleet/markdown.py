"""The picture of a fleet in Markdown. Whatever came from a document stands in a code span."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence

from gpgdoctor.fleet.picture import Picture

WIDTH = 80
HOSTS_SHOWN = 12
ROWS_SHOWN = 40
VERDICTS = {
    "healthy": "healthy",
    "incomplete": "not checked in full",
    "findings": "with findings",
    "error": "where gpgdoctor failed",
}
VERSION_TITLES = (("gnupg", "GnuPG"), ("pcsc-lite", "pcsc-lite"), ("distribution", "Distribution"))


def render(picture: Picture) -> str:
    return "\n".join(
        [
            *_head(picture),
            *_section("By finding", picture["findings"], _finding),
            *_section("By program that holds", picture["programs"], _program),
            *_section("What one cure would mend", picture["cures"], _cure),
            *_versions(picture),
            *_not_looked_at(picture),
            *_section("Damaged documents", picture["damaged"], _damaged),
        ]
    ).rstrip("\n")


def _head(picture: Picture) -> list[str]:
    verdicts = ", ".join(f"{number} {VERDICTS[name]}" for name, number in picture["verdicts"].items() if number)
    away, damaged = len(picture["not_looked_at"]["hosts"]), len(picture["damaged"])
    sentences = [f"{counted(picture['hosts'], 'host')}: {verdicts or 'none was looked at'}."]
    sentences += [f"{counted(away, 'host')} gave no document."] if away else []
    sentences += [f"{counted(damaged, 'file')} could not be read."] if damaged else []
    left_out = picture["left_out"]
    sentences += [f"{left_out} mentions of rare programs, versions or cures were left out."] if left_out else []
    return ["# gpgdoctor fleet report", "", *_wrapped(" ".join(sentences))]


def _section(title: str, rows: Sequence[Picture], render: Callable[[Picture], Iterable[str]]) -> list[str]:
    lines = ["", f"## {title}", ""]
    for row in rows[:ROWS_SHOWN]:
        lines += render(row)
    if len(rows) > ROWS_SHOWN:
        lines.append(f"- and {len(rows) - ROWS_SHOWN} more: `--json` has them all")
    return [*lines, *([] if rows else ["Nothing."])]


def _finding(row: Picture) -> Iterator[str]:
    several = row["severities"] if len(row["severities"]) > 1 else {}
    severity = ", ".join(f"{name} on {number}" for name, number in several.items()) or row["severity"]
    yield from _item(f"**{row['id']}** {span(row['name'])} ({severity}): {hosts(row)}")
    if row["programs"]:
        yield from _wrapped(f"by {named(row['programs'])}", "  ")


def _program(row: Picture) -> Iterator[str]:
    yield from _item(f"{span(row['program'])} ({row['certainty']}; {', '.join(row['findings'])}): {hosts(row)}")


def _cure(row: Picture) -> Iterator[str]:
    what = ", ".join(map(span, row["steps"])) if row["steps"] else f"by hand: `gpgdoctor explain {row['findings'][0]}`"
    yield from _item(f"{', '.join(row['findings'])}, {row['applicability']}, {what}: {hosts(row)}")
    yield from _wrapped(f"the only trouble of {row['whole']} of them", "  ")


def _versions(picture: Picture) -> Iterator[str]:
    for key, title in VERSION_TITLES:
        yield from _section(title, picture["versions"][key], _version)


def _version(row: Picture) -> Iterator[str]:
    yield from _item(f"{span(row['version'])}: {hosts(row)}")


def _not_looked_at(picture: Picture) -> Iterator[str]:
    missing = picture["not_looked_at"]
    yield from _section("What could not be looked at", [*missing["hosts"], *missing["checks"]], _missing)
    if missing["users_left_out"]:
        yield f"- {missing['users_left_out']} users were left out on their hosts"


def _missing(row: Picture) -> Iterator[str]:
    if "host" in row:
        yield from _item(f"{span(row['host'])}: {span(row['reason'])}")
    else:
        yield from _item(f"**{row['id']}** {span(row['name'])}: {hosts(row)}")
        yield from _wrapped(named(row["reasons"]), "  ")


def _damaged(row: Picture) -> Iterator[str]:
    yield from _item(f"{span(row['file'])}: {span(row['reason'])}")


def hosts(row: Picture) -> str:
    """How many hosts, and the first of them, with the users concerned where these are not all."""
    users = row.get("users", {})
    shown = [
        f"{span(host)} ({', '.join(map(span, users[host][:HOSTS_SHOWN]))})" if host in users else span(host)
        for host in row["hosts"][:HOSTS_SHOWN]
    ]
    return f"{counted(len(row['hosts']), 'host')}: {_and_more(shown, len(row['hosts']))}"


def named(names: Sequence[str]) -> str:
    return _and_more([span(name) for name in names[:HOSTS_SHOWN]], len(names))


def _and_more(shown: list[str], total: int) -> str:
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(text: str) -> str:
    """A code span that ends nowhere but at its end: one more backtick than stand together in it."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _item(text: str) -> list[str]:
    return _wrapped(text, "- ", "  ")


def _wrapped(text: str, first: str = "", following: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if following is None else following,
        break_on_hyphens=False,
        break_long_words=False,
    )
