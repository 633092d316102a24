"""A scdaemon.conf of very many comments and one mistake, from the look to the undo; also where root looks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.lab import Lab
from tests.support.fixing import SCDAEMON_CONF, read

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as root")]

ALICE = 1001
SUDO = {"SUDO_UID": str(ALICE), "SUDO_USER": "alice", "HOME": "/root"}
COMMENTS = b"# note\n" * 199_000
GUARD_S = 120.0


def mistakes(lab: Lab, **how: Any) -> list[dict[str, Any]]:
    """What check finds in the file; it had the time to look at all."""
    document = json.loads(lab.gpgdoctor("check", "--json", "--timeout", "5", timeout=GUARD_S, **how).stdout)
    assert not isinstance(document["facts"]["configuration"]["in_force"], dict), "not unknown"
    return [found for found in document["findings"] if found["id"] == "GD101"]


def test_it_is_found_mended_and_put_back(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["healthy"], user=ALICE)
    lab.write(SCDAEMON_CONF, COMMENTS + b"disabel-ccid\n")
    for how in ({}, {"user": 0, "env": SUDO}):
        (found,) = mistakes(lab, **how)
        assert "+disable-ccid" in found["fix"]["steps"][0]["diff"]
    fixed = lab.gpgdoctor("fix", "--yes", timeout=GUARD_S)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert read(lab) == COMMENTS + b"disable-ccid\n"
    assert mistakes(lab) == []
    assert lab.gpgdoctor("undo", timeout=GUARD_S).returncode == 0
    assert read(lab) == COMMENTS + b"disabel-ccid\n"


def test_both_ends_are_mended_in_two_places(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["healthy"], user=ALICE)
    lab.write(SCDAEMON_CONF, b"verbos\n" + COMMENTS + b"disabel-ccid\n")
    done = lab.gpgdoctor("fix", "--yes", user=0, env=SUDO, timeout=GUARD_S)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert read(lab) == b"verbose\n" + COMMENTS + b"disable-ccid\n"
    assert done.stdout.count("\n@@ ") == 2 and len(done.stdout) < 3_000
