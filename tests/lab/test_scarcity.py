"""A machine that lacks something ordinary: each command says so in its own words, and ends with a code of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support import SUPPORT
from tests.support.fixing import SCDAEMON_CONF, Done, entries, read, shared_holder
from tests.support.labs import cannot_run

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="only root can take so much away")]
OpenLab = Callable[..., Lab]

STRANGER = 47115  # a uid that the user database does not know
GUARD_S = 60.0
# Commands, and the codes that CONTRACT.md has for them.
COMMANDS = {
    "check": (0, 1, 3),
    "check --json": (0, 1, 3),
    "fix --yes --no-verify": (0, 1, 3),
    "undo --list": (0, 1, 3),
    "undo": (0, 1, 3),
    "report": (0, 1, 3),
    "hook run sos": (0,),
    "watch --for 0.2": (0, 3),
    "trace": (0, 1, 3),
}
MOUNTED = "exec unshare -m sh -ec '{} exec \"$@\"' sh"
THROUGH_A_PIPE = 'prlimit --fsize=0 "$@" 2>&1 | cat'  # what a lab is told goes to files
# gpgdoctor itself may lie below /tmp, and is put back.
OTHER_TMP = 'mount --bind "$SRC" /mnt; mount -t tmpfs -o size=4k x /tmp; mkdir -p "$SRC"; mount --bind /mnt "$SRC";'
READ_ONLY_HOME = "mount --bind $HOME $HOME; mount -o remount,bind,ro $HOME;"
PLACES: dict[str, tuple[str, dict[str, Any]]] = {
    "nobody knows who I am": ("cd /tmp/here; exec env -u HOME -u GNUPGHOME -u USER", {"user": STRANGER}),
    "nor do they, but I have a home": ("exec env -u GNUPGHOME -u USER HOME=/tmp/here/home", {"user": STRANGER}),
    "no process": ("exec prlimit --nproc=0 env HOME=/tmp/here/home", {"user": STRANGER}),
    "two processes": ("exec prlimit --nproc=2 env HOME=/tmp/here/home", {"user": STRANGER}),
    "four files": ("exec prlimit --nofile=4", {}),
    "eight files": ("exec prlimit --nofile=8", {}),
    "twelve files": ("exec prlimit --nofile=12", {}),
    "no room in any file": (f"exec bash -o pipefail -c '{THROUGH_A_PIPE}' bash", {}),
    "a full /tmp": (MOUNTED.format(f"{OTHER_TMP} head -c 9999 /dev/zero >/tmp/f || :;"), {}),
    "a /tmp that is read-only": (MOUNTED.format(f"{OTHER_TMP} mount -o remount,ro /tmp;"), {}),
    "a home that is read-only": (MOUNTED.format(READ_ONLY_HOME), {}),
    "both": (MOUNTED.format(f"{OTHER_TMP} mount -o remount,ro /tmp; {READ_ONLY_HOME}"), {}),
}
YEARS = {"1969": -43_200, "1970": 10, "2100": 4_115_404_800, "2261": 9_190_000_000}


@pytest.fixture
def lab(open_lab: OpenLab) -> Lab:
    lab = open_lab(shared_holder(steps=()))
    made = "mkdir -m 777 /tmp/here; chmod 777 /tmp/here"
    assert lab.run(["sh", "-ec", made], user=0).returncode == 0
    assert lab.run(["mkdir", "-m", "700", "/tmp/here/home"], user=STRANGER).returncode == 0
    return lab


@pytest.mark.parametrize("place", PLACES)
def test_each_command_ends_with_a_code_of_its_own(place: str, lab: Lab) -> None:
    prefix, how = PLACES[place]
    for command, codes in COMMANDS.items():
        shell = ["sh", "-c", f'{prefix} "$0" -m gpgdoctor {command}', lab.python]
        done = lab.run(shell, timeout=GUARD_S, env={"SRC": str(SOURCE_TREE)}, **how)
        told = f"{command}: {done.returncode}\n{done.stdout[-600:]}\n{done.stderr[-600:]}"
        assert done.returncode in codes, told
        assert "Traceback" not in done.stderr and "defect" not in done.stdout + done.stderr, told
        assert read(lab) in (None, b"disable-ccid\npcsc-shared\n", b"pcsc-shared\n"), told
    left = lab.run(["ls", "-A", ".gnupg"]).stdout.split()
    assert not [name for name in left if name.endswith(".tmp")]


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if shutil.which("gcc") is None:
        cannot_run("no compiler is here for another clock")
    made = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(made), str(SUPPORT / "clock.c")], check=True)
    return Path(made).read_bytes()


def in_the_year(lab: Lab, year: str, *command: str) -> Done:
    shift = str(int(YEARS[year] - time.time()))
    env = {"LD_PRELOAD": "/tmp/clock.so", "CLOCK_SHIFT_S": shift}
    return lab.run([lab.python, "-m", "gpgdoctor", *command], env=env, timeout=GUARD_S)


@pytest.mark.parametrize("year", YEARS)
def test_a_clock_that_is_wrong_changes_nothing(year: str, clock: bytes, lab: Lab) -> None:
    lab.write("/tmp/clock.so", clock, mode=0o755)
    found = [finding["id"] for finding in json.loads(lab.gpgdoctor("check", "--json").stdout)["findings"]]
    then = json.loads(in_the_year(lab, year, "check", "--json").stdout)
    assert [finding["id"] for finding in then["findings"]] == found
    assert in_the_year(lab, year, "fix", "--yes").returncode == 0
    assert in_the_year(lab, year, "check").returncode == 0
    for command in (["report"], ["hook", "run", "sos"], ["watch", "--for", "0.2"], ["undo", "--list"]):
        done = in_the_year(lab, year, *command)
        assert done.returncode == 0 and "defect" not in done.stdout + done.stderr, (command, done.stderr)
    assert in_the_year(lab, year, "undo").returncode == 0
    assert read(lab) is None


def test_the_last_fix_is_the_last_whatever_the_clock_said(clock: bytes, lab: Lab) -> None:
    lab.write("/tmp/clock.so", clock, mode=0o755)
    for year, conf in (("2100", "disabel-ccid\n"), ("1970", "disable-ccid\nverbos\n")):
        lab.write(SCDAEMON_CONF, conf)
        in_the_year(lab, year, "fix", "--yes", "--no-verify", "GD101")
    assert [entry["number"] for entry in entries(lab)] == [1, 2]
    assert lab.gpgdoctor("undo").returncode == 0
    assert read(lab) == b"disable-ccid\nverbos\n"


@pytest.mark.parametrize("streams", [">/dev/full", ">/dev/full 2>&1"])
def test_where_the_result_goes_may_be_full(streams: str, lab: Lab) -> None:
    def go(command: str) -> Done:
        return lab.run(["sh", "-c", f'exec "$0" -m gpgdoctor {command} {streams}', lab.python], timeout=GUARD_S)

    assert go("check").returncode == 1
    fixed = go("fix --yes --no-verify")
    assert fixed.returncode in (0, 1) and read(lab) is not None
    undone = go("undo")
    assert undone.returncode in (0, 1) and read(lab) is None
    if "2>&1" not in streams:
        assert "gpgdoctor undo 1" in fixed.stderr and "Fix 1 is undone" in undone.stderr
    lab.write(SCDAEMON_CONF, "disable-ccid\npcsc-shared\n")
    assert go("check").returncode == 3, "healthy, and nobody was told"
