"""An entry of the journal as JSON. What is read is checked: only what a fix could have written is accepted."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

from gpgdoctor.plan.steps import Edit, Restart, Target
from gpgdoctor.system.record import Record, replace

State = Literal["begun", "applied", "putting-back", "put-back", "undoing", "undone"]
STATES: tuple[str, ...] = get_args(State)
UNFINISHED = ("begun", "putting-back", "undoing")
FORMAT = 1
NAMES = ("scdaemon.conf", "gpg-agent.conf", "common.conf")
TARGETS = ("gpg-agent", "scdaemon")
ID = re.compile(r"GD[0-9]{3}")
PLAIN_PERMISSIONS = 0o777
LATEST_TIME_S = 253402300799  # the end of the year 9999
MOST = 1 << 63
MANY = 1000


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
    document = {
        "format": FORMAT,
        "number": entry.number,
        "time": entry.time,
        "state": entry.state,
        "homedir": entry.homedir,
        "ids": list(entry.ids),
        "files": [
            {"path": file.path, "before": _text(file.before), "after": _text(file.after), "mode": file.mode}
            for file in entry.files
        ],
        "restart": entry.restart and {"target": entry.restart.target, "argv": list(entry.restart.argv)},
        "old": [{"pid": daemon.pid, "started": daemon.started} for daemon in entry.old],
    }
    return json.dumps(document, indent=1).encode()


def decoded(content: bytes, number: int) -> Entry:
    """The entry with this number; raises Damaged."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is no entry of the journal") from error
    entry = _Fields(document)
    if entry.number("format", 0, MOST) != FORMAT:
        raise Damaged("it is an entry of another version")
    if entry.number("number", 1, MOST) != number:
        raise Damaged("its number is another one than its name's")
    homedir = _plain_path(entry.text("homedir"))
    return Entry(
        number=number,
        time=entry.number("time", 0, LATEST_TIME_S),
        state=cast(State, entry.one_of("state", STATES)),
        homedir=homedir,
        ids=tuple(entry.texts("ids", ID)),
        files=tuple(_edit(file, homedir) for file in entry.several("files")),
        restart=_restart(entry),
        old=tuple(
            Daemon(pid=int(daemon.number("pid", 1, MOST)), started=int(daemon.number("started", 0, MOST)))
            for daemon in entry.several("old")
        ),
    )


def _edit(file: _Fields, homedir: str) -> Edit:
    """Only of a configuration file of GnuPG in the entry's own home, with plain permissions."""
    path = _plain_path(file.text("path"))
    directory, name = os.path.split(path)
    if os.path.normpath(directory) != os.path.normpath(homedir) or name not in NAMES:
        raise Damaged("it names a file that is no configuration file of its GnuPG home")
    mode = None if file.get("mode") is None else int(file.number("mode", 0, MOST))
    if mode is not None and mode & ~PLAIN_PERMISSIONS:
        raise Damaged("it would set special permissions")
    before = None if file.get("before") is None else file.content("before")
    return Edit(path=path, before=before, after=file.content("after"), mode=mode)


def _restart(entry: _Fields) -> Restart | None:
    if entry.get("restart") is None:
        return None
    restart = _Fields(entry.get("restart"))
    return Restart(target=cast(Target, restart.one_of("target", TARGETS)), argv=tuple(restart.texts("argv")))


def _plain_path(path: str) -> str:
    """The path, if it is absolute, valid for the kernel and without ".."; else raises Damaged."""
    try:
        is_plain = os.path.isabs(path) and ".." not in path.split("/") and b"\0" not in os.fsencode(path)
    except ValueError:  # a lone surrogate
        is_plain = False
    if not is_plain:
        raise Damaged("it names no plain path")
    return path


class _Fields:
    """A JSON object whose fields have to be of the type that they are asked for; raises Damaged."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Damaged("it is no entry of the journal")
        self._value: Mapping[str, Any] = value

    def get(self, name: str) -> Any:
        return self._value.get(name)

    def text(self, name: str) -> str:
        return cast(str, self._must_be(isinstance(self.get(name), str), name))

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        return cast(str, self._must_be(self.get(name) in words, name))

    def number(self, name: str, least: float, most: float) -> float:
        value = self.get(name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return cast(float, self._must_be(is_number and least <= value <= most, name))

    def texts(self, name: str, like: re.Pattern[str] | None = None) -> list[str]:
        items = self._list(name)
        fit = all(isinstance(item, str) and (like is None or like.fullmatch(item)) for item in items)
        return cast("list[str]", self._must_be(fit, name))

    def several(self, name: str) -> list[_Fields]:
        return [_Fields(item) for item in self._list(name)]

    def content(self, name: str) -> bytes:
        try:
            return base64.b64decode(self.text(name), validate=True)
        except ValueError as error:
            raise Damaged(f"its {name} makes no sense") from error

    def _list(self, name: str) -> list[Any]:
        items = self.get(name)
        return cast("list[Any]", self._must_be(isinstance(items, list) and len(items) <= MANY, name))

    def _must_be(self, so: bool, name: str) -> Any:
        if not so:
            raise Damaged(f"its {name} makes no sense")
        return self.get(name)


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()
