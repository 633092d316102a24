"""The installed pcscd's word on its version, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpgdoctor.collect import pcscd
from gpgdoctor.facts import Unknown
from gpgdoctor.system.deadline import Deadline

pytestmark = pytest.mark.machine_dependent


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo pcsc-lite version 1.9.9.; echo Copyright", "1.9.9"),
        ("echo pcsc-lite version 2.3.3", "2.3.3"),
        ("echo hello", "does not tell"),
        ("sleep 5", "did not answer"),
        ("kill -SEGV $$", "died of signal"),
    ],
)
def test_what_it_says(script: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pcscd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(pcscd, "_program", lambda: str(program))
    said = pcscd.version(Deadline(0.3))
    assert expected in said.detail if isinstance(said, Unknown) else said == expected


def test_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcscd, "_program", lambda: None)
    assert pcscd.version(Deadline(0.3)) is None


PACKAGES = """\
Package: libpcsc-perl
Version: 1.4.14-5

Package: libpcsclite1
Status: install ok installed
Version: 1.9.9-2

Package: pcscd
Version: 2.3.3-1
"""


@pytest.mark.parametrize(
    ("path", "packages", "expected"),
    [
        ("/usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0", PACKAGES, "1.9.9-2"),
        ("/usr/local/lib/libpcsclite.so.1", PACKAGES, None),
        ("/usr/lib/libpcsclite.so.1", "Package: pcscd\nVersion: 1\n", None),
        ("/usr/lib/libpcsclite.so.1", None, None),
    ],
)
def test_the_librarys_package_tells_its_version(
    path: str, packages: str | None, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if packages is not None:
        (tmp_path / "status").write_text(packages)
    monkeypatch.setattr(pcscd, "PACKAGES", str(tmp_path / "status"))
    found = pcscd.library_version(path)
    assert isinstance(found, Unknown) if expected is None else found == expected
