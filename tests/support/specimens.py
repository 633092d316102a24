"""A few of the machines of tests/rules, and their snapshots, for tests of other rooms."""

from __future__ import annotations

from functools import cache

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, PcscDriver
from gpgdoctor.report.json import document, dump
from gpgdoctor.system.record import replace
from tests.support.build import (
    EXCLUSIVE,
    IN_USE,
    ON_USB,
    PRESENT,
    RUNNING,
    SCDAEMON,
    SHARING,
    client,
    machine,
    reader,
    without_pcscd,
)


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
        "sick": _sick(),
        "agent-elsewhere": machine(gnupg={"agent_listener": "ssh"}),
        "without-pcscd": without_pcscd(conf="reader-port 32769\npcsc-shard\n", agent_conf="disable-scdaemon\n"),
        "newer-gnupg": machine(version="2.4.7", conf="# pcsc-shared\nno-such-option\n"),
    }


def _sick() -> Facts:
    """A machine with as many faults as can stand beside one another."""
    others = replace(SCDAEMON, pid=900, uid=1001, user="bob", cards=1, replaced=True)
    driver = PcscDriver(name="/opt/libpcsc.so", usable=False, reason="no such file")
    return machine(
        conf="pcsc-driver /opt/libpcsc.so\npcsc-shared\ndisable-ccid on\nreader-port 99\ncard-timeout 5\n",
        readers=(replace(EXCLUSIVE, name="A 00 00"), reader("PRESENT", "MUTE", name="B 00 00"), reader("UNAVAILABLE")),
        usb=(replace(ON_USB, accessible=False, driver=None), replace(ON_USB, name="1-3:1.0", in_libccid=False)),
        clients=(client("keepassxc"),),
        others=(others,),
        gnupg={"homedir_problems": ("others may write to it",)},
        configuration={"pcsc_driver": driver},
        pcscd={"waiting": 195},
    )


def snapshot(name: str) -> str:
    """What `check --json` prints of this machine."""
    return dump(document(diagnose(machines()[name]), 0.1))
