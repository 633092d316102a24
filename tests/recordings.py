"""Records what `check` sees in every scenario of the lab: ``python tests/recordings.py``.

A scenario's snapshot carries its name. ID.broken.json and ID.ok.json are links to the first snapshot that has the
finding, and to one in which its check passes; where no scenario can show an illness, they are files made by hand.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpgdoctor.lab.catalogue import SCENARIOS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario
from gpgdoctor.rules import catalogue

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "snapshots"
# What differs from one recording to the next, and from one machine to another.
FLEETING = (
    *("pid", "inode", "parent", "started", "changed", "time", "seconds", "waiting", "owner"),
    *("distribution", "init", "container", "unit", "session", "executable"),
    *("because", "summary"),  # they quote the others
)


Document = dict[str, Any]


def record(lab: Lab) -> Document:
    """What `check` says in a lab."""
    done = lab.gpgdoctor("check", "--json")
    document: Document = json.loads(done.stdout)
    return document


def stable(document: Document) -> Document:
    """What two recordings of one scenario must have in common."""
    return {
        "verdict": document["verdict"],
        "complete": document["complete"],
        "checks": document["checks"],
        "findings": [_lasting(finding) for finding in document["findings"]],
        "facts": _lasting(document["facts"]),
    }


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        lasting = {key: _lasting(item) for key, item in value.items() if key not in FLEETING}
        if "processes" in lasting:  # which come in the order of their pids
            lasting["processes"].sort(key=json.dumps)
        return lasting
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if isinstance(value, str):
        # A full pcscd hangs up before or after it has read the question, and the library answers accordingly.
        return re.sub(r"pid \d+", "pid N", value).replace("0x8010001D", "0x8010006A")
    return value


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def load(name: str) -> Document:
    document: Document = json.loads(path_of(name).read_text())
    return document


def names() -> Iterator[str]:
    """Every snapshot that is a file of its own."""
    for path in sorted(FOLDER.glob("*.json")):
        if not path.is_symlink():
            yield path.stem


def _write(scenario: Scenario) -> None:
    with Lab(scenario) as lab:
        text = json.dumps(record(lab), indent=1, sort_keys=True, ensure_ascii=True)
    path_of(scenario.name).write_text(text + "\n")


def link() -> list[str]:
    """Make the links of every id, and return those that have to be made by hand."""
    documents = {name: load(name) for name in (scenario.name for scenario in SCENARIOS) if path_of(name).exists()}
    missing = []
    for id in catalogue():
        found = {name for name, document in documents.items() if any(it["id"] == id for it in document["findings"])}
        passed = [
            name
            for name, document in documents.items()
            if any((check["id"], check["status"]) == (id, "pass") for check in document["checks"]) and name not in found
        ]
        for kind, choice in (("broken", sorted(found)), ("ok", passed)):
            target = path_of(f"{id}.{kind}")
            if target.exists() and not target.is_symlink():
                continue
            if not choice:
                missing.append(target.name)
                continue
            target.unlink(missing_ok=True)
            os.symlink(f"{choice[0]}.json", target)
    return missing


def main(wanted: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for scenario in SCENARIOS:
        if not wanted or scenario.name in wanted:
            print(scenario.name)
            _write(scenario)
    for name in link():
        print(f"to be made by hand: {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
