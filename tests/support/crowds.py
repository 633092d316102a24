"""Documents of as many machines as are wanted, made of the recorded ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.report.json import document
from gpgdoctor.snapshot import decode

SNAPSHOTS = Path(__file__).resolve().parents[2] / "fixtures" / "snapshots"


def recorded() -> list[dict[str, Any]]:
    """Every recorded document, in a stable order."""
    return [json.loads(path.read_text()) for path in sorted(SNAPSHOTS.glob("*.json"))]


def crowd(number: int, *, facts_only: bool = False) -> Iterator[tuple[str, str]]:
    """Names of hosts, and their documents as ``check --json`` prints them or, unjudged, with their facts alone."""
    texts = [_text(snapshot, facts_only) for snapshot in recorded()]
    for count in range(number):
        yield f"laptop-{count:05d}", texts[count % len(texts)]


def write(folder: Path, number: int, *, facts_only: bool = False) -> None:
    folder.mkdir()
    for name, text in crowd(number, facts_only=facts_only):
        (folder / f"{name}.json").write_text(text)


def _text(recorded: dict[str, Any], facts_only: bool) -> str:
    """The recorded ones have their findings and no checks."""
    whole = document(diagnose(decode(recorded["facts"])), 0)
    kept = ("schema_version", "facts") if facts_only else tuple(whole)
    return json.dumps({name: whole[name] for name in kept}, indent=2, sort_keys=True)
