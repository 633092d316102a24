"""A few of the machines of tests/rules, and their snapshots, for tests of other rooms."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.record import replace
from gpgdoctor.report.json import document, dump

sys.path.append(str(Path(__file__).with_name("rules")))

from build import EXCLUSIVE, IN_USE, PRESENT, RUNNING, SHARING, client, machine, without_pcscd


@cache
def machines() -> dict[str, Facts]:
    """By the name of what is wrong with them."""
    blocked = replace(IN_USE, probe="blocked", seconds=2.0)
    firefox = client("firefox")
    return {
        "healthy": machine(),
        "shared-holder": machine(readers=(IN_USE,), clients=(firefox,), gnupg={"card_keys": 1}),
        "scdaemon-exclusive": machine(readers=(EXCLUSIVE,), clients=(firefox,), running=RUNNING, conf="disable-ccid\n"),
        "shared-options": machine(readers=(IN_USE, PRESENT), clients=(firefox,), running=RUNNING, conf=SHARING),
        "transaction-held": machine(readers=(blocked,), clients=(firefox,)),
        "without-pcscd": without_pcscd(conf="reader-port 32769\npcsc-shard\n", agent_conf="disable-scdaemon\n"),
        "newer-gnupg": machine(version="2.4.7", conf="# pcsc-shared\nno-such-option\n"),
    }


def snapshot(name: str) -> str:
    """What `check --json` prints of this machine."""
    return dump(document(diagnose(machines()[name]), 0.1))
