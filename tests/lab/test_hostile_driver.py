"""A user's own library as scdaemon's pcsc-driver, and root who looks, reports and fixes for that user.

To load a library is to run it. It runs as the user alone, and spoils nobody's report but the user's own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Scenario
from tests.support import SUPPORT
from tests.support.labs import cannot_run

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as root")]
OpenLab = Callable[..., Lab]

ALICE, BOB = 1001, 1002
PEOPLE = f"""root:x:0:0:root:/root:/bin/bash
alice:x:{ALICE}:{ALICE}::/home/alice:/bin/bash
bob:x:{BOB}:{BOB}::/home/bob:/bin/bash
"""
SUDO = {"SUDO_UID": str(ALICE), "SUDO_USER": "alice", "HOME": "/root"}
HOME_OF_BOB = f"""mkdir -p /home/bob/.gnupg
echo disabel-ccid >/home/bob/.gnupg/scdaemon.conf
chmod 700 /home/bob/.gnupg
chown -R {BOB}:{BOB} /home/bob
"""
DEEDS = ("nothing", "forks", "traces", "prints", "hangs", "spins", "closes", "kills", "stops", "eats", "ends")
# A fix that root calls becomes alice for good: then it is hers to stop, too.
OF_ALL_THAT_IS_HERS = ("kills", "stops")
GUARD_S = 60.0
KILL_ALICES = f"""for it in /proc/[0-9]*; do
    [ "$(stat -c %u "$it" 2>/dev/null)" != {ALICE} ] || kill -9 "${{it#/proc/}}"
done
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if shutil.which("gcc") is None:
        cannot_run("no compiler is here for the library")
    made = tmp_path_factory.mktemp("driver") / "driver.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(made), str(SUPPORT / "hostile_driver.c")], check=True)
    return Path(made).read_bytes()


@pytest.fixture(scope="module")
def lab(library: bytes, open_module_lab: OpenLab) -> Lab:
    people = File(path="/etc/passwd", content=PEOPLE, mode=0o644)
    scenario = Scenario(name="driver", about="", files=(people,), clients=(Client(kind="shared"),))
    lab = open_module_lab(scenario, user=ALICE)
    lab.write("driver.so", library, mode=0o755)
    assert lab.run(["sh", "-ec", HOME_OF_BOB], user=0).returncode == 0
    return lab


@pytest.mark.parametrize("deed", DEEDS)
def test_it_runs_as_its_owner_and_spoils_nothing_else(deed: str, lab: Lab) -> None:
    conf = f"disable-ccid\npcsc-driver {lab.home}/driver.so\n"
    lab.write(".gnupg/scdaemon.conf", conf)
    mark = f"rm -rf /tmp/marks; mkdir -m 777 /tmp/marks; chmod 777 /tmp/marks; printf {deed} >/tmp/marks/does"
    assert lab.run(["sh", "-ec", mark], user=0).returncode == 0
    try:
        checked = lab.gpgdoctor("check", "--json", user=0, env=SUDO, timeout=GUARD_S)
        assert (checked.returncode, checked.stderr) in ((1, ""), (3, ""))
        assert json.loads(checked.stdout)["verdict"] in ("findings", "incomplete")
        told = lab.gpgdoctor("hook", "run", "sos", "--all-users", user=0, env=SUDO, timeout=GUARD_S)
        assert_bobs_mistake_is_found(json.loads(told.stdout))
        if deed not in OF_ALL_THAT_IS_HERS:
            fixed = lab.gpgdoctor("fix", "--yes", user=0, env=SUDO, timeout=GUARD_S)
            assert fixed.returncode in (0, 1, 4), fixed.stdout + fixed.stderr
            assert "defect" not in fixed.stdout + fixed.stderr
        owner = lab.run(["stat", "-c", "%u %a", f"{lab.gnupghome}/scdaemon.conf"], user=0).stdout.split()
        assert owner == [str(ALICE), "600"]
        assert who_loaded_it(lab) == {f"uid.{ALICE}", f"euid.{ALICE}"}
        assert "traced.0" not in lab.run(["ls", "/tmp/marks"], user=0).stdout, "its parent cannot be traced"
    finally:
        lab.run(["sh", "-c", KILL_ALICES], user=0)


def assert_bobs_mistake_is_found(document: dict[str, object]) -> None:
    findings = document["findings"]
    assert isinstance(findings, list)
    assert any(found["id"] == "GD101" and "user" in str(found) for found in findings), "bob's part is whole"


def who_loaded_it(lab: Lab) -> set[str]:
    names = lab.run(["ls", "/tmp/marks"], user=0).stdout.split()
    return {name for name in names if "uid." in name}
