"""What pcscd's program file, arguments and settings tell; of files that look like it, for nothing is started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpgdoctor.collect import pcscd_program
from gpgdoctor.collect.pcscd_program import PcscdProgram
from gpgdoctor.facts import Unknown

WITHOUT_POLKIT = b"\x7fELF\0%s:%d:%s() pcsc-lite 1.9.9 daemon ready.\0usbdropdir=%s ipcdir=/run/pcscd\0"
WITH_POLKIT = b"\x7fELF\0libpolkit-gobject-1.so.0\0() pcsc-lite 2.3.3 daemon ready.\0usbdropdir=%s ipcdir=/run\0"
COMMENTED = '# FRIENDLYNAME "GemPCTwin serial"\n#LIBPATH /usr/lib/x.so\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system without any pcscd, drivers or settings."""
    monkeypatch.setattr(pcscd_program, "PLACES", str(tmp_path / "sbin"))
    monkeypatch.setattr(pcscd_program, "SETTINGS", (str(tmp_path / "default"),))
    monkeypatch.setattr(pcscd_program, "DRIVERS", (str(tmp_path / "drivers"),))
    monkeypatch.setattr(pcscd_program, "READER_CONF", str(tmp_path / "reader.conf.d"))
    monkeypatch.setattr(pcscd_program, "NIXOS", str(tmp_path / "NIXOS"))
    (tmp_path / "sbin").mkdir()
    return tmp_path


def install(place: Path, form: bytes = WITH_POLKIT, drivers: str = "/nowhere/drivers") -> Path:
    path = place / "sbin" / "pcscd"
    path.write_bytes(form.replace(b"=%s ", f"={drivers} ".encode()))
    path.chmod(0o755)
    return path


@contextmanager
def running(*words: str) -> Iterator[int]:
    """A process with such a command line, that does nothing."""
    script = "import time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [words[0], "-c", script, *words[1:]],
        executable=sys.executable,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_one_that_is_built_with_polkit_asks_it(place: Path) -> None:
    install(place)
    assert PcscdProgram(()).polkit(False) is True
    install(place, WITHOUT_POLKIT)
    assert PcscdProgram(()).polkit(False) is False


@pytest.mark.parametrize(
    ("settings", "asks"), [('PCSCD_ARGS="--disable-polkit"', False), ("#PCSCD_ARGS=--disable-polkit", True)]
)
def test_it_may_be_told_not_to_ask(settings: str, asks: bool, place: Path) -> None:
    install(place)
    (place / "default").write_text(f"# see pcscd(8)\n{settings}\n")
    assert PcscdProgram(()).polkit(False) is asks


@pytest.mark.parametrize(("words", "asks"), [(("--foreground", "--disable-polkit"), False), (("--foreground",), True)])
def test_the_running_ones_arguments_count(words: tuple[str, ...], asks: bool, place: Path) -> None:
    path = install(place)
    (place / "default").write_text("PCSCD_ARGS=--disable-polkit\n")
    with running(str(path), *words) as pid:
        assert PcscdProgram([pid]).polkit(False) is asks


def test_the_running_one_may_be_another_than_the_installed_one(place: Path) -> None:
    install(place, WITHOUT_POLKIT)
    (place / "store").mkdir()
    its = place / "store" / "pcscd"
    its.write_bytes(WITH_POLKIT)
    with running(str(its)) as pid:
        assert PcscdProgram([pid]).polkit(False) is True


def test_where_there_is_none_nobody_is_asked(place: Path) -> None:
    assert PcscdProgram(()).polkit(False) is False
    assert isinstance(PcscdProgram(()).polkit(True), Unknown), "the host's pcscd, in a container"


def test_one_that_cannot_be_read_is_not_known(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(place)
    monkeypatch.setattr(pcscd_program, "read_regular", _refuse)
    assert isinstance(PcscdProgram(()).polkit(False), Unknown)


def _refuse(path: str, limit_bytes: int) -> bytes:
    raise PermissionError(13, "Permission denied", path)


def test_a_bundle_is_a_driver(place: Path) -> None:
    install(place, drivers=f"{place}/own")
    assert PcscdProgram(()).drivers() is False
    for name, found in (("drivers", False), ("own", True)):  # it looks where it was built for, and nowhere else
        bundle = place / name / "ifd-ccid.bundle" / "Contents"
        bundle.mkdir(parents=True)
        (bundle / "Info.plist").touch()
        assert PcscdProgram(()).drivers() is found


def test_a_variable_names_another_place(place: Path) -> None:
    install(place)
    (place / "plugins" / "x.bundle" / "Contents").mkdir(parents=True)
    (place / "plugins" / "x.bundle" / "Contents" / "Info.plist").touch()
    (place / "default").write_text(f"PCSCLITE_HP_DROPDIR='{place}/plugins'\n")
    assert PcscdProgram(()).drivers() is True


@pytest.mark.parametrize(("content", "found"), [(COMMENTED, False), ("LIBPATH   /usr/lib/libserial.so\n", True)])
def test_a_reader_that_is_configured_has_a_driver(content: str, found: bool, place: Path) -> None:
    install(place)
    (place / "reader.conf.d").mkdir()
    (place / "reader.conf.d" / "serial").write_text(content)
    assert PcscdProgram(()).drivers() is found


def test_where_it_reads_its_configuration_may_be_an_argument(place: Path) -> None:
    path = install(place)
    (place / "mine").write_text("LIBPATH /usr/lib/libserial.so\n")
    with running(str(path), "-c", str(place / "mine")) as pid:
        # The first -c of this command line is the interpreter's.
        program = PcscdProgram([pid])
        program.arguments = [str(path), "-c", str(place / "mine")]
        assert program.drivers() is True


def test_on_nixos_nobody_knows(place: Path) -> None:
    install(place)
    (place / "NIXOS").touch()
    assert isinstance(PcscdProgram(()).drivers(), Unknown)


@pytest.mark.parametrize(
    ("version", "minor"), [("1.8.23", None), ("1.9.9", 4), ("2.2.3", 4), ("2.3.3", 5), ("2.4.1", 4), ("2.5.1", 4)]
)
def test_it_is_asked_in_a_protocol_that_it_takes(version: str, minor: int | None, place: Path) -> None:
    path = install(place, WITH_POLKIT.replace(b"2.3.3", version.encode()))
    long_ago = 10 * 365 * 86400
    time.sleep(0.05)  # the kernel tells hundredths of a second of a process's start
    with running(str(path)) as pid:
        assert PcscdProgram([pid]).protocol() == minor
        os.utime(path, (long_ago, long_ago))  # changes ctime: a program that came after it was started
        assert PcscdProgram([pid]).protocol() is None
    assert PcscdProgram(()).protocol() is None
