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
    ON_USB,
    machine,
    reader,
    without_pcscd,
)
from recordings import path_of, trimmed  # noqa: E402

from gpgdoctor.diagnosis import diagnose  # noqa: E402
from gpgdoctor.facts import Facts  # noqa: E402
from gpgdoctor.report.json import document  # noqa: E402
from gpgdoctor.system.record import replace  # noqa: E402

NO_USB = "the lab has no USB"
FREE = replace(ON_USB, driver=None)
DEBIAN_13 = "2.4.7"

SNAPSHOTS: dict[str, tuple[str, Facts]] = {
    "GD205.usb": (NO_USB, machine(version=DEBIAN_13)),
    "GD304.broken": (
        "the lab has one pcsc-lite",
        machine(conf="disable-ccid\n", pcscd={"answer": "0x8010001E"}, readers=()),
    ),
    "GD402.broken": (NO_USB, without_pcscd(usb=(replace(FREE, accessible=False),), gnupg={"card_keys": 3})),
    "GD402.ok": (NO_USB, without_pcscd(version=DEBIAN_13, usb=(FREE,))),
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
