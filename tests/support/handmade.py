"""Snapshots that no lab can record, made from literal machines: ``python -m tests.support.handmade``.

Each is marked with ``made_by_hand`` and the reason.
"""

from __future__ import annotations

import json
from typing import Any

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, LogEvent
from gpgdoctor.report.json import document
from tests.support.build import (
    machine,
    reader,
)
from tests.support.recordings import path_of, trimmed

ONE_PCSC_LITE = "a lab has one pcsc-lite"
ON_DEBIAN_13_ALONE = "GnuPG 2.2 has no keyboxd, and a recording of 2.4 is kept only where it finds something else"
DEBIAN_13 = "2.4.7"
PCSC = "disable-ccid\n"
MISMATCH = LogEvent(kind="protocol-mismatch", age=60.0, client="4:4", server="4:5")

SNAPSHOTS: dict[str, tuple[str, Facts]] = {
    "GD304.broken": (
        ONE_PCSC_LITE,
        machine(conf="disable-ccid\n", pcscd={"answer": "0x8010001E"}, readers=()),
    ),
    "GD312.broken": (ONE_PCSC_LITE, machine(version=DEBIAN_13, conf=PCSC, pcscd={"log": (MISMATCH,)})),
    "GD315.ok": (ON_DEBIAN_13_ALONE, machine(version=DEBIAN_13, conf=PCSC, common_conf="use-keyboxd\n")),
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
