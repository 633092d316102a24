"""Real programs, traced: what was seen of them is what holders.py says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gpgdoctor.holders import ShareMode, known
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario
from tests.support.labs import needing_a_lab

pytestmark = pytest.mark.lab

PACKAGES = ("opensc", "pcsc-tools", "yubikey-manager", "yubico-piv-tool")
EXCLUSIVE_FIRST_SINCE = (5, 6)  # ykman: NEWS of 5.6.0

# Which share modes a program may be seen with, by how its row says that it connects; SCARD_SHARE_DIRECT reads what
# a reader can do, and is for readers without a card.
ALLOWED: dict[ShareMode, set[str]] = {
    "shared": {"SCARD_SHARE_SHARED", "SCARD_SHARE_DIRECT"},
    "exclusive": {"SCARD_SHARE_EXCLUSIVE"},
    "exclusive-first": {"SCARD_SHARE_EXCLUSIVE", "SCARD_SHARE_SHARED"},
    "none": set(),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with ExitStack() as stack:
        with needing_a_lab():
            scenario = Scenario(name="programs", about="made for a test", files=(ON_PCSC,), programs=PACKAGES)
            opened = stack.enter_context(Lab(scenario))
        yield opened


def traced(lab: Lab, *argv: str, program: str) -> dict[str, Any]:
    """The summary of one program in a trace of a command; all of it was understood."""
    done = lab.gpgdoctor("trace", "--json", "--", *argv)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["event"] == "summary", done.stderr
    assert not [line for line in lines if line["event"] in ("not-understood", "no-service")]
    (found,) = [it for it in lines[-1]["programs"] if it["program"] == program]
    return dict(found)


def modes(summary: dict[str, Any]) -> set[str]:
    return {connect["share"] for connect in summary["connects"]}


@pytest.mark.parametrize(
    ("argv", "program"),
    [
        (("ykman", "list"), "ykman"),
        (("opensc-tool", "-l"), "opensc-tool"),
        (("pkcs11-tool", "-L"), "pkcs11-tool"),
        (("yubico-piv-tool", "-a", "status"), "yubico-piv-tool"),
        (("timeout", "1", "pcsc_scan"), "pcsc_scan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_program_connects_as_its_row_says(argv: tuple[str, ...], program: str, lab: Lab) -> None:
    holder = known(program)
    assert holder is not None
    seen = modes(traced(lab, *argv, program=program))
    assert seen <= ALLOWED[holder.mode]
    assert bool(seen) is (holder.mode != "none")


def test_ykman_asks_for_the_card_alone_since_the_version_that_its_row_names(lab: Lab) -> None:
    said = lab.run(["ykman", "--version"]).stdout
    version = tuple(int(number) for number in re.findall(r"\d+", said))
    seen = modes(traced(lab, "ykman", "list", program="ykman"))
    assert ("SCARD_SHARE_EXCLUSIVE" in seen) is (version >= EXCLUSIVE_FIRST_SINCE)


def test_programs_select_applets_by_name(lab: Lab) -> None:
    assert {"PIV", "OpenPGP", "YubiKey management"} <= set(traced(lab, "ykman", "list", program="ykman")["applets"])
    assert {"OpenPGP", "PIV", "SmartCard-HSM"} <= set(
        traced(lab, "pkcs11-tool", "-L", program="pkcs11-tool")["applets"]
    )


def test_what_a_program_leaves_behind_is_seen(lab: Lab) -> None:
    """Which harms every scdaemon that shares the card: GD602."""
    assert "SCARD_UNPOWER_CARD" in traced(lab, "ykman", "list", program="ykman")["dispositions"]
    assert set(traced(lab, "opensc-tool", "-l", program="opensc-tool")["dispositions"]) == {"SCARD_LEAVE_CARD"}
    piv = traced(lab, "yubico-piv-tool", "-a", "status", program="yubico-piv-tool")
    assert piv["transactions"] > 10


def test_the_pkcs11_modules_transactions_are_counted(lab: Lab) -> None:
    assert traced(lab, "pkcs11-tool", "-L", program="pkcs11-tool")["transactions"] > 20


def test_a_pin_on_a_command_line_is_nowhere_in_the_trace(lab: Lab) -> None:
    pin = "495173"
    done = lab.gpgdoctor("trace", "--json", "-o", "trace.json", "--", "yubico-piv-tool", "-a", "verify-pin", "-P", pin)
    trace = lab.read("trace.json")
    assert '"00 20 00 80 VERIFY, PIN not shown"' in trace, done.stderr
    assert pin not in trace
    assert pin.encode().hex() not in trace.lower().replace(" ", "")
