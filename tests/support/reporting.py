"""What tests of the report share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gpgdoctor.fleet.picture import picture
from gpgdoctor.fleet.sources import sources
from gpgdoctor.fleet.tally import Tally
from tests.support.crowds import SNAPSHOTS


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SNAPSHOTS / f"{name}.json").read_text())
    return document


def put(folder: Path, **contents: Any) -> Path:
    """Write each content as JSON, or as it is; names are the hosts'."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / f"{name}.json").write_bytes(written)
    return folder


def report(*paths: Path) -> dict[str, Any]:
    tally = Tally()
    for source in sources([str(path) for path in paths]):
        tally.add(source)
    return picture(tally)


def finding(id: str = "GD202", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": "a-name",
        "title": "A title",
        "severity": "error",
        "ignored": False,
        "subject": None,
        "because": [],
        "culprits": [],
        "consequence_of": None,
        "fix": None,
        **changes,
    }


def document(*findings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": "1.0",
        "gpgdoctor": "0.1.0",
        "verdict": "findings" if findings else "healthy",
        "complete": True,
        "seconds": 0.1,
        "findings": list(findings),
        "checks": [],
        "facts": {},
        **changes,
    }


def culprit(program: str, certainty: str = "certain") -> dict[str, Any]:
    return {"pid": 1, "program": program, "user": None, "certainty": certainty}


def row(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """The only row that has these values."""
    (found,) = (it for it in rows if all(it[name] == value for name, value in wanted.items()))
    return found
