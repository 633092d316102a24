"""A diagnosis for people: areas, one block for each cause, what was not checked, the verdict last."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from gpgdoctor import __version__
from gpgdoctor.diagnosis import Check, Diagnosis, Finding
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.record import Record
from gpgdoctor.report.escape import printable
from gpgdoctor.rules.rule import Culprit

LABEL_WIDTH = 9
AREAS = (
    ("GD1", "Configuration"),
    ("GD2", "Contention"),
    ("GD3", "Services"),
    ("GD4", "Access"),
    ("GD5", "Readers, cards"),
    ("GD6", "Sharing"),
)
HEALTHY = "No cause found. gpg itself was not tried; if it still fails, run gpgdoctor check within a minute after."


class Style(Record):
    """How wide, and whether in colour."""

    width: int = 80
    colour: bool = False
    verbose: bool = False
    quiet: bool = False
    origin: str | None = None  # of a replayed snapshot

    def paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text


COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;36", "pass": "32"}


def render(diagnosis: Diagnosis, style: Style) -> str:
    """Lines of text; the last one is the verdict and, where there is one, the next command."""
    lines: list[str] = []
    if not style.quiet:
        lines += [*_wrapped(_heading(diagnosis.facts, style), style), "", *_areas(diagnosis, style), ""]
        for finding in diagnosis.findings:
            lines += [*_block(diagnosis, finding, style), ""]
        lines += _not_checked(diagnosis, style)
    lines += _wrapped(verdict(diagnosis), style)
    return "\n".join(lines)


def _heading(facts: Facts, style: Style) -> str:
    system = known_or(facts.host.distribution, "").partition(" ")[2] or known_or(facts.host.system, "")
    version = known_or(facts.gnupg.scdaemon_version, None)
    parts = [f"gpgdoctor {__version__}"]
    if system:
        parts.append(f"on {printable(system)}")
    heading = " ".join(parts) + (f", scdaemon {printable(version)}" if version else "")
    return f"{heading} (replayed from {printable(style.origin)})" if style.origin else heading


def _areas(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    for prefix, name in AREAS:
        checks = [check for check in diagnosis.checks if check.rule.id.startswith(prefix)]
        if not checks:
            continue
        yield f"  {name:<15} {_area_status(diagnosis, checks, prefix, style)}"
        if style.verbose:
            for check in checks:
                yield from _wrapped(_check_line(check), style, "    ", "        ")


def _area_status(diagnosis: Diagnosis, checks: list[Check], prefix: str, style: Style) -> str:
    found = [finding for finding in diagnosis.findings if finding.id.startswith(prefix)]
    counts = [
        (sum(finding.found.severity == severity for finding in found), severity)
        for severity in ("error", "warning", "info")
    ]
    words = [style.paint(_count(number, severity), COLOURS[severity]) for number, severity in counts if number]
    unknown = sum(check.status == "unknown" for check in checks)
    if unknown:
        words.append(f"{unknown} not checked")
    if not words:
        passed = any(check.status == "pass" for check in checks)
        return style.paint("ok", COLOURS["pass"]) if passed else "nothing to check"
    return ", ".join(words)


def _count(number: int, severity: str) -> str:
    return f"{number} {severity}" + ("s" if number > 1 and severity != "info" else "")


def _check_line(check: Check) -> str:
    subject = f" [{printable(check.subject)}]" if check.subject else ""
    reason = f" ({printable(check.reason)})" if check.reason else ""
    return f"{check.status:<8}{check.rule.id} {check.rule.title}{subject}{reason}"


def _block(diagnosis: Diagnosis, finding: Finding, style: Style) -> Iterator[str]:
    found = finding.found
    ignored = " (ignored)" if finding.ignored else ""
    heading = f"{found.severity.upper()} {finding.id} {finding.rule.name}{ignored}"
    yield style.paint(heading, COLOURS[found.severity])
    if finding.subject:
        yield from _wrapped(printable(finding.subject), style, "  ", "  ")
    yield from _wrapped(printable(found.summary, 600), style, "  ", "  ")
    if finding.consequence_of:
        yield from _field("After", [f"a consequence of {finding.consequence_of}"], style)
    if found.effect:
        yield from _field("Effect", [printable(found.effect, 600)], style)
    yield from _field("Because", [f"{item.fact} = {_value(item.value)}" for item in finding.because], style)
    if found.culprits:
        yield from _field("Who", [_culprit(who) for who in found.culprits], style)
    if found.note:
        yield from _field("Note", [printable(found.note, 600)], style)
    if found.cure:
        yield from _cure(diagnosis, finding, style)
    yield from _field("More", [f"gpgdoctor explain {finding.id}"], style)


def _culprit(who: Culprit) -> str:
    pid = f"pid {who.pid}" if who.pid is not None else "pid not visible"
    user = f", {printable(who.user)}" if who.user else ""
    return f"{printable(who.program)} ({pid}{user}): {who.certainty}"


def _value(value: Any) -> str:
    """A fact's value as a person writes it."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        if "unknown" in value:
            return f"not known ({printable(value['unknown'])})"
        return printable(", ".join(f"{name} {_value(item)}" for name, item in value.items()))
    if isinstance(value, list):
        return printable("; ".join(_value(item) if isinstance(item, dict) else printable(str(item)) for item in value))
    return printable(str(value))


