"""Whole Debian systems to build and install in: a copy of a cached root, entered in namespaces."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpgdoctor.lab.debian import OFFLINE
from gpgdoctor.lab.parts import cache_directory, locked
from tests.support import roots

# What builds the package, what it needs to be built, and what checks it.
TOOLS = (
    *("build-essential", "debhelper", "dh-python", "pybuild-plugin-pyproject", "python3-all", "python3-setuptools"),
    *("python3-pytest", "python3-hypothesis", "python3-jsonschema", "lintian", "autopkgtest", "ca-certificates"),
)
# What installs a clone as a user of pip would, and what its tests need beside the packages in every root.
TESTING = (
    *("python3-pip", "python3-setuptools", "python3-wheel"),
    *("python3-pytest", "python3-hypothesis", "python3-jsonschema", "python3-jinja2"),
)
INSTALL_DEADLINE_S = 900
# Not chroot: namespaces are made inside of it, and a user's are refused below a root that is not the namespace's own.
ENTER = """
mount --bind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount --rbind /dev dev && mount --rbind /sys sys &&
mount -t tmpfs -o mode=755 tmpfs run && mkdir -p .outside && pivot_root . .outside && umount -l /.outside &&
rmdir /.outside && cd / || exit 127
"$@"  # the shell stays, as the first process of the namespace: it buries the orphans
"""
# Unstable is signed for a week only, and a mirror may be a snapshot.
ANY_DATE = 'Acquire::Check-Valid-Until "false";\n'
# How this machine reaches its registries is nothing that a fresh root knows.
FROM_THE_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")


class Chroot:
    """A root directory of one's own, and commands that run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(
        self, *argv: str, deadline_s: float = INSTALL_DEADLINE_S, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """As root, with both outputs in ``stdout``."""
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, str(self.path)]
        return subprocess.run(
            [*enter, *argv],
            env={**_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=deadline_s,
        )

    def succeed(self, *argv: str, **environment: str) -> str:
        """What it says, where it ends with 0; else the test fails."""
        done = self.run(*argv, deadline_s=INSTALL_DEADLINE_S, **environment)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{done.stdout[-6000:]}"
        return done.stdout


def _environment() -> dict[str, str]:
    reaching = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {
        **reaching,
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }


def builder(release: str) -> Path:
    """A root with what packages are built with, in the cache; raises RootUnavailable."""
    return _equipped(release, "builder", TOOLS)


def tester(release: str) -> Path:
    """A root with what tests are run with, in the cache; raises RootUnavailable."""
    return _equipped(release, "tester", TESTING)


def _equipped(release: str, name: str, tools: Sequence[str]) -> Path:
    bare = roots.built(release)
    home = cache_directory() / "roots"
    digest = hashlib.sha256("\0".join([bare.name, *tools]).encode()).hexdigest()[:8]
    root = home / f"{release}-{name}-{digest}"
    with locked(home):
        if not root.exists():
            if os.environ.get(OFFLINE):
                raise roots.RootUnavailable(f"nothing is fetched where {OFFLINE} is set")
            with tempfile.TemporaryDirectory(prefix="new-", dir=home, ignore_cleanup_errors=True) as scratch:
                _with_tools(copy(bare, Path(scratch) / "root"), tools).rename(root)
    return root


def copy(root: Path, into: Path) -> Path:
    subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(into)], check=True, timeout=INSTALL_DEADLINE_S)
    for name in FROM_THE_MACHINE:
        if Path(name).exists():
            place = Path(f"{into}{name}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            shutil.copyfile(name, place)
    (into / "etc/apt/apt.conf.d/99any-date").write_text(ANY_DATE)
    return into


def _with_tools(root: Path, tools: Sequence[str]) -> Path:
    chroot = Chroot(root)
    for argv in (["apt-get", "update"], ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *tools]):
        done = chroot.run(*argv)
        if done.returncode != 0:
            raise roots.RootUnavailable(f"{argv[0]} {argv[1]} failed: {_last(done.stdout)}")
    return root


def _last(output: str) -> str:
    lines: Sequence[str] = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def files_of(root: Path) -> Mapping[str, str]:
    """Every path below the root with what kind it is, but those that come and go with apt itself."""
    found = {}
    for folder, folders, names in os.walk(root):
        here = folder.removeprefix(str(root))
        folders[:] = [name for name in folders if f"{here}/{name}" not in PASSING]
        for name in names:
            found[f"{here}/{name}"] = "file"
        for name in folders:
            found[f"{here}/{name}"] = "directory"
    return found


PASSING = ("/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/log", "/tmp", "/root", "/run", "/proc", "/sys", "/dev")
