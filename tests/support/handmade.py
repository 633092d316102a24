"""Snapshots that no lab can record, made from literal machines: ``python -m tests.support.handmade``.

Each is marked with ``made_by_hand`` and the reason.
"""

from __future__ import annotations

import json
from typing import Any

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, LogEvent, PcscDriver, Unknown
from gpgdoctor.report.json import document
from gpgdoctor.system.record import replace
from tests.support.build import (
    CONF,
    NOW,
    ON_USB,
    PCSCD,
    RUNNING,
    machine,
    reader,
    with_file,
    without_pcscd,
)
from tests.support.recordings import path_of, trimmed

ONE_PCSC_LITE = "a lab has one pcsc-lite"
ON_DEBIAN_13_ALONE = "GnuPG 2.2 has no keyboxd, and a recording of 2.4 is kept only where it finds something else"
DEBIAN_13 = "2.4.7"
PCSC = "disable-ccid\n"
MISMATCH = LogEvent(kind="protocol-mismatch", age=60.0, client="4:4", server="4:5")

ONE_NAME = "no reader of the lab has another name with pcscd than on USB"
NO_SSH, NO_SNAP, NO_NIX = "the lab has no sshd", "the lab has no snap", "the lab has no Nix store"
NO_TOKEN = "the virtual machine's USB has a reader only"
HIDDEN = Unknown.because("the program that listens on the agent's socket is not visible to this user")
ALCOR = replace(ON_USB, name="1-5:1.0", vendor="058f", product="9540", title="EMV Smartcard Reader")
OTP_ONLY = replace(
    ON_USB, name="1-4:1.0", product="0401", title="Yubikey 4 OTP", ccid=False, driver="usbhid", in_libccid=False
)
NFC = replace(ON_USB, name="1-3:1.0", vendor="072f", product="2200", title="ACR122U", driver="pn533_usb")
NO_LIBRARY = {"library": PcscDriver(name="libpcsclite.so.1", usable=False, reason="cannot open"), "installed": False}
OF_A_SNAP = replace(PCSCD, pid=510, executable="/snap/yubioath-desktop/12/usr/sbin/pcscd")
STORED = {"target": "/nix/store/abc-home-manager-files/.gnupg/scdaemon.conf", "manager": "Nix (home-manager)"}


def over_ssh() -> Facts:
    """Somebody who does not show listens on the agent's socket, and no agent of this user runs."""
    how = {"gnupg": {"agent_listener": HIDDEN}, "host": {"session": "ssh", "root": False}}
    return replace(without_pcscd(version=DEBIAN_13, usb=(), **how), processes=())


def beside_another_reader(*, claimed_by_scdaemon: bool) -> Facts:
    """pcscd has the built-in reader, under the name that libccid gives it; scdaemon has its card elsewhere."""
    listed = (reader("EMPTY", name="Alcor Micro AU9540 00 00"),)
    if claimed_by_scdaemon:
        alone = {"connections": ()}
        return machine(version=DEBIAN_13, running=RUNNING, readers=listed, usb=(ALCOR, ON_USB), pcscd=alone)
    taken = (*listed, reader("PRESENT", "EXCLUSIVE"))
    return machine(version=DEBIAN_13, conf=PCSC, running=RUNNING, readers=taken, usb=(ALCOR, ON_USB))


SNAPSHOTS: dict[str, tuple[str, Facts]] = {
    "GD109.store": (
        NO_NIX,
        with_file(
            machine(version=DEBIAN_13, conf=PCSC, running=RUNNING, readers=(reader("PRESENT", "EXCLUSIVE"),)),
            CONF,
            changed=NOW - 10,
            **STORED,
        ),
    ),
    "GD113.default": (
        "the lab lays a pinentry of its own over /usr/bin",
        machine(version=DEBIAN_13, conf=PCSC, configuration={"pinentry_exists": False}, gnupg={"card_keys": 3}),
    ),
    "GD208.beside": (ONE_NAME, beside_another_reader(claimed_by_scdaemon=True)),
    "GD208.beside-ok": (ONE_NAME, beside_another_reader(claimed_by_scdaemon=False)),
    "GD304.broken": (
        ONE_PCSC_LITE,
        machine(conf="disable-ccid\n", pcscd={"answer": "0x8010001E"}, readers=()),
    ),
    "GD312.broken": (ONE_PCSC_LITE, machine(version=DEBIAN_13, conf=PCSC, pcscd={"log": (MISMATCH,)})),
    "GD308.forwarded": (NO_SSH, over_ssh()),
    "GD315.ok": (ON_DEBIAN_13_ALONE, machine(version=DEBIAN_13, conf=PCSC, common_conf="use-keyboxd\n")),
    "GD502.second-pcscd": (NO_SNAP, machine(version=DEBIAN_13, conf=PCSC, readers=(), others=(OF_A_SNAP,))),
    "GD502.second-pcscd-ok": (NO_SNAP, machine(version=DEBIAN_13, conf=PCSC, others=(OF_A_SNAP,))),
    "GD502.switched-off": (NO_TOKEN, without_pcscd(version=DEBIAN_13, usb=(OTP_ONLY,), pcscd=NO_LIBRARY)),
    "GD502.kernel": (NO_TOKEN, without_pcscd(version="2.4.4", usb=(NFC,))),
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
