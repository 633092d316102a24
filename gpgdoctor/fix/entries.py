"""An entry of the journal as JSON. What is read is checked: only what a fix could have written is accepted."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Literal

from gpgdoctor.plan.steps import Edit, Restart
from gpgdoctor.snapshot import BadSnapshot, Bounds, decode_as, encode
from gpgdoctor.system.record import Record, replace

State = Literal["begun", "applied", "putting-back", "put-back", "undoing", "undone"]
UNFINISHED = ("begun", "putting-back", "undoing")
FORMAT = 1
NAMES = ("scdaemon.conf", "gpg-agent.conf", "common.conf")
ID = re.compile(r"GD[0-9]{3}")
PLAIN_PERMISSIONS = 0o777
LATEST_TIME_S = 253402300799  # the end of the year 9999
BOUNDS = Bounds(text=64 << 20, items=1000, statements=0, lines=10**9, lines_of_all=10**9)


class Damaged(Exception):
    """An entry cannot be trusted; the message says why."""


class Daemon(Record):
    """A process that still uses the old configuration."""

    pid: int
    started: int  # in ticks since boot


class Entry(Record):
    number: int
    time: float
    state: State
    homedir: str
    ids: tuple[str, ...]
    files: tuple[Edit, ...]
    restart: Restart | None
    old: tuple[Daemon, ...]  # what ran before, of what is restarted

    @property
    def temporary(self) -> str:
        """The name of a file while it is written beside the one it replaces."""
        return f".gpgdoctor-{self.number}.tmp"


def joined(earlier: Entry, later: Entry) -> Entry | None:
    """Both as one entry, in the later one's place; None where somebody changed a file between them."""
    files = {file.path: file for file in earlier.files}
    for file in later.files:
        first = files.get(file.path)
        if first is not None and first.after != file.before:
            return None
        files[file.path] = file if first is None else replace(first, after=file.after)
    return replace(
        later,
        ids=tuple(dict.fromkeys((*earlier.ids, *later.ids))),
        files=tuple(files.values()),
        restart=later.restart or earlier.restart,
    )


def encoded(entry: Entry) -> bytes:
    files = tuple(replace(file, diff="") for file in entry.files)
    return json.dumps({"format": FORMAT, **encode(replace(entry, files=files))}, indent=1).encode()


def decoded(content: bytes, number: int) -> Entry:
    """The entry with this number; raises Damaged."""
    try:
        document = json.loads(content, object_hook=_without_nulls)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is no entry of the journal") from error
    if not isinstance(document, dict) or type(document.get("format")) is not int or document["format"] != FORMAT:
        raise Damaged("it is no entry of the journal, or of another version")
    try:
        entry = decode_as(Entry, document, BOUNDS, "entry")
    except BadSnapshot as error:
        raise Damaged(str(error)) from error
    _check(entry, number)
    return entry


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    """As `encode` writes it; earlier versions wrote null for what is absent."""
    return {name: value for name, value in fields.items() if value is not None}


def _check(entry: Entry, number: int) -> None:
    """Raises Damaged for values that no fix writes."""
    if entry.number != number or number < 1:
        raise Damaged("its number is another one than its name's")
    if not 0 <= entry.time <= LATEST_TIME_S or not all(map(ID.fullmatch, entry.ids)):
        raise Damaged("its time or its ids make no sense")
    if any(daemon.pid < 1 or daemon.started < 0 for daemon in entry.old):
        raise Damaged("its daemons make no sense")
    _check_path(entry.homedir)
    for file in entry.files:
        _check_file(file, entry.homedir)


def _check_file(file: Edit, homedir: str) -> None:
    """Only a configuration file of GnuPG in the entry's own home, with plain permissions."""
    _check_path(file.path)
    directory, name = os.path.split(file.path)
    if os.path.normpath(directory) != os.path.normpath(homedir) or name not in NAMES:
        raise Damaged("it names a file that is no configuration file of its GnuPG home")
    if file.mode is not None and (file.mode < 0 or file.mode & ~PLAIN_PERMISSIONS):
        raise Damaged("it would set special permissions")


def _check_path(path: str) -> None:
    """An absolute path that the kernel takes, without ".."."""
    try:
        is_plain = os.path.isabs(path) and ".." not in path.split("/") and b"\0" not in os.fsencode(path)
    except ValueError:  # a lone surrogate
        is_plain = False
    if not is_plain:
        raise Damaged("it names no plain path")
