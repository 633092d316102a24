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
    client,
    machine,
    reader,
    without_pcscd,
)
from recordings import path_of, trimmed  # noqa: E402

from gpgdoctor.diagnosis import diagnose  # noqa: E402
from gpgdoctor.facts import BlockedDevice, Facts, LogEvent  # noqa: E402
from gpgdoctor.report.json import document  # noqa: E402
from gpgdoctor.system.record import replace  # noqa: E402

NO_USB = "the lab has no USB"
NO_LOG = "the lab has no journal"
ON_DEBIAN_13_ALONE = "GnuPG 2.2 has no keyboxd, and a recording of 2.4 is kept only where it finds something else"
FREE = replace(ON_USB, driver=None)
DEBIAN_13 = "2.4.7"
PCSC = "disable-ccid\n"
BY_OWN_DRIVER = {"connections": ()}
BLOCKED = BlockedDevice(name="1-3", vendor="1050", product="0407", title="YubiKey OTP+FIDO+CCID")
MISMATCH = LogEvent(kind="protocol-mismatch", age=60.0, client="4:4", server="4:5")
STARTS_NOT = {"listener": None, "socket_file": "absent", "service": "failed"}

SNAPSHOTS: dict[str, tuple[str, Facts]] = {
    "GD205.usb": (NO_USB, machine(version=DEBIAN_13)),
    "GD208.broken": (
        NO_USB,
        machine(version=DEBIAN_13, running=RUNNING, readers=(), pcscd=BY_OWN_DRIVER, clients=(client("firefox"),)),
    ),
    "GD304.broken": (
        "the lab has one pcsc-lite",
        machine(conf="disable-ccid\n", pcscd={"answer": "0x8010001E"}, readers=()),
    ),
    "GD312.broken": (NO_LOG, machine(version=DEBIAN_13, conf=PCSC, pcscd={"log": (MISMATCH,)})),
    "GD312.ok": (NO_LOG, machine(version=DEBIAN_13, conf=PCSC)),
    "GD313.broken": (NO_LOG, without_pcscd(version=DEBIAN_13, conf=PCSC, usb=(FREE,), pcscd=STARTS_NOT)),
    "GD315.ok": (ON_DEBIAN_13_ALONE, machine(version=DEBIAN_13, conf=PCSC, common_conf="use-keyboxd\n")),
    "GD402.broken": (NO_USB, without_pcscd(usb=(replace(FREE, accessible=False),), gnupg={"card_keys": 3})),
    "GD402.ok": (NO_USB, without_pcscd(version=DEBIAN_13, usb=(FREE,))),
    "GD404.broken": (NO_USB, replace(without_pcscd(version=DEBIAN_13, usb=()), usb_blocked=(BLOCKED,))),
    "GD404.ok": (
        NO_USB,
        replace(machine(readers=(reader(), reader(name=NITROKEY))), usb_blocked=()),
    ),
    "GD502.broken": (NO_USB, machine(conf="disable-ccid\n", usb=(replace(FREE, in_libccid=False),), readers=())),
    "GD502.ok": (NO_USB, machine()),
    "GD505.broken": ("a virtual reader never breaks", machine(readers=(reader("UNAVAILABLE"),))),
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
