"""The journal: what each fix changes, with the content before and after, written before anything is changed."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from gpgdoctor.fix.entries import Damaged, Entry, State, decoded, encoded
from gpgdoctor.system import atomic, locking
from gpgdoctor.system.atomic import NotDurable
from gpgdoctor.system.record import Record, replace
from gpgdoctor.system.regular import read_up_to

PREFIX, SUFFIX = "fix-", ".json"
NAME = re.compile(rf"{PREFIX}([0-9]{{4,9}}){re.escape(SUFFIX)}", re.ASCII)
ENTRY_LIMIT_BYTES = 64 << 20


class NoJournal(Exception):
    """The journal cannot be used; the message says why."""


def location() -> str:
    """The directory of the journal and the lock, which may not exist yet; raises NoJournal."""
    import platformdirs

    try:
        path = platformdirs.user_state_dir("gpgdoctor")
    except RuntimeError:  # newer versions, where nobody knows the home
        path = ""
    # A relative XDG_STATE_HOME is to be ignored (XDG Base Directory Specification).
    path = path if os.path.isabs(path) else os.path.expanduser("~/.local/state/gpgdoctor")
    if not os.path.isabs(path):
        raise NoJournal("nobody knows where your home is, and with it the journal: set HOME")
    return path


@contextmanager
def opened() -> Iterator[Journal]:
    """The journal, made for its user alone where there is none; raises NoJournal."""
    path = location()
    try:
        _make(path)
        descriptor = os.open(path, atomic.OPEN_DIRECTORY)
    except OSError as error:
        raise NoJournal(f"the journal in {path} cannot be used: {error.strerror}") from error
    with atomic.closing(descriptor):
        _check_owner(descriptor, path)
        _keep_private(descriptor, path)
        yield Journal(descriptor, path)


@contextmanager
def session(wait_s: float = locking.WAIT_S) -> Iterator[Journal]:
    """The journal, locked; raises NoJournal and NotLocked."""
    with opened() as book, locking.locked(book.descriptor, wait_s):
        yield book


def exists() -> bool:
    return os.path.isdir(location())


def read_only() -> Contents:
    """The contents, without creating a journal; raises NoJournal."""
    path = location()
    try:
        descriptor = os.open(path, atomic.OPEN_DIRECTORY)
    except FileNotFoundError:
        return Contents(entries=(), skipped={})
    except OSError as error:
        raise NoJournal(f"the journal in {path} cannot be read: {error.strerror}") from error
    with atomic.closing(descriptor):
        _check_owner(descriptor, path)
        return Journal(descriptor, path).contents()


def _check_owner(descriptor: int, path: str) -> None:
    if os.fstat(descriptor).st_uid != os.geteuid():
        raise NoJournal(f"{path} belongs to another user")


def _keep_private(descriptor: int, path: str) -> None:
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        try:
            os.fchmod(descriptor, 0o700)
        except OSError as error:
            raise NoJournal(f"{path} is open to others: {error.strerror}") from error


def _make(path: str) -> None:
    """Create the directory and its parents, each made durable in the one above."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    _make(parent)
    os.mkdir(path, 0o700)
    with atomic.closing(os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as descriptor:
        os.fsync(descriptor)


class Contents(Record):
    """The entries, oldest first, and those that cannot be trusted: by number, with the file and the reason."""

    entries: tuple[Entry, ...]
    skipped: dict[int, str]

    def tell_skipped(self, tell: Callable[[str], None]) -> None:
        for reason in self.skipped.values():
            tell(f"gpgdoctor: skipped: {reason}")


class Journal:
    """An open journal: one file for each entry, replaced as a whole whenever its state changes."""

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self._path = path

    def contents(self) -> Contents:
        entries, skipped = [], {}
        for number in self._numbers():
            try:
                entries.append(self._load(number))
            except Damaged as reason:
                skipped[number] = f"{self._path}/{_name(number)}: {reason}"
        return Contents(entries=tuple(entries), skipped=skipped)

    def entries(self) -> list[Entry]:
        return list(self.contents().entries)

    def next_number(self) -> int:
        """Also higher than those of entries that are skipped."""
        return max(self._numbers(), default=0) + 1

    def write(self, entry: Entry) -> None:
        """Durable when it returns; raises NoJournal, and NotDurable where it is written all the same."""
        name = _name(entry.number)
        try:
            atomic.replace(self.descriptor, name, encoded(entry), temporary=f".{name}.tmp")
        except OSError as error:
            raise NoJournal(f"the journal in {self._path} cannot be written: {error.strerror}") from error

    def become(self, entry: Entry, state: State) -> Entry:
        """Write the entry with another state; raises NoJournal. If the power fails, a later run completes it."""
        entry = replace(entry, state=state)
        with suppress(NotDurable):
            self.write(entry)
        return entry

    def forget(self, entry: Entry) -> None:
        """Delete the entry of a fix that changed nothing, or that another entry includes."""
        with suppress(OSError, NotDurable):
            os.unlink(_name(entry.number), dir_fd=self.descriptor)
            atomic.make_durable(self.descriptor)

    def _numbers(self) -> list[int]:
        try:
            names = map(NAME.fullmatch, os.listdir(self.descriptor))
        except OSError as error:
            raise NoJournal(f"the journal in {self._path} cannot be listed: {error.strerror}") from error
        numbers = [int(found[1]) for found in names if found]
        return sorted(number for number in numbers if number)

    def _load(self, number: int) -> Entry:
        """Raises Damaged for what is not mine, not regular, open to others, or no entry."""
        try:
            with atomic.closing(os.open(_name(number), atomic.OPEN_TO_READ, dir_fd=self.descriptor)) as descriptor:
                _check_entry(os.fstat(descriptor))
                content = read_up_to(descriptor, ENTRY_LIMIT_BYTES)
        except OSError as error:
            raise Damaged(error.strerror or str(error)) from error
        return decoded(content, number)


def _check_entry(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Damaged("it is no regular file")
    if status.st_uid != os.geteuid():
        raise Damaged("it belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Damaged("it is writable by others")
    if status.st_size > ENTRY_LIMIT_BYTES:
        raise Damaged("it is too large")


def _name(number: int) -> str:
    return f"{PREFIX}{number:04}{SUFFIX}"


def now() -> float:
    return max(0.0, round(time.time(), 3))  # an entry of before 1970 is not believed
