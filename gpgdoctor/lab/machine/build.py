"""The machine as it lies in the cache: unpacked, made a disk, booted once and saved while it runs."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gpgdoctor.lab.debian import DebianUnavailable
from gpgdoctor.lab.machine import boot, image, packages, root
from gpgdoctor.lab.machine.qemu import Emulator
from gpgdoctor.lab.parts import cache_directory, locked
from gpgdoctor.lab.plan import LabFailed, LabUnavailable

PARTS = ("packages.py", "root.py", "image.py", "guest")
STATE_PARTS = ("qemu.py", "boot.py")
UNFINISHED = ("new-*", "boot-*")  # what is being built lies here until it is whole

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What a machine is started from: ``base`` has tools/, root/, vmlinuz, initrd and root.img."""

    base: Path
    state: Path

    @property
    def root(self) -> Path:
        return self.base / "root"

    @property
    def tools(self) -> Path:
        return self.base / "tools"


def directory() -> Path:
    return cache_directory() / "machine"


def build(tell: Tell) -> Built:
    """The machine, built and booted where the cache has it not; LabUnavailable where it cannot be had."""
    home = directory()
    base = home / f"debian-{packages.RELEASE}-{_digest(PARTS)}"
    state = base / f"saved-{_digest(STATE_PARTS)}"
    try:
        if state.exists():
            _clear_up_unless_locked(home)
        else:
            with locked(home):
                _clear_up(home)
                if not base.exists():
                    _make_base(home, base, tell)
                if not state.exists():
                    _boot_and_save(home, base, state, tell)
    except DebianUnavailable as reason:
        raise LabUnavailable(f"no machine here: {reason}") from reason
    except OSError as error:
        raise LabUnavailable(f"{home} cannot be used: {error.strerror or error}") from error
    return Built(base, state)


def _clear_up_unless_locked(home: Path) -> None:
    """Of another version than ours somebody may be building one right now."""
    if any(found for pattern in UNFINISHED for found in home.glob(pattern)):
        with suppress(BlockingIOError), locked(home, wait=False):
            _clear_up(home)


def _clear_up(home: Path) -> None:
    """What runs left that were killed while they built; who holds the lock is alone."""
    for pattern in UNFINISHED:
        for left in home.glob(pattern):
            shutil.rmtree(left, ignore_errors=True)


def _digest(parts: Sequence[str]) -> str:
    here = Path(__file__).parent
    files = [
        file for part in parts for file in ([here / part] if part.endswith(".py") else sorted((here / part).iterdir()))
    ]
    content = b"\0".join(file.read_bytes() for file in files if file.is_file())
    return hashlib.sha256(content).hexdigest()[:12]


@contextmanager
def _timed(what: str, tell: Tell) -> Iterator[None]:
    tell(what)
    start = time.monotonic()
    yield
    tell(f"{what}: {time.monotonic() - start:.0f} s")


def _make_base(home: Path, base: Path, tell: Tell) -> None:
    with tempfile.TemporaryDirectory(prefix="new-", dir=home, ignore_cleanup_errors=True) as scratch:
        new = Path(scratch) / "base"
        new.mkdir()
        with _timed("fetching the packages of a Debian 13 and of QEMU", tell):
            _fetch(home, Path(scratch), new)
        with _timed("setting the Debian 13 up", tell):
            root.configure(new / "root")
            image.make_kernel(new / "root", new)
        with _timed("making its disk", tell):
            image.make_disk(new / "tools", new / "root", new / "root.img", image.ROOT_BYTES)
        new.rename(base)


def _fetch(home: Path, scratch: Path, new: Path) -> None:
    release = packages.Release(home / "apt")
    for names, tree in ((packages.GUEST, "root"), (packages.EMULATOR, "tools")):
        pinned = release.resolve(names)
        packages.unpack(release.download(pinned, scratch / f"archives-{tree}"), new / tree)
        (new / f"{tree}.packages").write_text("".join(f"{package}\n" for package in pinned))


def _boot_and_save(home: Path, base: Path, state: Path, tell: Tell) -> None:
    with tempfile.TemporaryDirectory(prefix="boot-", dir=home, ignore_cleanup_errors=True) as scratch:
        source = Path(scratch) / "source.img"
        with source.open("wb") as file:
            file.truncate(image.SOURCE_BYTES)
        emulator = Emulator(base, Path(scratch), source)
        try:
            with _timed("booting it", tell):
                boot.wait_until_up(emulator)
            with _timed("saving it", tell):
                emulator.save(Path(scratch) / "state")
            (Path(scratch) / "state").rename(state)
        except (LabFailed, TimeoutError) as failure:
            shutil.copy(Path(scratch) / "console.log", home / "console.log")
            raise LabFailed(f"{failure} (see {home / 'console.log'})") from failure
        finally:
            emulator.close()
