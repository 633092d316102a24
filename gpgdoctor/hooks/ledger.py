"""What was installed here: each file with its digest, each directory made for it; nothing else is ever removed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable

from gpgdoctor.hooks import files
from gpgdoctor.system.record import Record

PATH = "/var/lib/gpgdoctor/hooks.json"
DIRECTORY = ""  # in the place of a digest


class Entry(Record):
    target: str
    path: str
    sha256: str


class LedgerDamaged(Exception):
    """The ledger cannot be used; the message says why."""


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def load() -> list[Entry]:
    """The entries; none where nothing was installed yet. Raises LedgerDamaged."""
    try:
        with open(PATH, encoding="utf-8") as file:
            rows = json.load(file)
        return [Entry(target=str(row["target"]), path=str(row["path"]), sha256=str(row["sha256"])) for row in rows]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerDamaged(f"{PATH}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerDamaged(f"{PATH} is damaged; remove it, and the hooks by hand") from error


def save(entries: Iterable[Entry]) -> None:
    rows = [{"target": entry.target, "path": entry.path, "sha256": entry.sha256} for entry in entries]
    if rows:
        files.write(PATH, (json.dumps(rows, indent=1) + "\n").encode(), 0o644)
        return
    if os.path.exists(PATH):
        files.remove(PATH)
    files.remove_empty(os.path.dirname(PATH))
