"""Programs that have a connection to the card, and wait for the end of another's transaction."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Scenario
from tests.support.labs import OpenLab
from tests.support.watching import Watching

pytestmark = pytest.mark.lab

# Connected and idle until a line comes; then the call, which waits, and its end.
CALLS = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
_, card, protocol = scard.SCardConnect(context, {reader!r}, scard.SCARD_SHARE_SHARED, 3)
print("connected", flush=True)
sys.stdin.readline()
{call}
print("answered", flush=True)
sys.stdin.readline()
"""
WAITING_CALLS = {
    "begin": "scard.SCardBeginTransaction(card)",
    "transmit": "scard.SCardTransmit(card, protocol, [0x00, 0xA4, 0x04, 0x00, 0x05, 0xF0, 0, 0, 0, 1])",
    "status": "scard.SCardStatus(card)",
}


def start(lab: Lab, call: str) -> Any:
    process = lab.popen([lab.python, "-c", CALLS.format(reader=lab.readers[0], call=call)])
    assert process.stdout.readline() == "connected\n"
    return process


@pytest.mark.parametrize("call", WAITING_CALLS)
def test_a_connected_program_that_waits_is_named(call: str, open_lab: OpenLab) -> None:
    scenario = Scenario(
        name="waits", about="made for a test", files=(ON_PCSC,), clients=(Client(kind="idle", program="pcsc_scan"),)
    )
    lab = open_lab(scenario)
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0])
    waiting = start(lab, WAITING_CALLS[call])
    watch.event("take", share="shared")
    holder = lab.start_client(Client(kind="transaction", program="yubikey-agent"))
    watch.event("take", program="yubikey-agent")
    waiting.stdin.write("\n")
    waiting.stdin.flush()
    wait = watch.event("wait", reader=lab.readers[0], change="began")
    assert wait["by"][0]["pid"] == waiting.pid
    assert [who["program"] for who in wait["by"][1:]] == ["yubikey-agent"]
    holder.ask("end")
    assert waiting.stdout.readline() == "answered\n"
    watch.event("wait", change="over")
    assert watch.interrupt() == 0
