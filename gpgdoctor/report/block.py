"""The text about one finding: what it is, its evidence, the culprits, and the cure with its costs."""

from __future__ import annotations

from collections.abc import Iterator

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.report import evidence
from gpgdoctor.report.style import COLOURS, Style
from gpgdoctor.rules import with_name
from gpgdoctor.rules.rule import Culprit
from gpgdoctor.system.escape import printable

LABEL_WIDTH = 9
INDENT = " " * (LABEL_WIDTH + 4)
SENTENCE = 600
CHANGES_SHOWN = 20


def block(diagnosis: Diagnosis, finding: Finding, style: Style) -> Iterator[str]:
    """The lines about one finding; the first one is its heading."""
    found = finding.found
    summary = found.summary.clear()
    ignored = " (ignored)" if finding.ignored else ""
    heading = f"{found.severity.upper()} {finding.id} {finding.rule.name}{ignored}"
    yield from (style.paint(line, COLOURS[found.severity]) for line in style.wrapped(heading, "", "  "))
    # A sentence that begins with what it is about needs no other line for it.
    if finding.subject and not summary.startswith(finding.subject):
        yield from style.wrapped(printable(finding.subject), "  ", "  ")
    yield from style.wrapped(printable(summary, SENTENCE), "  ", "  ")
    if finding.consequence_of:
        yield from _field("Cause", [with_name(finding.consequence_of)], style)
    if found.effect:
        yield from _field("Effect", [printable(found.effect.clear(), SENTENCE)], style)
    look = diagnosis.facts.host.time
    yield from _field("Because", evidence.as_lines(finding.because, look=look, places=style.verbose), style)
    yield from _field("Who", [_culprit(who) for who in found.culprits], style)
    if found.note:
        yield from _field("Note", [printable(found.note.clear(), SENTENCE)], style)
    yield from _cure(diagnosis, finding, style)
    yield from _field("More", [f"gpgdoctor explain {finding.id}"], style)


def _culprit(who: Culprit) -> str:
    pid = f"pid {who.pid}" if who.pid is not None else "pid not visible"
    user = f", {printable(who.user)}" if who.user else ""
    return f"{printable(who.program)} ({pid}{user}): {who.certainty}"


def _cure(diagnosis: Diagnosis, finding: Finding, style: Style) -> Iterator[str]:
    from gpgdoctor.plan.plan import Edit, Restart, costs_of, steps_of

    cure = finding.found.cure
    if cure is None:
        return
    steps = steps_of(diagnosis.facts, finding)
    for number, step in enumerate(steps):
        label = "" if number else "Fix"
        if isinstance(step, Edit):
            verb = "create" if step.diff.startswith("--- /dev/null") else "change"
            yield from _field(label, [f"{verb} {printable(step.path)}:"], style)
            yield from (INDENT + style.encodable(line) for line in _changed_lines(step.diff))
        elif isinstance(step, Restart):
            yield from style.wrapped(f"restart {step.target}:", _head(label), INDENT, _command(step.argv))
        else:
            yield from _field(label, [printable(step.text, SENTENCE)], style)
            yield from (INDENT + style.typed(_command(argv)) for argv in step.commands)
    yield from _field("Costs", list(costs_of((cure,), steps)), style)


def _changed_lines(diff: str) -> list[str]:
    rows = diff.split("\n")[2:]  # after the names
    lines = [printable(row) for row in rows if row[:1] in ("+", "-")]
    left = len(lines) - CHANGES_SHOWN + 1
    return lines if left <= 1 else [*lines[: CHANGES_SHOWN - 1], f"and {left} more: gpgdoctor fix --dry-run"]


def _command(argv: tuple[str, ...]) -> str:
    import shlex

    return printable(shlex.join(argv), SENTENCE)


def _field(label: str, texts: list[str], style: Style) -> Iterator[str]:
    for number, text in enumerate(texts):
        head = _head("" if number else label)
        yield from style.wrapped(text, head, " " * len(head) + ("  " if len(texts) > 1 else ""))


def _head(label: str) -> str:
    return f"  {label:<{LABEL_WIDTH}}"
