"""The journal: what each fix changes, before and after, written before anything is changed."""

from __future__ import annotations

import base64
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from gpgdoctor.fix.files import OPEN_NEW, OPEN_TO_READ, remove
from gpgdoctor.plan.steps import Restart

State = Literal["begun", "applied", "putting-back", "put-back", "undoing", "undone"]
UNFINISHED = ("begun", "putting-back", "undoing")
FORMAT = 1
PREFIX, SUFFIX = "fix-", ".json"
ENTRY_LIMIT_BYTES = 64 << 20


class NoJournal(Exception):
    """The journal cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file before and after. None is a file that is not there."""

    path: str
    before: bytes | None
    after: bytes
    mode: int | None  # before


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The process that still works by the old configuration."""

    pid: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    number: int
    time: float
    state: State
    homedir: str
    ids: tuple[str, ...]
    files: tuple[FileChange, ...]
    restart: Restart | None
    old: tuple[Daemon, ...]  # what ran before, of what is restarted

    @property
    def temporary(self) -> str:
        """What a file is called while it is written beside the one it replaces."""
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


def location() -> str:
    """The directory of the journal and the lock, which may not be there yet."""
    import platformdirs

    path = platformdirs.user_state_dir("gpgdoctor")
    # A relative XDG_STATE_HOME is to be ignored (XDG Base Directory Specification).
    return path if os.path.isabs(path) else os.path.abspath(os.path.expanduser("~/.local/state/gpgdoctor"))


@contextmanager
def opened() -> Iterator[Journal]:
    """The journal, made for its user alone where there is none; raises NoJournal."""
    path = location()
    try:
        _make(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise NoJournal(f"the journal in {path} cannot be used: {error.strerror}") from error
    try:
        _keep_private(descriptor, path)
        yield Journal(descriptor, path)
    finally:
        os.close(descriptor)


def _keep_private(descriptor: int, path: str) -> None:
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        raise NoJournal(f"{path} belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        try:
            os.fchmod(descriptor, 0o700)
        except OSError as error:
            raise NoJournal(f"{path} is open to others: {error.strerror}") from error


def _make(path: str) -> None:
    """The directory and what leads to it; each is durable in the one above."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    _make(parent)
    os.mkdir(path, 0o700)
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_only() -> list[Entry]:
    """The entries, oldest first, without making anything."""
    path = location()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NoJournal(f"the journal in {path} cannot be read: {error.strerror}") from error
    try:
        return Journal(descriptor, path).entries()
    finally:
        os.close(descriptor)


class Journal:
    """An open journal: one file for each entry, replaced as a whole whenever its state changes."""

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self._path = path

    def entries(self) -> list[Entry]:
        return [self._load(number) for number in self._numbers()]

    def next_number(self) -> int:
        return max(self._numbers(), default=0) + 1

    def write(self, entry: Entry) -> None:
        """Durable when it returns; raises NoJournal, and then there is what was there before."""
        name, temporary = _name(entry.number), f".{_name(entry.number)}.tmp"
        try:
            remove(self.descriptor, temporary)
            descriptor = os.open(temporary, OPEN_NEW, 0o600, dir_fd=self.descriptor)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(json.dumps(_encode(entry), indent=1).encode())
                    file.flush()
                    os.fsync(descriptor)
                os.rename(temporary, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
            except BaseException:
                remove(self.descriptor, temporary)
                raise
            os.fsync(self.descriptor)
        except OSError as error:
            raise NoJournal(f"the journal in {self._path} cannot be written: {error.strerror}") from error

    def become(self, entry: Entry, state: State) -> Entry:
        entry = replace(entry, state=state)
        self.write(entry)
        return entry

    def forget(self, entry: Entry) -> None:
        """Of a fix that changed nothing, or that another entry tells as well."""
        with suppress(OSError):
            os.unlink(_name(entry.number), dir_fd=self.descriptor)
            os.fsync(self.descriptor)

    def _numbers(self) -> list[int]:
        names = (name for name in os.listdir(self.descriptor) if name.startswith(PREFIX) and name.endswith(SUFFIX))
        digits = (name[len(PREFIX) : -len(SUFFIX)] for name in names)
        return sorted(int(number) for number in digits if number.isdecimal())

    def _load(self, number: int) -> Entry:
        try:
            descriptor = os.open(_name(number), OPEN_TO_READ, dir_fd=self.descriptor)
            with os.fdopen(descriptor, "rb") as file:
                return _decode(json.loads(file.read(ENTRY_LIMIT_BYTES)))
        except OSError as error:
            raise NoJournal(f"{self._path}/{_name(number)}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoJournal(f"{self._path}/{_name(number)} is no entry of the journal") from error


def _name(number: int) -> str:
    return f"{PREFIX}{number:04}{SUFFIX}"


def now() -> float:
    return round(time.time(), 3)


def _encode(entry: Entry) -> dict[str, Any]:
    return {
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


def _decode(document: Any) -> Entry:
    if document["format"] != FORMAT:
        raise ValueError("an entry of another version")
    restart = document["restart"]
    return Entry(
        number=document["number"],
        time=document["time"],
        state=document["state"],
        homedir=document["homedir"],
        ids=tuple(document["ids"]),
        files=tuple(
            FileChange(
                path=file["path"],
                before=_bytes(file["before"]),
                after=_bytes(file["after"]) or b"",
                mode=file["mode"],
            )
            for file in document["files"]
        ),
        restart=Restart(target=restart["target"], argv=tuple(restart["argv"])) if restart else None,
        old=tuple(Daemon(pid=daemon["pid"], started=daemon["started"]) for daemon in document["old"]),
    )


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
