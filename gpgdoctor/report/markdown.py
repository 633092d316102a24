"""A diagnosis for a bug report: Markdown in which whatever came from the machine stands inside a fence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.report import machine_facts
from gpgdoctor.report.block import block
from gpgdoctor.report.style import Style
from gpgdoctor.report.text import not_checked, verdict

LIMIT_BYTES = 64 << 10  # what trackers take as one comment
SECTION_BYTES = 8 << 10
RESERVE_BYTES = 200  # for saying that something was left out


def render(diagnosis: Diagnosis, ledger: Mapping[str, int], style: Style) -> str:
    """At most 64 KiB, the most telling first. The diagnosis is one of redacted facts, and the ledger is theirs."""
    parts: list[str] = []
    left, omitted = LIMIT_BYTES - RESERVE_BYTES, 0
    for part in (_head(diagnosis, ledger), *_sections(diagnosis, style)):
        size = len(part.encode("utf-8", "backslashreplace")) + 2
        if size <= left:
            parts.append(part)
            left -= size
        else:
            omitted += 1
    return "\n\n".join([*parts, *([f"{omitted} more sections were left out."] if omitted else [])])


def _head(diagnosis: Diagnosis, ledger: Mapping[str, int]) -> str:
    counted = ", ".join(f"{kind} {number}" for kind, number in ledger.items())
    redacted = f"Redacted, the same thing by the same name: {counted}." if counted else "Nothing had to be redacted."
    numbers = "Process numbers are aliases in the same order; times are seconds since the look."
    return f"## gpgdoctor report\n\n**{verdict(diagnosis)}**\n\n{redacted} {numbers}"


def _sections(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    facts = diagnosis.facts
    yield _section("Versions", machine_facts.versions(facts), style)
    for finding in diagnosis.findings:
        _, *lines = block(diagnosis, finding, style)
        ignored = ", ignored" if finding.ignored else ""
        yield _section(f"{finding.id} {finding.rule.name} ({finding.found.severity}{ignored})", lines, style)
    yield _section("Not checked", [*not_checked(diagnosis, style)][1:-1] or ["  nothing"], style)
    for title, lines in machine_facts.sections(facts):
        yield _section(title, lines, style)


def _section(title: str, lines: Iterable[str], style: Style) -> str:
    text = _cut([style.encodable(line) for line in lines])
    # A fence ends only at one that is at least as long.
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"### {title}\n\n{fence}text\n{text}\n{fence}"


def _cut(lines: list[str]) -> str:
    size = 0
    kept: list[str] = []
    for line in lines:
        size += len(line.encode("utf-8", "backslashreplace")) + 1
        if size > SECTION_BYTES:
            return "\n".join([*kept, f"  ... and {len(lines) - len(kept)} more lines"])
        kept.append(line)
    return "\n".join(kept)
