"""Which name of libpcsclite a scdaemon has in it; of files that look like one, for nothing is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect import pcsc_library
from gpgdoctor.facts import PcscDriver, Unknown
from gpgdoctor.system.deadline import Deadline

LOADED = PcscDriver(name="/usr/lib/libpcsclite.so.1", usable=True)
GLIBC, MUSL = b"\x7fELF\0libpcsclite.so.1\0", b"\x7fELF\0libpcsclite.so\0"
NIXOS = b"\x7fELF\0/nix/store/abc-pcsclite-2.3.0/lib/libpcsclite.so\0"


def scdaemon(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "usr" / "libexec" / "scdaemon"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "expected"), [(MUSL, True), (GLIBC, False), (MUSL + GLIBC, False), (NIXOS, False), (b"", False)]
)
def test_the_name_in_the_program(tmp_path: Path, content: bytes, expected: bool) -> None:
    assert pcsc_library.takes_it_without_version(scdaemon(tmp_path, content)) is expected


def test_what_is_no_program_has_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "fifo"), str(tmp_path), str(tmp_path / "missing"), "a\0b", None):
        assert not pcsc_library.takes_it_without_version(path)
    assert not pcsc_library.takes_it_without_version(Unknown.because("gpgconf does not say"))


def test_a_name_that_does_not_load_is_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcsc_library, "WITHOUT_VERSION", "libno-such-pcsclite.so")
    program = scdaemon(tmp_path, b"\x7fELF\0libno-such-pcsclite.so\0")
    found = pcsc_library.of_scdaemon(program, LOADED, Deadline(10.0))
    assert isinstance(found, PcscDriver)
    assert (found.name, found.usable) == ("libno-such-pcsclite.so", False)


def test_with_glibc_it_is_the_one_that_was_found(tmp_path: Path) -> None:
    missing = PcscDriver(name="libpcsclite.so.1", usable=False, reason="no such file")
    program = scdaemon(tmp_path, GLIBC)
    assert pcsc_library.of_scdaemon(program, LOADED, Deadline(10.0)) == LOADED
    assert pcsc_library.of_scdaemon(program, missing, Deadline(10.0)) == missing
