"""What a trace leaves behind that is killed with all that belongs to it, and how the next one removes it."""

from __future__ import annotations

import signal
import time

import pytest

from gpgdoctor.instruments.trace.place import YOUNGEST_ABANDONED_S
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.room import Process
from gpgdoctor.lab.scenario import Scenario
from tests.support.labs import OpenLab

pytestmark = pytest.mark.lab

SCENARIO = Scenario(name="killed", about="made for a test", files=(ON_PCSC,))
CARETAKERS = "grep -l 'trace[.][c]aretaker' /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3"
REMOVED = "A trace that was killed left temporary files, and maybe a gpg-agent: they are removed first."


def tracing(lab: Lab, *arguments: str) -> Process:
    """A trace of a program that lasts."""
    command = "gpg --card-status >/dev/null 2>&1; exec sleep 1000"
    process = lab.popen([lab.python, "-m", "gpgdoctor", "trace", *arguments, "--", "sh", "-c", command])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "the program did not come so far", within_s=30)
    return process


def kill_all(lab: Lab, process: Process) -> None:
    """The trace, its program, and what would tidy up after it."""
    caretakers = lab.run(["sh", "-c", CARETAKERS]).stdout.split()
    for pid in (*map(int, caretakers), process.pid, lab.pid_of("sleep")):
        assert pid is not None
        lab.signal(pid, signal.SIGKILL)
    process.wait()
    time.sleep(YOUNGEST_ABANDONED_S)


def left(lab: Lab) -> set[str]:
    """The directories of traces."""
    paths = [path.split("/") for path in lab.snapshot_files()]
    return {part for path in paths for part in path if part.startswith(("gpgdoctor-trace-", "gpgdoctor-home-"))}


def agents(lab: Lab) -> int:
    return len([it for it in lab.processes() if it["name"] == "gpg-agent" and not it["zombie"]])


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_next_trace_removes_the_socket_of_a_killed_one(open_lab: OpenLab) -> None:
    lab = open_lab(SCENARIO)
    kill_all(lab, tracing(lab))
    assert len(left(lab)) == 1
    done = lab.gpgdoctor("trace", "--", "true")
    assert done.returncode == 0
    assert REMOVED in words(done.stderr)
    assert left(lab) == set()


def test_the_next_trace_ends_the_agent_of_the_copies_and_removes_them(open_lab: OpenLab) -> None:
    lab = open_lab(SCENARIO)
    assert lab.run(["gpg", "--card-status"]).returncode == 0
    mine = lab.pid_of("gpg-agent")
    kill_all(lab, tracing(lab, "--gpg", "--yes"))
    assert {name.rsplit("-", 1)[0] for name in left(lab)} == {"gpgdoctor-trace", "gpgdoctor-home"}
    assert agents(lab) == 2
    done = lab.gpgdoctor("trace", "--", "true")
    assert done.returncode == 0
    assert REMOVED in words(done.stderr)
    assert left(lab) == set()
    assert (agents(lab), lab.pid_of("gpg-agent")) == (1, mine)
    assert lab.run(["gpg", "--card-status"]).returncode == 0


def test_a_trace_that_goes_on_is_left_alone(open_lab: OpenLab) -> None:
    lab = open_lab(SCENARIO)
    other = tracing(lab, "--gpg", "--yes")
    time.sleep(YOUNGEST_ABANDONED_S)
    before = left(lab)
    done = lab.gpgdoctor("trace", "--", "true")
    assert done.returncode == 0
    assert REMOVED not in words(done.stderr)
    assert left(lab) == before
    assert agents(lab) >= 1
    lab.signal(other.pid, signal.SIGINT)
    other.wait()
    assert left(lab) == set()
