"""A machine that lies: pcscd, /proc and the file systems are not what they should be."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import threading
from dataclasses import replace
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.handles import read_line
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.lab.scenario import Client, File, Scenario
from tests.support import SUPPORT
from tests.support.civility import DEFECT, assert_clear
from tests.support.labs import OpenLab
from tests.support.lying_pcscd import LIES

pytestmark = pytest.mark.lab

ORDINARY_USER = 1001
TIMEOUT_S = 1.0
PATIENCE_S = 30  # how near to its deadline it ends, the benchmark shows
INTERRUPT = str(SUPPORT / "interrupt.py")
PROBE = "gpgdoctor.collect.probe"
LIAR = str(SUPPORT / "lying_pcscd.py")
DISABLE_CCID = File(path=".gnupg/scdaemon.conf", content="disable-ccid\n")


def document(lab: Lab, *options: str, **how: Any) -> dict[str, Any]:
    done = lab.gpgdoctor("check", "--json", "--timeout", str(TIMEOUT_S), *options, **how)
    assert_clear(done)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ids(document: dict[str, Any]) -> set[str]:
    return {finding["id"] for finding in document["findings"]}


@pytest.mark.parametrize("lie", LIES)
def test_a_pcscd_that_lies(lie: str, open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="liar", about="", readers=(), pcscd="never-started", files=(DISABLE_CCID,)))
    read_line(lab.popen([lab.python, LIAR, lie], user=0))
    found = document(lab, timeout=PATIENCE_S)
    assert found["verdict"] != "healthy"


@pytest.mark.parametrize("after_s", [0.05, 0.1, 0.2, 0.3])
def test_a_pcscd_that_is_killed_in_the_middle(after_s: float, open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="mortal", about="", clients=(Client(kind="shared"),), files=(DISABLE_CCID,)))
    killer = threading.Timer(after_s, lab.signal_pcscd, [signal.SIGKILL])
    killer.start()
    assert document(lab)["verdict"] != "healthy"
    killer.join()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("name", ["transaction-held", "pcscd-stopped", "shared-holder"])
def test_a_probe_child_that_is_stopped_in_the_middle(number: int, name: str, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME[name])
    check = shlex.join([lab.python, "-m", "gpgdoctor", "check", "--json", "--timeout", str(TIMEOUT_S)])
    interrupt = shlex.join([lab.python, "-I", "-S", INTERRUPT, PROBE, str(int(number))])
    done = lab.run(["sh", "-c", f"{check} & check=$!; {interrupt}; wait $check"], timeout=PATIENCE_S)
    assert_clear(done)
    assert json.loads(done.stdout)["verdict"] != "healthy"
    with pytest.raises(subprocess.TimeoutExpired):  # there is none left to be found
        lab.run([lab.python, "-I", "-S", INTERRUPT, PROBE, "0"], timeout=0.3)


@pytest.mark.parametrize("hidepid", [1, 2])
@pytest.mark.parametrize("name", ["healthy", "shared-holder", "scdaemon-exclusive"])
def test_processes_that_are_hidden_are_not_absent(name: str, hidepid: int, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME[name], user=ORDINARY_USER)
    before = ids(document(lab))
    assert lab.run(["mount", "-o", f"remount,hidepid={hidepid}", "/proc"], user=0).returncode == 0
    found = document(lab)
    assert ids(found) <= before, "nothing is made up"
    assert found["verdict"] == "incomplete" or ids(found) == before


@pytest.mark.parametrize("place", ["/proc", "/sys", "/run", "/tmp", "/dev"])
def test_a_file_system_that_is_not_there(place: str, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    tree = f"{lab.home}/tree"  # a clone may lie below what is not there
    assert lab.run(["sh", "-c", f"mkdir {tree} && cp -r {SOURCE_TREE}/gpgdoctor {tree}/"]).returncode == 0
    command = shlex.join([lab.python, "-m", "gpgdoctor", "check", "--json"])
    script = f"mount -t tmpfs none {place} && exec {command}"
    done = lab.run(["unshare", "-m", "sh", "-c", script], env={"PYTHONPATH": tree})
    assert_clear(done)
    assert json.loads(done.stdout)["verdict"] != "healthy"


@pytest.mark.parametrize("command", ["check", "report", "explain", "hook run sos"])
@pytest.mark.parametrize("streams", ["", "<&- 2>&-"])
def test_without_a_single_device(command: str, streams: str, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    run = shlex.join([lab.python, "-m", "gpgdoctor", *command.split()])
    done = lab.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /dev && exec {run} {streams}"])
    assert_clear(done, codes=(0, 1, 2, 3))
    assert not re.search("healthy|No cause found[.]|so there is nothing", done.stdout)


@pytest.fixture
def lab_with_a_cure(open_lab: OpenLab) -> Lab:
    return open_lab(BY_NAME["shared-holder"])


@pytest.mark.parametrize("options", ["ro,size=64k", "size=4k"])
def test_a_home_that_takes_no_file(options: str, lab_with_a_cure: Lab) -> None:
    lab = lab_with_a_cure
    conf = f"{lab.gnupghome}/scdaemon.conf"
    fill = f"cat /dev/zero >{lab.gnupghome}/filler 2>/dev/null; mount -o remount,{options} {lab.gnupghome}"
    script = f"mount -t tmpfs -o mode=700,size=8k none {lab.gnupghome}; echo disable-ccid >{conf}; {fill}; true"
    assert lab.run(["sh", "-c", script], user=0).returncode == 0
    assert ids(document(lab)) >= {"GD202"}
    saved = lab.gpgdoctor("check", "--no-redact", "--save", f"{lab.gnupghome}/snapshot.json")
    assert_clear(saved, codes=(2,))
    fixed = lab.gpgdoctor("fix", "--yes")
    assert fixed.returncode in (1, 4), fixed
    assert "Traceback" not in fixed.stdout + fixed.stderr
    assert lab.read(conf) == "disable-ccid\n"


def test_a_journal_for_which_there_is_no_room(open_lab: OpenLab) -> None:
    lab = open_lab(replace(BY_NAME["shared-holder"], files=(DISABLE_CCID,)))
    state = f"{lab.home}/.local/state"
    fill = f"cat /dev/zero >{state}/filler 2>/dev/null; true"
    mounted = lab.run(["sh", "-c", f"mkdir -p {state}; mount -t tmpfs -o size=4k none {state}; {fill}"], user=0)
    assert mounted.returncode == 0
    fixed = lab.gpgdoctor("fix", "--yes")
    assert "Traceback" not in fixed.stdout + fixed.stderr
    assert fixed.returncode == 1
    assert lab.read(DISABLE_CCID.path) == DISABLE_CCID.content, "nothing is changed that could not be undone"


@pytest.mark.parametrize("writable", [True, False])
def test_a_defect_is_one_line_wherever_its_details_go(writable: bool, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    full = "import tempfile\ndef full(**_): raise OSError(28, 'No space left on device')\ntempfile.mkstemp = full\n"
    lab.write("broken/psutil.py", ("" if writable else full) + "raise RuntimeError('\x1b[31mbroken\\x1b[31m')\n")
    done = lab.gpgdoctor("check", env={"PYTHONPATH": f"{lab.home}/broken:{lab.environment()['PYTHONPATH']}"})
    assert_clear(done, codes=(DEFECT,))
    assert ("could not be written" in done.stderr) is not writable
