"""A look that hooks may take: nothing is started, kept awake or connected to that would not be so anyway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Listener, Scenario

pytestmark = pytest.mark.lab

PCSCD_SOCKET = "/run/pcscd/pcscd.comm"
LOOK = """
import json
from gpgdoctor.collect.machine import Look, LookOptions
from gpgdoctor.snapshot import encode
print(json.dumps(encode(Look(LookOptions(passive=True)).facts())))
"""


def look(lab: Lab) -> dict[str, Any]:
    done = lab.run([lab.python, "-c", LOOK])
    assert done.stderr == ""
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize("program", ["pcscd", "systemd"])
def test_nobody_connects_to_a_pcscd_without_clients(program: str, open_lab: Callable[..., Lab]) -> None:
    listener = Listener(path=PCSCD_SOCKET, program=program)
    lab = open_lab(Scenario(name="idle", about="", pcscd="never-started", listeners=(listener,)))
    facts = look(lab)
    assert lab.connects(PCSCD_SOCKET) == 0
    assert facts["pcscd"]["listener"] == ("pcscd" if program == "pcscd" else "activator")
    assert "unknown" in facts["readers"]


def test_a_left_over_socket_is_not_tried(open_lab: Callable[..., Lab]) -> None:
    facts = look(open_lab(BY_NAME["stale-socket"]))
    assert "does not try" in facts["pcscd"]["refused"]["unknown"]


@pytest.mark.parametrize("kind", ["shared", "idle"])
def test_where_somebody_is_connected_the_readers_states_are_asked_and_no_more(
    kind: Any, open_lab: Callable[..., Lab]
) -> None:
    lab = open_lab(Scenario(name="used", about="", clients=(Client(kind=kind),)))
    before = lab.card_log()
    reader = look(lab)["readers"][0]  # vpcd makes two slots
    assert ("INUSE" in reader["state"]) == (kind == "shared")
    assert reader["probe"] == ("not-made" if kind == "shared" else "not-needed")
    assert lab.card_log() == before


def test_a_client_in_another_network_namespace_counts_where_it_can_be_seen(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["shared-holder-other-network"])
    reader = look(lab)["readers"][0]  # vpcd makes two slots
    assert "INUSE" in reader["state"]


def test_a_held_transaction_is_not_waited_for(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["transaction-held"])
    facts = look(lab)
    assert facts["readers"][0]["not_made_because"] == "a passive look connects to no reader"
    assert facts["pcscd"]["waiting"] == 0
