"""One document for several users: that of `check --json`, with the users each finding concerns, and their own facts.

A finding or check that is the same for several users is there once, and its ``users`` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.facts import known_or
from gpgdoctor.report.json import document as document_of

Document = dict[str, Any]

OWN = ("gnupg", "configuration")  # the facts that differ from user to user
VERDICTS = ("healthy", "incomplete", "findings", "error")


def document(machine: Diagnosis, users: Sequence[Diagnosis], left_out: int, seconds: float) -> Document:
    """The document of the machine, with what was found for its users."""
    merged = document_of(machine, seconds)
    names = [known_or(diagnosis.facts.host.user, "unknown") for diagnosis in users]
    each = [document_of(diagnosis, seconds) for diagnosis in users]
    if each:
        merged["verdict"] = max((one["verdict"] for one in each), key=VERDICTS.index)
        merged["complete"] = all(one["complete"] for one in each)
        merged["findings"] = _together(names, [one["findings"] for one in each])
        merged["checks"] = sorted(_together(names, [one["checks"] for one in each]), key=lambda check: str(check["id"]))
    merged["users"] = [_user(name, one) for name, one in zip(names, each, strict=True)]
    merged["users_left_out"] = left_out
    return merged


def _together(names: Sequence[str], lists: Sequence[list[Document]]) -> list[Document]:
    found: dict[str, Document] = {}
    for name, items in zip(names, lists, strict=True):
        for item in items:
            entry = found.setdefault(json.dumps(item, sort_keys=True), {**item, "users": []})
            entry["users"].append(name)
    return list(found.values())


def _user(name: str, judged: Document) -> Document:
    own = {fact: judged["facts"][fact] for fact in OWN}
    return {"user": name, "verdict": judged["verdict"], "complete": judged["complete"], "facts": own}
