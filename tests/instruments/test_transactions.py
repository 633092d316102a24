"""A transaction is known by those who wait for its end, without a connect of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import OpenLab

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Scenario

pytestmark = pytest.mark.lab

SCRIPT = str(Path(__file__).with_name("transaction_look.py"))
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


def test_somebody_waits_for_a_transaction(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="transaction", program="yubikey-agent")))
    waiting = lab.popen([lab.python, "-c", BLOCKED.format(reader=lab.readers[0])])
    assert waiting.stdout.readline() == "go\n"
    lab.wait_until(lambda: "waiting" in look(lab), "nobody was seen to wait")
    found = look(lab)
    assert found["waiting"] == 1
    assert set(found["programs"]) == {waiting.pid, lab.client().pid}
    lab.client().ask("end")
    lab.wait_until(lambda: "waiting" not in look(lab), "somebody was seen to wait for nothing")


@pytest.mark.parametrize("kind", ["idle", "shared", "exclusive", "transaction", "foreign-select"])
def test_nobody_waits(kind: Any, open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind=kind, program="firefox")))
    for _ in range(3):
        found = look(lab)
        assert "waiting" not in found and "unknown" not in found
