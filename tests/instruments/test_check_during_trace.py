"""`check` while a trace runs: the programs behind the trace are the ones that hold a card, and it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.room import Process
from gpgdoctor.lab.scenario import Scenario
from tests.support.labs import OpenLab

pytestmark = pytest.mark.lab

HOLDS = """
import os, sys
from smartcard import scard
code, context = scard.SCardEstablishContext(0)
code, readers = scard.SCardListReaders(context, [])
code, card, protocol = scard.SCardConnect(context, readers[0], int(sys.argv[1]), 3)
print(os.getpid(), file=sys.stderr, flush=True)
sys.stdin.readline()
"""
SHARED, EXCLUSIVE = "2", "1"


def holder(lab: Lab, share: str) -> tuple[Process, int]:
    """A program that holds the card through a trace, and its pid."""
    argv = [lab.python, "-m", "gpgdoctor", "trace", "-o", "trace.txt", "--", lab.python, "-c", HOLDS, share]
    tracing = lab.popen(argv)
    return tracing, int(tracing.stderr.readline())


def findings(lab: Lab) -> list[dict[str, Any]]:
    return list(json.loads(lab.gpgdoctor("check", "--json").stdout)["findings"])


@pytest.mark.parametrize("user", [0, 1001])
@pytest.mark.parametrize(("share", "id"), [(SHARED, "GD202"), (EXCLUSIVE, "GD203")])
def test_the_program_behind_a_trace_is_named(share: str, id: str, user: int, open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="test", about="made for a test", files=(ON_PCSC,)), user=user)
    tracing, pid = holder(lab, share)
    (finding,) = [it for it in findings(lab) if it["severity"] != "info"]
    assert finding["id"] == id
    assert [(who["pid"], who["program"]) for who in finding["culprits"]] == [(pid, "python")]
    assert finding["culprits"][0]["certainty"] == ("certain" if user == 0 else "likely")
    tracing.stdin.write("\n")
    assert tracing.wait() == 0
    assert findings(lab) == []


def test_a_trace_of_which_nobody_is_a_client_is_nobody(open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="test", about="made for a test", files=(ON_PCSC,)))
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace", "--", "sleep", "100"])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "the program did not start")
    document = json.loads(lab.gpgdoctor("check", "--json").stdout)
    assert document["findings"] == []
    assert document["facts"]["pcscd"]["connections"] == []
    tracing.kill()
