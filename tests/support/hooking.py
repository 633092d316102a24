"""What the tests of hooks share."""

from __future__ import annotations

import json
import re
from typing import Any

from gpgdoctor.hooks.bounded import LIMIT_BYTES
from gpgdoctor.hooks.failure import SECTION
from gpgdoctor.hooks.targets import TARGETS, Target
from gpgdoctor.lab.lab import Lab

NAMES = [target.name for target in TARGETS]
JSON_NAMES = [target.name for target in TARGETS if target.form == "json"]
TIMES = re.compile(r'"(?:seconds|time|started|changed)": -?[\d.]+')
# Time enough for a busy machine, and less than what is promised.
LIMIT_S = 30.0


def run_hook(lab: Lab, name: str, *options: str, **how: Any) -> str:
    """What a hook says, held to what every one promises."""
    done = lab.gpgdoctor("hook", "run", name, *options, timeout=LIMIT_S, **how)
    assert done.stderr == ""
    assert done.stdout.isascii()
    assert 0 < len(done.stdout) <= LIMIT_BYTES
    assert done.stdout.endswith("\n")
    assert done.returncode in ((0, 1, 2, 3) if name == "nagios" else (0,))
    return done.stdout


def document_of(output: str) -> dict[str, Any]:
    """The JSON in what a hook says."""
    document: dict[str, Any] = json.loads(output.rpartition(SECTION)[2])
    return document


def without_times(output: str) -> str:
    return TIMES.sub("", output)


def target_of(name: str) -> Target:
    return next(target for target in TARGETS if target.name == name)
