"""Root directories of other Debian systems, for labs to run on: ``Lab(scenario, root=trixie())``."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gpgdoctor.lab.debian import OFFLINE, Apt, DebianUnavailable, unpack
from gpgdoctor.lab.parts import cache_directory, locked
from gpgdoctor.lab.plan import SOURCE_TREE

# gpgdoctor runs on the system's own packages there, and needs no other.
PACKAGES = (
    *("pcscd", "libpcsclite1", "scdaemon", "gpg", "gpg-agent", "gpgconf"),
    # What pcscd's polkit asks for by a virtual name, which debootstrap does not look up.
    *("dbus", "libpam-systemd"),
    *("python3", "python3-typer", "python3-pyscard", "python3-psutil", "python3-platformdirs"),
)
BUILD_DEADLINE_S = 900
ASK_DEADLINE_S = 30
COMPILE_DEADLINE_S = 120
COMPILE = """
mount --bind "$1" "$0/mnt"
exec chroot "$0" python3 -m compileall -q -x /collection/ -s /mnt -p "$1" /mnt/gpgdoctor
"""
DROPPED = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


class RootUnavailable(Exception):
    """Why there is no such root here, in one line."""


def trixie() -> Path:
    """A Debian 13: GnuPG 2.4, pcscd 2.3. Built once, in the cache."""
    return built("trixie")


def sid() -> Path:
    """Debian's unstable: what the next release will have, and the newest Python. Built once, in the cache."""
    return built("sid")


def built(release: str) -> Path:
    """The root of this release: what gpgdoctor needs, and nothing else; raises RootUnavailable."""
    if os.geteuid() != 0:
        raise RootUnavailable("the root of another Debian is built by root only")
    home = cache_directory() / "roots"
    digest = hashlib.sha256("\0".join(PACKAGES).encode()).hexdigest()[:8]
    root = home / f"{release}-{digest}"
    try:
        with locked(home):
            if not root.exists() and os.environ.get(OFFLINE):
                raise DebianUnavailable(f"nothing is fetched where {OFFLINE} is set")
            if not root.exists():
                with tempfile.TemporaryDirectory(prefix="new-", dir=home, ignore_cleanup_errors=True) as scratch:
                    _debootstrap(release, Path(scratch), home).rename(root)
    except (DebianUnavailable, OSError, subprocess.SubprocessError) as error:
        raise RootUnavailable(f"no Debian {release} here: {error}") from error
    return root


def compile_clone(root: Path) -> None:
    """For that root's Python, which is shown the clone read-only and would compile it at every start."""
    enter = ["unshare", "--mount", "sh", "-ec", COMPILE, str(root), str(SOURCE_TREE)]
    subprocess.run(enter, capture_output=True, check=False, timeout=COMPILE_DEADLINE_S)


def _debootstrap(release: str, scratch: Path, home: Path) -> Path:
    root = scratch / "root"
    log = home / f"{release}.log"
    program, environment = _program(scratch)
    include = ",".join(PACKAGES)
    # What it mounts is gone with it, even where it is killed: what clears up afterwards must not walk into /proc.
    command = ["unshare", "--mount", program, "--variant=minbase", f"--include={include}", release, str(root), mirror()]
    with log.open("w") as output:
        done = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=BUILD_DEADLINE_S,
        )
    if done.returncode != 0:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise DebianUnavailable(f"debootstrap failed: {last[0]} (see {log})")
    for directory in DROPPED:
        shutil.rmtree(root / directory, ignore_errors=True)
    return root


def _program(scratch: Path) -> tuple[str, dict[str, str]]:
    """The machine's debootstrap and the wget that it calls, or unpacked ones."""
    installed = shutil.which("debootstrap") or shutil.which("debootstrap", path="/usr/sbin")
    if installed and shutil.which("wget"):
        return installed, {}
    usr = scratch / "tools" / "usr"
    unpack(_downloaded(("debootstrap", "wget"), scratch / "archives"), usr.parent)
    return str(usr / "sbin/debootstrap"), {
        "DEBOOTSTRAP_DIR": str(usr / "share/debootstrap"),
        "PATH": f"{usr / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "LD_LIBRARY_PATH": ":".join(map(str, usr.glob("lib/*-linux-gnu*"))),
    }


def _downloaded(packages: Sequence[str], into: Path) -> list[Path]:
    """These packages, and what they need that is not installed here."""
    apt = Apt(home=cache_directory() / "parts" / "apt")
    with locked(cache_directory() / "parts"):
        try:
            return apt.download(_wanted(apt, packages), into)
        except DebianUnavailable:
            refreshed = apt.refreshed()
            return refreshed.download(_wanted(refreshed, packages), into)


def _wanted(apt: Apt, packages: Sequence[str]) -> list[str]:
    return sorted({*apt.missing(packages), *apt.candidates(packages)})


def mirror() -> str:
    """Where this machine has its own Debian from."""
    targets = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(targets, capture_output=True, text=True, timeout=ASK_DEADLINE_S, check=True).stdout
    mirrors = [line.split()[1] for line in listed.splitlines() if line.startswith("Debian ") and "security" not in line]
    if not mirrors:
        raise DebianUnavailable("no source of Debian is configured here")
    return mirrors[0]
