"""The first of README's two commands on a fresh Debian 13 and on unstable, as root and as the first ordinary user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support import chroots, roots
from tests.support.chroots import Chroot
from tests.support.labs import cannot_run

LEFT_OUT = shutil.ignore_patterns(".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
CLONE = "/home/first/gpgdoctor"
DEMO = ("python3", f"{CLONE}/gpgdoctor/lab/bootstrap.py", "demo")
FIRST_USER = "1000"


@pytest.fixture(scope="module", params=[roots.trixie, roots.sid], ids=["trixie", "sid"])
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroot]:
    """A Debian as it is after its installation, and a clone in a user's home."""
    try:
        root = chroots.copy(request.param(), tmp_path_factory.mktemp("fresh") / "root")
    except roots.RootUnavailable as unavailable:
        cannot_run(str(unavailable))
    chroot = Chroot(root)
    chroot.succeed("useradd", "--create-home", "--uid", FIRST_USER, "first")
    shutil.copytree(SOURCE_TREE, Path(f"{root}{CLONE}"), ignore=LEFT_OUT)
    chroot.succeed("chown", "-R", f"{FIRST_USER}:{FIRST_USER}", "/home/first")
    yield chroot
    shutil.rmtree(root, ignore_errors=True)


def test_the_demo_plays_for_the_first_user(fresh: Chroot) -> None:
    said = fresh.succeed(
        "setpriv", "--reuid", FIRST_USER, "--regid", FIRST_USER, "--clear-groups", *DEMO, HOME="/home/first"
    )
    assert "ERROR GD202" in said
    assert "Fixed and verified: GD202" in said


def test_the_demo_plays_for_root(fresh: Chroot) -> None:
    assert "Fixed and verified: GD202" in fresh.succeed(*DEMO)
