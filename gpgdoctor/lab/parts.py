"""What the lab is built from: vpcd, and whatever of pcscd, scdaemon and gpg this machine does not have.

Nothing is installed: Debian's vpcd package would put two virtual readers, listening on all interfaces, into the user's
own pcscd, and installing pcscd enables its socket. The packages are unpacked in the cache directory, and the lab lays
`prefix/usr` over /usr in its private mount namespace, so that everything is found in its usual place.

Three things to know before mounting it:

- Only /usr is overlaid. The packages' /etc (vpcd's reader entry, libccid's list of readers) does not exist in the lab.
- pcscd finds its USB drivers in /usr/lib/pcsc/drivers, and would take the user's own readers away. Hide that directory
  (it always exists in the overlay) and /dev/bus/usb with an empty tmpfs; `vpcd_library` is a path outside of it.
- No maintainer script ran: there is no /usr/bin/pinentry where gpg-agent came from here, and no user was added.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpgdoctor.lab.debian import Apt, DebianUnavailable, installed_packages_file, unpack

LAB_PACKAGES = (
    "pcscd",
    "libpcsclite1",
    "scdaemon",
    "gpg",
    "gpg-agent",
    "gpgconf",
    "util-linux",
    "mount",
    "iproute2",
)
# Unpacked even where it is installed: the lab needs the library alone, several copies of it.
VPCD_PACKAGE = "vsmartcard-vpcd"
VPCD_LIBRARY = "libifdvpcd.so"
# Services that Debian 13's pcscd depends on for polkit, and what only they need. The lab's pcscd runs without polkit,
# or refuses for want of it; a systemd and a D-Bus that never run would only mislead gpgdoctor when it looks at the lab.
UNUSED_SERVICES = frozenset(
    {
        "adduser",
        "dbus",
        "dbus-bin",
        "dbus-daemon",
        "dbus-session-bus-common",
        "dbus-system-bus-common",
        "libpam-systemd",
        "libsystemd-shared",
        "polkitd",
        "runit-helper",
        "sgml-base",
        "systemd",
        "systemd-sysv",
        "xml-core",
    }
)

LOCK_DEADLINE_S = 900
LOCK_POLL_S = 0.2
# Part of every key: raise it when trees are laid out differently.
LAYOUT = "2"


class PartsUnavailable(Exception):
    """Why the lab cannot be built here, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    prefix: Path
    vpcd_library: Path

    def program(self, name: str) -> str | None:
        """A program that is needed before the overlay is mounted: the machine's own, or the unpacked one."""
        fetched = os.pathsep.join(str(self.prefix / "usr" / directory) for directory in ("bin", "sbin"))
        return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin") or shutil.which(name, path=fetched)


def cache_directory() -> Path:
    """The user's cache directory of gpgdoctor, as platformdirs would say on Linux."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if os.path.isabs(configured) else Path.home() / ".cache"
    return base / "gpgdoctor"


def find(
    *,
    packages: Sequence[str] = LAB_PACKAGES,
    root: Path = Path("/"),
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Parts:
    """The parts for this machine as it is now, fetched where they are not in the cache yet.

    `root` is the root of the Debian system whose packages are meant. The answer holds until a package is installed,
    upgraded or removed there: an old library must not be laid over a newer one. `progress` is called before fetching.
    """
    home = (cache or cache_directory()) / "parts"
    known = home / f"for-{_fingerprint(packages, root)}"
    try:
        if not known.exists():
            with locked(home):
                if not known.exists():
                    tell = progress or _silent
                    tell(f"fetching a virtual reader and what is missing for it into {home}")
                    _fetch(packages, root, home, known, tell)
        return _parts(known.resolve())
    except DebianUnavailable as unavailable:
        raise PartsUnavailable(str(unavailable)) from unavailable
    except OSError as error:
        raise PartsUnavailable(f"{home} cannot be used: {error.strerror or error}") from error


@contextmanager
def locked(directory: Path, *, wait: bool = True) -> Iterator[None]:
    """Keeps two runs apart that would fill the same directory. Without ``wait``: BlockingIOError where one does."""
    directory.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + LOCK_DEADLINE_S
    with (directory / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not wait:
                    raise
                if time.monotonic() > deadline:
                    raise DebianUnavailable(f"another run has held {directory} for {LOCK_DEADLINE_S} s") from None
                time.sleep(LOCK_POLL_S)
        yield


def _fingerprint(packages: Sequence[str], root: Path) -> str:
    """Changes with every change to the installed packages; costs one stat."""
    try:
        status = installed_packages_file(root).stat()
        state = f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"
    except FileNotFoundError:
        state = "not a Debian system"
    return _digest([LAYOUT, str(root), state, *packages])


def _silent(what: str) -> None:
    """In the place of a progress that nobody wants."""


def _fetch(packages: Sequence[str], root: Path, home: Path, known: Path, tell: Callable[[str], None]) -> None:
    machine = Apt(home=home / "apt", root=root)
    try:
        tree = _tree(machine, packages, home, tell)
    except DebianUnavailable:
        # Lists missing as in a container image, or so old that what they name is gone.
        tell("the package lists here are too old; fetching newer ones")
        tree = _tree(machine.refreshed(), packages, home, tell)
    link = known.with_suffix(".new")
    link.unlink(missing_ok=True)
    link.symlink_to(tree.name)
    link.replace(known)


def _tree(apt: Apt, packages: Sequence[str], home: Path, tell: Callable[[str], None]) -> Path:
    """The directory that holds exactly what is missing, unpacked; its name is made of the versions."""
    wanted = {*apt.missing(packages), *apt.candidates([VPCD_PACKAGE])}
    pinned = sorted(pin for pin in wanted if pin.partition("=")[0] not in UNUSED_SERVICES)
    tree = home / f"tree-{_digest([LAYOUT, *pinned])}"
    if not tree.exists():
        with tempfile.TemporaryDirectory(prefix="new-", dir=home, ignore_cleanup_errors=True) as scratch:
            new = Path(scratch) / "tree"
            tell(f"downloading {len(pinned)} packages")
            archives = apt.download(pinned, Path(scratch) / "archives")
            tell("unpacking them")
            unpack(archives, new)
            (new / "packages").write_text("".join(f"{package}\n" for package in pinned))
            new.rename(tree)
    return tree


def _parts(prefix: Path) -> Parts:
    libraries = sorted((prefix / "usr" / "lib").rglob(f"{VPCD_LIBRARY}*"))
    if not libraries:
        raise PartsUnavailable(f"no {VPCD_LIBRARY} in {prefix}; delete that directory and try again")
    return Parts(prefix=prefix, vpcd_library=libraries[0])


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
