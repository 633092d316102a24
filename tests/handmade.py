"""Snapshots that no lab can record, made from literal machines: ``python tests/handmade.py``.

Each is marked with ``made_by_hand`` and the reason.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent / "rules")]

from build import machine, reader  # noqa: E402
from recordings import path_of  # noqa: E402

from gpgdoctor.diagnosis import diagnose  # noqa: E402
from gpgdoctor.facts import Facts  # noqa: E402
from gpgdoctor.report.json import document  # noqa: E402

SNAPSHOTS: dict[str, tuple[str, Facts]] = {
    "GD304.broken": (
        "the lab has one pcsc-lite",
        machine(conf="disable-ccid\n", pcscd={"answer": "0x8010001E"}, readers=()),
    ),
    "GD505.broken": ("a virtual reader never breaks", machine(readers=(reader("UNAVAILABLE"),))),
}


def handmade(why: str, facts: Facts) -> dict[str, Any]:
    """The document of a machine that was thought up."""
    return {**document(diagnose(facts), 0.1), "made_by_hand": why}


def main() -> None:
    for name, (why, facts) in SNAPSHOTS.items():
        path = path_of(name)
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(handmade(why, facts), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
