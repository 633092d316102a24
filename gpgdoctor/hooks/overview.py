"""Which hooks there are, whether their hosts are here, and whether they are installed."""

from __future__ import annotations

import shutil
from typing import Any

from gpgdoctor.hooks.install import pieces, state
from gpgdoctor.hooks.targets import TARGETS, Target
from gpgdoctor.system.invocation import SUDO_PATH

# What a distribution's package has in its shims; what was installed here is known by its marker.
PACKAGED = "/usr/bin/gpgdoctor"
WORDS = {
    "absent": "not installed",
    "same": "installed",
    "ours": "installed",
    "packaged": "installed",
    "changed": "installed, changed since",
    "foreign": "not gpgdoctor's",
}


def overview() -> list[dict[str, Any]]:
    """Of each target: its name, its host and whether that is here, and its files with their state."""
    return [_row(target) for target in TARGETS]


def _row(target: Target) -> dict[str, Any]:
    found = [{"path": piece.path, "state": WORDS[state(piece)]} for piece in pieces(target, PACKAGED)]
    states = list(dict.fromkeys(file["state"] for file in found))
    return {
        "target": target.name,
        "about": target.about,
        "host": target.host,
        "host_present": None if target.host is None else shutil.which(target.host, path=SUDO_PATH) is not None,
        "state": states[0] if len(states) == 1 else "in part" if states else "nothing to install",
        "files": found,
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row['target']:<14}{row['state']}")
        lines.append(f"{'':<14}{row['about']}")
        if row["host_present"] is False:
            lines.append(f"{'':<14}{row['host']} is not here")
    return "\n".join(lines)