def _cure(diagnosis: Diagnosis, finding: Finding, style: Style) -> Iterator[str]:
    from gpgdoctor.fix.plan import Advise, Edit, Restart, steps_of

    cure = finding.found.cure
    assert cure is not None
    for number, step in enumerate(steps_of(diagnosis.facts, finding)):
        label = "Fix" if number == 0 else ""
        if isinstance(step, Edit):
            yield from _field(label, [f"change {printable(step.path)}:"], style)
            yield from (f"{' ' * (LABEL_WIDTH + 4)}{printable(line)}" for line in _changed_lines(step.diff))
        elif isinstance(step, Restart):
            yield from _field(label, [f"restart {step.target}: {_command(step.argv)}"], style)
        elif isinstance(step, Advise):
            yield from _field(label, [printable(step.text, 600)], style)
            yield from (f"{' ' * (LABEL_WIDTH + 4)}{_command(argv)}" for argv in step.commands)
    if cure.costs:
        yield from _field("Costs", list(cure.costs), style)


def _changed_lines(diff: str) -> list[str]:
    lines = diff.splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def _command(argv: tuple[str, ...]) -> str:
    import shlex

    return printable(shlex.join(argv), 600)


def _field(label: str, texts: list[str], style: Style) -> Iterator[str]:
    for number, text in enumerate(texts):
        head = f"  {label if number == 0 else '':<{LABEL_WIDTH}}"
        yield from _wrapped(text, style, head, " " * len(head) + ("  " if len(texts) > 1 else ""))


def _not_checked(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    unknown = [check for check in diagnosis.checks if check.status == "unknown"]
    if not unknown:
        return
    reasons: dict[str, list[str]] = {}
    for check in unknown:
        reasons.setdefault(check.reason or "", []).append(check.rule.id)
    yield "NOT CHECKED"
    for reason, ids in reasons.items():
        yield from _wrapped(f"{', '.join(dict.fromkeys(ids))}: {printable(reason, 400)}", style, "  ", "    ")
    yield ""


def verdict(diagnosis: Diagnosis) -> str:
    """One sentence, and the next command."""
    findings = [finding for finding in diagnosis.findings if not finding.ignored]
    if diagnosis.verdict == "healthy":
        return HEALTHY
    if diagnosis.verdict == "incomplete":
        asleep = any(finding.id == "GD309" for finding in findings)
        root = known_or(diagnosis.facts.host.root, False)
        following = "gpgdoctor check --wake" if asleep else "" if root else "sudo gpgdoctor check"
        return "No cause found, but not everything could be checked." + (f" Next: {following}" if following else "")
    counts = [
        _count(number, severity)
        for severity in ("error", "warning")
        if (number := sum(finding.found.severity == severity for finding in findings))
    ] or [_count(len(findings), "info")]
    return f"Found: {' and '.join(counts)}. Next: {_next_command(findings)}"


def _next_command(findings: list[Finding]) -> str:
    for finding in findings:
        cure = finding.found.cure
        if cure and cure.applicability != "manual" and finding.found.severity != "info":
            return "gpgdoctor fix"
    return f"gpgdoctor explain {findings[0].id}" if findings else "gpgdoctor explain --list"


def _wrapped(text: str, style: Style, first: str = "", following: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        max(style.width, 20),
        initial_indent=first,
        subsequent_indent=following,
        break_on_hyphens=False,
    ) or [first.rstrip()]
