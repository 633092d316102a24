"""One document for several users: the contract's, with who a finding concerns, and each user's own facts.

What is the same for everybody stands there once. ``users`` of a finding or a check counts in ``users`` of the document.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.report.json import document as document_of

Document = dict[str, Any]

OWN = ("gnupg", "configuration", "host")  # the facts that differ from user to user
VERDICTS = ("healthy", "incomplete", "findings", "error")


def document(machine: Facts, users: Sequence[Diagnosis], left_out: int, seconds: float) -> Document:
    """The document of the machine, with what was found for its users."""
    merged = document_of(diagnose(machine), seconds)
    each = [document_of(diagnosis, seconds) for diagnosis in users]
    if each:
        merged["verdict"] = max((one["verdict"] for one in each), key=VERDICTS.index)
        merged["complete"] = all(one["complete"] for one in each)
        merged["findings"] = _together([one["findings"] for one in each])
        merged["checks"] = sorted(_together([one["checks"] for one in each]), key=lambda check: str(check["id"]))
    merged["users"] = [_user(one) for one in each]
    merged["users_left_out"] = left_out
    return merged


def _together(lists: list[list[Document]]) -> list[Document]:
    found: dict[str, Document] = {}
    for number, items in enumerate(lists):
        for item in items:
            entry = found.setdefault(json.dumps(item, sort_keys=True), {**item, "users": []})
            entry["users"].append(number)
    return list(found.values())


def _user(judged: Document) -> Document:
    own = {name: judged["facts"][name] for name in OWN}
    return {"verdict": judged["verdict"], "complete": judged["complete"], "facts": own}
