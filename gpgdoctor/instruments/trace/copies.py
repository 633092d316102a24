"""A GnuPG home of copies: public keys, stubs of keys on cards, configuration. A secret key is never copied."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from typing import Final

KEYS = "private-keys-v1.d"
SHADOWED = b"shadowed-private-key"  # in both forms of a key file: the key itself is on a card
SECRET_FORMS = (b"protected-private-key", b"(private-key", b"11:private-key")
STUB_LIMIT_BYTES = 1 << 16
FILE_LIMIT_BYTES = 256 << 20
KEY_FILES_LIMIT = 2000
CONFIGURATION_LIMIT_BYTES = 8 << 20

DATA: Final = ("pubring.kbx", "pubring.gpg", "trustdb.gpg", "tofu.db", "sshcontrol", "trustlist.txt", "policies.txt")
PROGRAMS: Final = ("gpg", "gpg-agent", "scdaemon", "gpgsm", "dirmngr")
COMMON: Final = "common.conf"

# What a second daemon must not share with the first: sockets, log, how it is started, its home.
LEFT_OUT: Final = frozenset(
    {
        *("homedir", "options", "log-file", "verbose", "quiet", "batch"),
        *("server", "multi-server", "daemon", "supervised", "deprecated-supervised", "csh", "sh", "no-detach"),
        *("extra-socket", "browser-socket", "socket-name", "use-standard-socket", "no-use-standard-socket"),
        *("write-env-file", "parent-wait"),
    }
)
FAMILIES_LEFT_OUT: Final = ("debug", "logger-", "status-", "attribute-")
# Of gpg: files elsewhere, which it would also write to.
KEYRINGS: Final = ("keyring", "primary-keyring", "trustdb-name")
# gpg starts to look for secret keys of version 1 where this is missing (g10/migrate.c).
MIGRATED: Final = ".gpg-v21-migrated"


class CannotCopy(Exception):
    """The home cannot be copied; the message says why."""


def copy_home(home: str, into: str) -> int:
    """Fill a new home; returns how many stubs of keys there are. Raises CannotCopy; nothing in ``home`` is changed."""
    try:
        for name in DATA:
            _copy(os.path.join(home, name), os.path.join(into, name))
        for name in _configuration_files(home):
            _copy_configuration(home, name, into)
        with open(os.path.join(into, MIGRATED), "xb"):
            pass
        return _copy_stubs(os.path.join(home, KEYS), os.path.join(into, KEYS))
    except OSError as error:
        raise CannotCopy(f"{error.filename or home}: {error.strerror}") from error


def copy_scdaemon_configuration(home: str, into: str) -> None:
    """scdaemon's own file alone, for a scdaemon that serves nobody; raises CannotCopy."""
    try:
        _copy_configuration(home, "scdaemon.conf", into)
    except OSError as error:
        raise CannotCopy(f"{error.filename or home}: {error.strerror}") from error


def uses_keyboxd(home: str, sysconfdir: str | None) -> bool:
    """Whether public keys are with keyboxd, whose database is not copied: an option that only common.conf has."""
    places = [os.path.join(directory, COMMON) for directory in (sysconfdir, home) if directory]
    return any(_word(line) == "use-keyboxd" for path in places for line in (_content(path) or b"").splitlines())


def without_what_clashes(content: bytes) -> bytes:
    """A configuration without the lines that would make two daemons use the same thing."""
    return b"".join(line for line in content.splitlines(keepends=True) if not _clashes(_word(line)))


def _clashes(option: str) -> bool:
    return option in LEFT_OUT or option.startswith(FAMILIES_LEFT_OUT)


def _word(line: bytes) -> str:
    """The option of a line, in whatever spelling a version takes it."""
    words = line.removeprefix(b"\xef\xbb\xbf").split(None, 1)
    return words[0].decode("utf-8", "replace").lstrip("-").lower() if words else ""


def _configuration_files(home: str) -> Iterator[str]:
    """gpg.conf and the like, also those for one version (gpg.conf-2.2)."""
    for name in sorted(os.listdir(home)):
        program, _, rest = name.partition(".conf")
        if name == COMMON or (program in PROGRAMS and name.startswith(f"{program}.conf") and rest[:1] in ("", "-")):
            yield name


def _copy_configuration(home: str, name: str, into: str) -> None:
    content = _content(os.path.join(home, name))
    if content is None:
        return
    content = without_what_clashes(content)
    if name.startswith("gpg.conf"):
        content = b"".join(_with_own_keyring(line, into) for line in content.splitlines(keepends=True))
    _write(os.path.join(into, name), content)


def _with_own_keyring(line: bytes, into: str) -> bytes:
    """A keyring that is elsewhere is copied as well, so that nothing is written to it."""
    words = line.split(None, 1)
    if len(words) < 2 or _word(line) not in KEYRINGS:
        return line
    value = os.fsdecode(words[1].strip().strip(b'"'))
    if "/" not in value:
        return line
    number = len(os.listdir(into))
    name = f"{number}-{os.path.basename(value) or 'keyring'}"
    _copy(os.path.expanduser(value), os.path.join(into, name))
    return os.fsencode(f"{_word(line)} {os.path.join(into, name)}\n")


def _copy_stubs(keys: str, into: str) -> int:
    os.mkdir(into, 0o700)
    try:
        names = sorted(name for name in os.listdir(keys) if name.endswith(".key"))[:KEY_FILES_LIMIT]
    except FileNotFoundError:
        return 0
    stubs = 0
    for name in names:
        content = _content(os.path.join(keys, name), STUB_LIMIT_BYTES)
        if content is not None and is_stub(content):
            _write(os.path.join(into, name), content)
            stubs += 1
    return stubs


def is_stub(content: bytes) -> bool:
    """Whether a key file says that its key is on a card, and holds no secret of its own."""
    return SHADOWED in content and not any(form in content for form in SECRET_FORMS)


def _copy(source: str, target: str) -> None:
    """A regular file, where it is there; links are followed, for that is how homes are managed."""
    _with_regular_file(source, FILE_LIMIT_BYTES, lambda file: _copy_stream(file, target))


def _copy_stream(descriptor: int, target: str) -> None:
    with open(descriptor, "rb", closefd=False) as source, open(target, "xb", opener=_mine_alone) as copy:
        shutil.copyfileobj(source, copy)


def _content(path: str, limit_bytes: int = CONFIGURATION_LIMIT_BYTES) -> bytes | None:
    found: list[bytes] = []

    def read(descriptor: int) -> None:
        with open(descriptor, "rb", closefd=False) as file:
            found.append(file.read(limit_bytes))

    _with_regular_file(path, limit_bytes, read)
    return found[0] if found else None


def _with_regular_file(path: str, limit_bytes: int, use: Callable[[int], None]) -> None:
    """Nothing is done where there is no such file, or something else; raises CannotCopy where it is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        if status.st_size > limit_bytes:
            raise CannotCopy(f"{path} is too large to be copied")
        use(descriptor)
    finally:
        os.close(descriptor)


def _write(path: str, content: bytes) -> None:
    with open(path, "xb", opener=_mine_alone) as file:
        file.write(content)


def _mine_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
