"""Snapshots: the document of `check --json`, written to a file and read again."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

from gpgdoctor.commands.files import Unwritable, write_text
from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.facts import Facts
from gpgdoctor.report.json import SCHEMA_VERSION, document, dump
from gpgdoctor.snapshot import BadSnapshot, decode
from gpgdoctor.system.child import integer

__all__ = ["Unreadable", "Unwritable", "load", "save"]

LIMIT_BYTES = 8 << 20  # which JSON can make 350 MB of; a snapshot has some 40 KB


class Unreadable(Exception):
    """No snapshot; the message names the file and what is wrong with it."""


def load(path: str) -> Facts:
    """The facts in a snapshot; raises Unreadable."""
    try:
        loaded = json.loads(_read(path), parse_int=integer)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"{path}{line}: not JSON") from error
    if not isinstance(loaded, dict) or "facts" not in loaded:
        raise Unreadable(f"{path}: not a snapshot of gpgdoctor: it has no facts")
    version = loaded.get("schema_version")
    if not isinstance(version, str) or version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise Unreadable(f"{path}: a snapshot of schema version {version}; this gpgdoctor reads {SCHEMA_VERSION}")
    try:
        return decode(loaded["facts"])
    except (BadSnapshot, RecursionError) as error:
        raise Unreadable(f"{path}: {error}") from error


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"{path}: not a regular file")
        if status.st_size > LIMIT_BYTES:
            raise Unreadable(f"{path}: larger than {LIMIT_BYTES >> 20} MiB")
        return file.read(LIMIT_BYTES)


def save(path: str, diagnosis: Diagnosis, seconds: float, *, redact: bool) -> None:
    """Write a snapshot for its owner alone; raises Unwritable, and leaves nothing behind then."""
    text = dump(_redacted(diagnosis, seconds) if redact else document(diagnosis, seconds)) + "\n"
    write_text(path, text)


def _redacted(diagnosis: Diagnosis, seconds: float) -> dict[str, Any]:
    from gpgdoctor.redact.redact import redact

    redacted, ledger = redact(diagnosis, hosts=(os.uname().nodename,))
    return {**document(redacted, seconds), "redacted": ledger}
