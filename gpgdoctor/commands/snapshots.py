"""Snapshots: the document of `check --json`, written to a file and read again."""

from __future__ import annotations

import errno
import json
import os
import select
import stat
from contextlib import suppress
from typing import Any

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.facts import Facts
from gpgdoctor.report.json import SCHEMA_VERSION, document, dump
from gpgdoctor.snapshot import BadSnapshot, decode
from gpgdoctor.system import atomic

LIMIT_BYTES = 32 << 20
READER_DEADLINE_S = 5.0


class Unreadable(Exception):
    """No snapshot; the message names the file and what is wrong with it."""


class Unwritable(Exception):
    """The snapshot could not be written; the message names the file."""


def load(path: str) -> Facts:
    """The facts in a snapshot; raises Unreadable."""
    try:
        loaded = json.loads(_read(path))
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
    try:
        if _is_regular(path):
            _replace(os.path.realpath(path), text)
        else:
            _write_to(path, text)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}") from error


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def _replace(path: str, text: str) -> None:
    directory, name = os.path.split(path)
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with atomic.closing(opened) as descriptor, suppress(atomic.NotDurable):  # it is there all the same
        atomic.replace(descriptor, name, text.encode("ascii"), temporary=f".{os.getpid()}.gpgdoctor.tmp")


def _write_to(path: str, text: str) -> None:
    """A terminal, a pipe, /dev/null: written to, not replaced, and not waited for longer than a slow reader needs."""
    from gpgdoctor.system.deadline import Deadline

    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        left, deadline = memoryview(text.encode("ascii")), Deadline(READER_DEADLINE_S)
        while left:
            if not select.select([], [descriptor], [], deadline.left())[1]:
                raise OSError(errno.ETIMEDOUT, "nobody reads it")
            with suppress(BlockingIOError):
                left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def _redacted(diagnosis: Diagnosis, seconds: float) -> dict[str, Any]:
    from gpgdoctor.redact.redact import redact

    redacted, ledger = redact(diagnosis, hosts=(os.uname().nodename,))
    return {**document(redacted, seconds), "redacted": ledger}
