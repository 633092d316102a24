"""One line for a monitoring system, with the exit code that it wants."""

from __future__ import annotations

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.system.escape import printable

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def code(diagnosis: Diagnosis) -> int:
    """0 to 3 as monitoring plugins use them."""
    counting = {finding.found.severity for finding in diagnosis.findings if not finding.ignored}
    if diagnosis.verdict == "findings":
        return CRITICAL if "error" in counting else WARNING
    return UNKNOWN if diagnosis.verdict == "incomplete" else OK


def render(diagnosis: Diagnosis) -> str:
    findings = [finding for finding in diagnosis.findings if not finding.ignored]
    errors = sum(finding.found.severity == "error" for finding in findings)
    warnings = sum(finding.found.severity == "warning" for finding in findings)
    status = code(diagnosis)
    if status in (CRITICAL, WARNING):
        # A pipe would begin the performance data.
        text = "; ".join(f"{finding.id} {_plain(finding.found.summary.clear())}" for finding in findings[:3])
    elif status == UNKNOWN:
        missing = [check for check in diagnosis.checks if check.status == "unknown"]
        text = f"{missing[0].rule.id} not checked: {_plain(str(missing[0].reason or ''))}" if missing else "not checked"
    else:
        text = "no cause found"
    return f"GPGDOCTOR {_WORDS[status]} - {text} | errors={errors} warnings={warnings}"


def _plain(text: str) -> str:
    return printable(text).replace("|", "/")
