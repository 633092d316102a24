"""How tests come by a lab, and what they do where there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from gpgdoctor.lab.lab import Lab, LabUnavailable
from tests.support import recordings

OpenLab = Callable[..., Lab]


def cannot_run(reason: str) -> NoReturn:
    """Skip the test for a lack of this machine; on CI nothing may be lacking."""
    if os.environ.get("CI"):
        pytest.fail(f"must not be skipped on CI: {reason}", pytrace=False)
    pytest.skip(reason)


def command_lines() -> Iterator[tuple[Path, list[bytes]]]:
    """The /proc directory and the arguments of every process; one that ends meanwhile is left out."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield entry, (entry / "cmdline").read_bytes().split(b"\0")


@contextmanager
def needing_a_lab() -> Iterator[None]:
    try:
        yield
    except LabUnavailable as unavailable:
        cannot_run(str(unavailable))


def assert_looks_as_recorded(name: str, lab: Lab, seen: recordings.Document) -> None:
    """What `check` saw in the lab is what the snapshot of this name keeps; skips where the two cannot be compared."""
    recorded = recordings.load(name)
    version = recorded["facts"]["gnupg"].get("scdaemon_version")
    if isinstance(version, str) and not version.startswith(".".join(map(str, lab.gnupg_version[:2]))):
        cannot_run(f"the snapshots were recorded with GnuPG {version}")
    system = recorded["facts"]["host"]["distribution"]
    if not isinstance(version, str) and seen["facts"]["host"]["distribution"] != system:
        cannot_run(f"the snapshots without a version of GnuPG were recorded on {system}")
    assert recordings.stable(seen) == recordings.stable(recorded)
