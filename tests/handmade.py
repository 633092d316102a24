"""Snapshots that no lab can record, made from literal machines: ``python tests/handmade.py``.

Each is marked with ``made_by_hand`` and the reason.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent / "rules")]

from build import (  # noqa: E402
    NITROKEY,
    ON_USB,
    RUNNING,
    SCDAEMON,
    machine,
    reader,
    without_pcscd,
)
from recordings import path_of, trimmed  # noqa: E402

from gpgdoctor.diagnosis import diagnose  # noqa: E402
from gpgdoctor.facts import BlockedDevice, Facts, LogEvent, LogFile  # noqa: E402
from gpgdoctor.report.json import document  # noqa: E402
from gpgdoctor.system.record import replace  # noqa: E402

NO_USB = "the lab has no USB"
NO_LOG = "the lab has no journal"
NOT_RECORDED = "no scenario of the lab has it yet"
FREE = replace(ON_USB, driver=None)
DEBIAN_13 = "2.4.7"
PCSC = "disable-ccid\n"
PINENTRY = "pinentry-program /usr/bin/pinentry-gone\n"
BY_OWN_DRIVER = {"connections": ()}
BLOCKED = BlockedDevice(name="1-3", vendor="1050", product="0407", title="YubiKey OTP+FIDO+CCID")
MISMATCH = LogEvent(kind="protocol-mismatch", age=60.0, client="4:4", server="4:5")
STARTS_NOT = {"listener": None, "socket_file": "absent", "service": "failed"}
NIX = "/home/alice/.nix-profile/bin/gpg-agent"
OTHER_CARD = {"stub_serials": ("D2760001240103040006999999990000",)}
BUILT_IN = reader("EMPTY", name="Built-in Reader 00 00")
LOG = "/var/log/scdaemon.log"

SNAPSHOTS: dict[str, tuple[str, Facts]] = {
    "GD113.broken": (
        NOT_RECORDED,
        machine(agent_conf=PINENTRY, configuration={"pinentry_exists": False}),
    ),
    "GD113.ok": (NOT_RECORDED, machine(agent_conf=PINENTRY, configuration={"pinentry_exists": True})),
    "GD114.broken": (NOT_RECORDED, machine(conf="debug cardio\nlog-file /tmp/scdaemon.log\n")),
    "GD115.broken": (NOT_RECORDED, machine(conf=f"{PCSC}reader-port Yubico # the blue one\n")),
    "GD116.broken": (NOT_RECORDED, machine(conf="log-file ~/scdaemon.log\n")),
    "GD116.ok": (
        NOT_RECORDED,
        machine(conf=f"log-file {LOG}\n", configuration={"log_file": LogFile(path=LOG, usable=True)}),
    ),
    "GD117.broken": (NOT_RECORDED, machine(conf="disable-application openpgp\n")),
    "GD205.usb": (NO_USB, machine(version=DEBIAN_13)),
    "GD304.broken": (
        "the lab has one pcsc-lite",
        machine(conf="disable-ccid\n", pcscd={"answer": "0x8010001E"}, readers=()),
    ),
    "GD312.broken": (NO_LOG, machine(version=DEBIAN_13, conf=PCSC, pcscd={"log": (MISMATCH,)})),
    "GD312.ok": (NO_LOG, machine(version=DEBIAN_13, conf=PCSC)),
    "GD313.broken": (NO_LOG, without_pcscd(version=DEBIAN_13, conf=PCSC, usb=(FREE,), pcscd=STARTS_NOT)),
    "GD314.broken": (
        NO_USB,
        machine(version=DEBIAN_13, conf=PCSC, usb=(FREE,), readers=(), pcscd={"drivers": False}),
    ),
    "GD315.broken": (
        NOT_RECORDED,
        machine(version=DEBIAN_13, conf=PCSC, common_conf="use-keyboxd\n", gnupg={"keyboxd_exists": False}),
    ),
    "GD315.ok": (NOT_RECORDED, machine(version=DEBIAN_13, conf=PCSC, common_conf="use-keyboxd\n")),
    "GD316.broken": (
        NOT_RECORDED,
        machine(
            version=DEBIAN_13,
            conf=PCSC,
            gnupg={"gpgconf": NIX.replace("gpg-agent", "gpgconf"), "agent": NIX, "scdaemon_real": SCDAEMON.executable},
        ),
    ),
    "GD404.broken": (NO_USB, replace(without_pcscd(version=DEBIAN_13, usb=()), usb_blocked=(BLOCKED,))),
    "GD404.ok": (
        NO_USB,
        replace(machine(readers=(reader(), reader(name=NITROKEY))), usb_blocked=()),
    ),
    "GD505.broken": ("a virtual reader never breaks", machine(readers=(reader("UNAVAILABLE"),))),
    "GD506.empty": (NOT_RECORDED, machine(conf=PCSC, readers=(BUILT_IN, reader()))),
    "GD603.broken": (
        NOT_RECORDED,
        machine(running=RUNNING, readers=(reader("PRESENT", "EXCLUSIVE"),), gnupg=OTHER_CARD),
    ),
}


def handmade(why: str, facts: Facts) -> dict[str, Any]:
    """The document of a machine that was thought up."""
    return trimmed({**document(diagnose(facts), 0.1), "made_by_hand": why})


def main() -> None:
    for name, (why, facts) in SNAPSHOTS.items():
        path = path_of(name)
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(handmade(why, facts), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
