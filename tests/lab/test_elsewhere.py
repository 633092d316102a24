"""Where the lab cannot be had, or only with something that is fetched: what is said, and how it is had."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gpgdoctor.lab import jcecard
from gpgdoctor.lab.plan import SOURCE_TREE

pytestmark = pytest.mark.lab
DEADLINE_S = 60
CANNOT_RUN = 3
# The clone is seen where it is; nothing else is mounted, least of all the root itself.
PLAIN_CHROOT = """
mkdir -p "$0$1" && mount --bind "$1" "$0$1" && mount -t proc proc "$0/proc" &&
exec chroot "$0" env PYTHONPATH="$1" PYTHONDONTWRITEBYTECODE=1 python3 -m gpgdoctor demo
"""


def test_a_plain_chroot_is_called_one(trixie_root: Path, tmp_path: Path) -> None:
    """Before anything is fetched, so that no network is needed to learn it."""
    root = tmp_path / "root"
    subprocess.run(["cp", "-a", "--reflink=auto", str(trixie_root), str(root)], check=True, timeout=DEADLINE_S)
    argv = ["unshare", "--mount", "sh", "-c", PLAIN_CHROOT, str(root), str(SOURCE_TREE)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_S)
    assert (done.returncode, done.stdout) == (CANNOT_RUN, "")
    assert done.stderr.startswith("gpgdoctor demo: cannot run here: this is a plain chroot")
    assert done.stderr.endswith("mount --bind ROOT ROOT\n")
    assert done.stderr.count("\n") == 1


def test_the_card_that_is_fetched_is_the_one_that_is_declared() -> None:
    declared = re.findall(r"^lab = \[\"(.+)\"\]$", (SOURCE_TREE / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared == [jcecard.REQUIREMENT]
