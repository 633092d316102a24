"""`fix --json`: the result of a fix as one document."""

from __future__ import annotations

from typing import Any

from gpgdoctor import __version__
from gpgdoctor.fix.show import Result
from gpgdoctor.report.json import SCHEMA_VERSION, findings


def document(result: Result) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "gpgdoctor": __version__,
        "findings": findings(result.diagnosis) if result.diagnosis else [],
        "plan": [step for plan in result.plans for step in plan.as_json()],
        "costs": list(dict.fromkeys(cost for plan in result.plans for cost in plan.costs)),
        "notes": list(dict.fromkeys((*result.notes, *(note for plan in result.plans for note in plan.unproved)))),
        "refused": [{"id": item.id, "reason": item.reason} for plan in result.plans for item in plan.refused],
        "applied": result.applied,
        "verified": result.verified,
        "undo": result.undo,
        "left": list(result.left),
        "result": result.verdict,
    }
