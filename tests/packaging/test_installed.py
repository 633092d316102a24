"""The tests that look at the machine, on one where all is installed and much is as nobody who writes tests has it.

pcscd, scdaemon and gpgdoctor are installed, and pcscd is enabled; the tests belong to the first ordinary user, whose
home has a space in its name. Hang-ups are ignored, files are private, times and words are foreign, and nothing may be
fetched. The suite itself runs where the developer is; only what is marked as depending on the machine runs here again.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support import chroots, roots
from tests.support.chroots import Chroot
from tests.support.labs import cannot_run

LEFT_OUT = shutil.ignore_patterns(".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
HOME, CLONE, USER = "/home/first user", "/home/first user/a clone", "1000"
INSTALL = ("--break-system-packages", "--root-user-action=ignore", "--no-index", "--no-deps", "--no-build-isolation")
DEADLINE_S = 300
LOOK = """
umask 077
cd "$HOME/a clone"
set -- nohup setpriv --reuid "$1" --regid "$1" --init-groups \\
    env -i HOME="$HOME" USER=first PATH="/usr/local/bin:$PATH" TZ=Asia/Kathmandu LANG=de_DE.UTF-8 LANGUAGE=de \\
    GPGDOCTOR_OFFLINE=1 PYTHONPATH=. python3
"$@" tests/support/conditions.py 2>/dev/null || exit
exec "$@" -m pytest -q -p no:cacheprovider --tb=short \\
    -m "machine_dependent and not lab" $(grep -rl --include="test_*.py" "pytest[.]mark[.]machine_dependent" tests)
"""
CONDITIONS = {
    "uid": int(USER),
    "umask": "077",
    "SIGHUP ignored": True,
    "HOME": HOME,
    "TZ": "Asia/Kathmandu",
    "hours ahead": 5.75,
    "LANG": "de_DE.UTF-8",
    "GPGDOCTOR_OFFLINE": "1",
}


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Chroot]:
    """A Debian with all of it, a user, and a clone in that user's home."""
    try:
        root = chroots.copy(chroots.tester("trixie"), tmp_path / "root")
    except roots.RootUnavailable as unavailable:
        cannot_run(str(unavailable))
    chroot = Chroot(root)
    chroot.succeed("useradd", "--create-home", "--home-dir", HOME, "--uid", USER, "first")
    shutil.copytree(SOURCE_TREE, Path(f"{root}{CLONE}"), ignore=LEFT_OUT)
    chroot.succeed("cp", "-a", CLONE, "/source")
    chroot.succeed("python3", "-m", "pip", "install", "-q", *INSTALL, "/source")
    chroot.succeed("chown", "-R", f"{USER}:{USER}", HOME)
    yield chroot
    shutil.rmtree(root, ignore_errors=True)


def test_what_depends_on_the_machine_passes_where_all_is_installed(installed: Chroot) -> None:
    enabled = installed.succeed("find", "/etc/systemd", "-name", "pcscd.*")
    assert enabled.strip(), "pcscd is enabled"
    for program in ("/usr/sbin/pcscd", "/usr/lib/gnupg/scdaemon", "/usr/local/bin/gpgdoctor"):
        installed.succeed("test", "-x", program)
    done = installed.run("sh", "-c", LOOK, "sh", USER, deadline_s=DEADLINE_S, HOME=HOME)
    conditions, _, _ = done.stdout.partition("\n")
    assert json.loads(conditions) == CONDITIONS
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 100, done.stdout[-600:]
