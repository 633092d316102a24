"""A transaction is known by those who wait for its end, without a connect of our own."""

from __future__ import annotations

import json
from subprocess import CompletedProcess
from typing import Any

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Scenario
from tests.support import SUPPORT
from tests.support.labs import OpenLab
from tests.support.watching import Watching

pytestmark = pytest.mark.lab

SCRIPT = str(SUPPORT / "transaction_look.py")
BLOCKED = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
print("go", flush=True)
scard.SCardConnect(context, {reader!r}, scard.SCARD_SHARE_SHARED, 3)
sys.stdin.read()
"""


def scenario(*clients: Client) -> Scenario:
    return Scenario(name="waiting", about="made for a test", files=(ON_PCSC,), clients=clients)


def look(lab: Lab) -> dict[str, Any]:
    done = lab.run([lab.python, SCRIPT, str(lab.pcscd_pid)])
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def findings(done: CompletedProcess[str]) -> dict[str, Any]:
    return {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_somebody_waits_for_a_transaction(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="transaction", program="yubikey-agent")))
    waiting = lab.popen([lab.python, "-c", BLOCKED.format(reader=lab.readers[0])])
    assert waiting.stdout.readline() == "go\n"
    lab.wait_until(lambda: look(lab) == {"waiting": 1}, "nobody was seen to wait")
    lab.client().ask("end")
    lab.wait_until(lambda: look(lab) == {"waiting": 0}, "somebody was seen to wait for nothing")


def test_check_names_the_transaction_without_a_connect_of_its_own(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="transaction", program="yubikey-agent")))
    assert "GD204" not in findings(lab.gpgdoctor("check", "--json", "--no-probe")), "nobody waits yet"
    waiting = lab.popen([lab.python, "-c", BLOCKED.format(reader=lab.readers[0])])
    assert waiting.stdout.readline() == "go\n"
    lab.wait_until(
        lambda: "GD204" in findings(lab.gpgdoctor("check", "--json", "--no-probe")), "the transaction was not seen"
    )
    done = lab.gpgdoctor("check", "--json")
    finding, facts = findings(done)["GD204"], json.loads(done.stdout)["facts"]
    assert lab.client().pid in {who["pid"] for who in finding["culprits"]}
    # On a machine so busy that the rhythm is lost, it is found by a probe, as before.
    assert facts["readers"][0]["probe"] in ("not-made", "blocked")
    assert (facts["readers"][0]["probe"] == "not-made") == (facts["pcscd"]["waiting_programs"] == 1)


def test_a_watch_that_asks_ten_times_a_second_does_not_look_like_one_that_waits(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="shared", program="firefox")))
    watching = Watching(lab, "--rate", "10")
    watching.until("the first line", lambda: watching.lines)
    for _ in range(3):
        assert look(lab) == {"waiting": 0}
    watching.interrupt()


@pytest.mark.parametrize("kind", ["idle", "shared", "exclusive", "transaction", "foreign-select"])
def test_nobody_waits(kind: Any, open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind=kind, program="firefox")))
    for _ in range(3):
        assert look(lab) == {"waiting": 0}
