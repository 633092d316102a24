"""The Debian packages of the machine and of its emulator, of one release, whatever release this machine has."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gpgdoctor.lab.debian import Apt, DebianUnavailable

RELEASE = "trixie"
ARCHITECTURE = "x86_64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
UNPACK_DEADLINE_S = 120.0
ASK_DEADLINE_S = 30.0

# What Debian calls essential is not implied where nothing is installed.
ESSENTIAL = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "diffutils", "dpkg", "findutils"),
    *("grep", "gzip", "hostname", "libc-bin", "login", "mawk", "mount", "ncurses-base", "passwd", "perl-base"),
    *("procps", "sed", "tar", "util-linux"),
)
GUEST = (
    *ESSENTIAL,
    *("linux-image-amd64", "busybox-static", "kmod", "udev", "systemd", "systemd-sysv", "libpam-systemd"),
    *("libpam-modules", "libpam-runtime", "dbus", "dbus-user-session", "polkitd", "pkexec", "sudo"),
    *("openssh-server", "openssh-client", "iproute2", "acl", "usbutils", "strace"),
    *("pcscd", "libccid", "scdaemon", "gpg", "gpg-agent", "gpgconf", "gpgsm", "gpgv", "keyboxd", "pinentry-curses"),
    *("python3", "python3-typer", "python3-pyscard", "python3-psutil", "python3-platformdirs"),
    "python3-jinja2",
)
EMULATOR = ("qemu-system-x86", "e2fsprogs")


class Release:
    """Debian's packages of one release: apt with this machine's mirror and keys, and nothing installed."""

    def __init__(self, home: Path) -> None:
        if platform.machine() != ARCHITECTURE:
            raise DebianUnavailable(f"the machine is made for {ARCHITECTURE} only")
        root = home / "nothing-installed"
        _write_skeleton(root)
        self._apt = Apt(home=home, root=root).refreshed()

    def resolve(self, packages: Sequence[str]) -> tuple[str, ...]:
        """These packages and all they depend on, as NAME=VERSION."""
        return self._apt.missing(packages)

    def download(self, pinned: Sequence[str], into: Path) -> list[Path]:
        return self._apt.download(pinned, into)


def _write_skeleton(root: Path) -> None:
    for directory in ("apt.conf.d", "preferences.d", "trusted.gpg.d", "sources.list.d"):
        (root / "etc" / "apt" / directory).mkdir(parents=True, exist_ok=True)
    (root / "var" / "lib" / "dpkg").mkdir(parents=True, exist_ok=True)
    (root / "var" / "lib" / "dpkg" / "status").touch()
    if not Path(KEYRING).exists():
        raise DebianUnavailable(f"{KEYRING} (debian-archive-keyring) is not here, and packages cannot be verified")
    source = f"deb [signed-by={KEYRING}] {mirror()} {RELEASE} main\n"
    (root / "etc" / "apt" / "sources.list").write_text(source)


def mirror() -> str:
    """Where this machine has its own Debian from."""
    targets = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    try:
        listed = subprocess.run(targets, capture_output=True, text=True, timeout=ASK_DEADLINE_S, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise DebianUnavailable(f"apt-get does not tell its sources: {error}") from error
    mirrors = [line.split()[1] for line in listed.splitlines() if line.startswith("Debian ") and "security" not in line]
    if not mirrors:
        raise DebianUnavailable("no source of Debian is configured here")
    return mirrors[0]


def unpack(archives: Sequence[Path], tree: Path) -> None:
    """All of these packages below ``tree``, as dpkg would lay them down; no maintainer script runs."""
    tree.mkdir(parents=True)
    # base-files has the links /bin and /lib, which the others' files go through.
    for archive in sorted(archives, key=lambda path: (not path.name.startswith("base-files_"), path.name)):
        try:
            subprocess.run(
                ["dpkg-deb", "-x", str(archive), str(tree)], check=True, capture_output=True, timeout=UNPACK_DEADLINE_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise DebianUnavailable(f"{archive.name} cannot be unpacked: {error}") from error
        archive.unlink()


def foreign(tree: Path, program: str) -> list[str]:
    """How a program of an unpacked tree is run here: by the tree's own loader, on the tree's own libraries."""
    libraries = tree / "usr" / "lib" / f"{ARCHITECTURE}-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    return [str(loader), "--library-path", f"{libraries}:{libraries / 'systemd'}", str(tree / "usr" / program)]


def run_foreign(tree: Path, program: str, *arguments: str, deadline_s: float, env: dict[str, str] | None = None) -> str:
    """Run a program of the tree to its end, and answer what it printed; DebianUnavailable where it fails."""
    try:
        done = subprocess.run(
            [*foreign(tree, program), *arguments],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=deadline_s,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DebianUnavailable(f"{program} of {RELEASE} cannot be run: {error}") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise DebianUnavailable(f"{program} of {RELEASE} failed: {last[0]}")
    return done.stdout


def remove(tree: Path, *paths: str) -> None:
    for path in paths:
        for found in tree.glob(path):
            shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
