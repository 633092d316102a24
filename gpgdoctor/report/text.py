"""A diagnosis for people: areas, a block for each cause, what was not checked, and the verdict last."""

from __future__ import annotations

from collections.abc import Iterator

from gpgdoctor import __version__
from gpgdoctor.diagnosis import Check, Diagnosis, Finding
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.report.style import COLOURS, Drawing, Style
from gpgdoctor.rules import with_name
from gpgdoctor.system.escape import printable

__all__ = ["Drawing", "Style", "not_checked", "render", "verdict"]

AREAS = (
    ("GD1", "Configuration"),
    ("GD2", "Contention"),
    ("GD3", "Services"),
    ("GD4", "Access"),
    ("GD5", "Readers, cards"),
    ("GD6", "Sharing"),
)
HEALTHY = "No cause found. gpg itself was not tried; if it still fails, run gpgdoctor check within a minute after."
FOR_OTHERS = "Or another program is refused? gpgdoctor fix GD201"


def render(diagnosis: Diagnosis, style: Style) -> str:
    """Lines of text; the last one is the verdict and, where there is one, the next command."""
    lines: list[str] = []
    if not style.quiet:
        lines += [*style.wrapped(_heading(diagnosis.facts, style)), "", *_areas(diagnosis, style), ""]
        lines += _picture(diagnosis, style)
        lines += _blocks(diagnosis, style)
        lines += not_checked(diagnosis, style)
    lines += style.wrapped(verdict(diagnosis, style.homedir))
    return "\n".join(lines)


def _picture(diagnosis: Diagnosis, style: Style) -> list[str]:
    if style.drawing is Drawing.NONE or not (diagnosis.findings or style.verbose):
        return []
    from gpgdoctor.report.picture import picture  # a healthy machine needs none

    return picture(diagnosis, style)


def _blocks(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    if not diagnosis.findings:
        return
    from gpgdoctor.report.block import block  # a healthy machine needs no cures, and no time to load them

    for finding in diagnosis.findings:
        yield from (*block(diagnosis, finding, style), "")


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
                yield from style.wrapped(_check_line(check), "    ", "        ")


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
    reason = f" ({printable(check.reason.clear())})" if check.reason else ""
    return f"{check.status:<8}{check.rule.id} {check.rule.title}{subject}{reason}"


def not_checked(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    """A heading, what could not be checked and why, and an empty line; nothing where all was."""
    unknown = [check for check in diagnosis.checks if check.status == "unknown"]
    if not unknown:
        return
    reasons: dict[str, list[str]] = {}
    for check in unknown:
        reasons.setdefault(check.reason.clear() if check.reason else "", []).append(check.rule.id)
    yield "NOT CHECKED"
    for reason, ids in reasons.items():
        named = ", ".join(map(with_name, dict.fromkeys(ids)))
        yield from style.wrapped(f"{named}: {printable(reason, 400)}", "  ", "    ")
    yield ""


def verdict(diagnosis: Diagnosis, homedir: str | None = None) -> str:
    """One sentence, and the next command, about the home that was named."""
    home = f" --homedir {_quoted(homedir)}" if homedir else ""
    findings = [finding for finding in diagnosis.findings if not finding.ignored]
    if diagnosis.verdict == "healthy":
        keeps_it = any(finding.id == "GD201" for finding in findings)
        return f"{HEALTHY} {FOR_OTHERS}{home}" if keeps_it else HEALTHY
    if diagnosis.verdict == "incomplete":
        asleep = any(finding.id == "GD309" for finding in findings)
        root = known_or(diagnosis.facts.host.root, False)
        following = "gpgdoctor check --wake" if asleep else "" if root else "sudo gpgdoctor check"
        return "No cause found, but some checks could not be made." + (f" Next: {following}{home}" if following else "")
    counts = [
        _count(number, severity)
        for severity in ("error", "warning")
        if (number := sum(finding.found.severity == severity for finding in findings))
    ] or [_count(len(findings), "info")]
    return f"Found: {' and '.join(counts)}. Next: {_next_command(diagnosis, findings, home)}"


def _quoted(path: str) -> str:
    import shlex  # 2 ms, which few need

    return printable(shlex.quote(path), 1000)


def _next_command(diagnosis: Diagnosis, findings: list[Finding], home: str) -> str:
    if any(finding.found.severity != "info" and _is_curable(diagnosis, finding) for finding in findings):
        return f"gpgdoctor fix{home}"
    return f"gpgdoctor explain {findings[0].id}" if findings else "gpgdoctor explain --list"


def _is_curable(diagnosis: Diagnosis, finding: Finding) -> bool:
    if finding.found.cure is None:
        return False
    from gpgdoctor.plan.plan import would_change  # a healthy machine needs no plan, and no time to load one

    return would_change(diagnosis.facts, finding)
