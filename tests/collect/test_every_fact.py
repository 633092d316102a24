"""No live look leaves a fact out: each is known, none, or unknown for a true reason."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gpgdoctor.collect.user import UserFacts
from gpgdoctor.collect.user_child import nothing_known
from gpgdoctor.facts import Reason
from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.lab import Lab
from gpgdoctor.snapshot import encode
from tests.support import recordings

OpenLab = Callable[..., Lab]
ALICE = 1001
# The machine's are of several versions: to record all of them takes an hour.
RECORDED = [
    name for name in recordings.names() if not name.startswith("usb-") and "made_by_hand" not in recordings.load(name)
]


def left_out(value: Any, place: str = "facts") -> Iterator[str]:
    """The places whose reason is that of a document of an earlier version."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if isinstance(value, dict) and value.get("reason") == Reason.OF_LATER_VERSIONS.value:
        yield place
    for key, item in items:
        yield from left_out(item, f"{place}.{key}")


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as root")
@pytest.mark.parametrize("name", ["shared-holder", "pcscd-never-started", "empty-machine"])
def test_by_myself_and_as_root(name: str, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME[name], user=ALICE)
    calls: list[dict[str, Any]] = [{}, {"user": 0}, {"user": 0, "env": {"SUDO_UID": str(ALICE), "HOME": "/root"}}]
    for how in calls:
        for options in ((), ("--no-probe",), ("--timeout", "0.2")):
            done = lab.gpgdoctor("check", "--json", *options, **how)
            assert list(left_out(json.loads(done.stdout)["facts"])) == []


def test_of_nobody() -> None:
    """Where the child that looks as the user says nothing."""
    told = nothing_known("it took longer than 4.0 s")
    assert isinstance(told, UserFacts)
    assert list(left_out(encode(told))) == []


@pytest.mark.parametrize("name", RECORDED)
def test_no_recording_is_of_an_earlier_version(name: str) -> None:
    assert list(left_out(recordings.load(name)["facts"])) == []
