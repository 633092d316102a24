"""What the machine is, read off files that may be missing, dangling or somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect import gnupg, host, pcscd
from gpgdoctor.facts import Unknown
from gpgdoctor.system import mounts

pytestmark = pytest.mark.machine_dependent


@pytest.mark.parametrize(
    ("first", "expected"), [("runit", "runit"), ("init", None), ("bash", None), ("systemd", None), (None, None)]
)
def test_the_first_process_tells_runit(
    first: str | None, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not /etc/runit: Debian's packages bring it to every machine."""
    comm = tmp_path / "comm"
    if first is not None:
        comm.write_text(f"{first}\n")
    monkeypatch.setattr(host, "FIRST_PROCESS", str(comm))
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/etc/runit")
    found = host.host({}, 0).init
    assert isinstance(found, Unknown) if expected is None else found == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/dev/null", "masked"), ("empty", "masked"), ("unit", "disabled"), ("nowhere", Unknown), (None, None)],
)
def test_a_unit_may_be_a_link_to_anywhere(
    target: str | None, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "unit").write_text("[Socket]\n")
    if target is not None:
        (tmp_path / "pcscd.socket").symlink_to(target)
    monkeypatch.setattr(pcscd, "UNIT_DIRECTORIES", (str(tmp_path),))
    ours = os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda path: not path.startswith("/etc/") and ours(path))
    found = pcscd.unit()
    assert isinstance(found, Unknown) if expected is Unknown else found == expected


@pytest.mark.parametrize("default", [True, False])
def test_only_the_default_home_may_be_missing(default: bool, tmp_path: Path) -> None:
    def problems(path: Path) -> object:
        return gnupg.homedir_problems(str(path), default)

    tmp_path.chmod(0o700)
    file = tmp_path / "file"
    file.touch()
    assert problems(tmp_path) == ()
    assert problems(tmp_path / "nowhere") == (() if default else ("it does not exist",))
    assert problems(tmp_path / "nowhere/.gnupg") == (), "gpg makes that"
    assert problems(file) == ("it is no directory",)


def proc_mounted(options: str) -> str:
    return f"22 1 254:0 / / rw - ext4 /dev/vda rw\n25 22 0:23 / /proc rw,nosuid - proc proc {options}\n"


@pytest.mark.parametrize(
    ("options", "hides"),
    [("rw", False), ("rw,hidepid=invisible", True), ("rw,gid=27,hidepid=2", True), ("rw,hidepid=off", False)],
)
def test_whether_proc_hides_processes(
    options: str, hides: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "TABLE", str(table))
    assert isinstance(host.host({}, 0).hides_processes, Unknown)
    table.write_text(proc_mounted(options))
    assert host.host({}, 0).hides_processes is hides


@pytest.mark.parametrize(
    ("version", "container"), [("5.15.90.1-microsoft-standard-WSL2", "wsl"), ("6.1.0-40-amd64", None)]
)
def test_wsl_is_told_by_its_kernel(
    version: str, container: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "version"
    kernel.write_text(f"Linux version {version} (gcc) #1 SMP\n")
    monkeypatch.setattr(host, "KERNEL", str(kernel))
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    monkeypatch.setattr(host, "CONTAINER", str(tmp_path / "none"))
    assert host.host({}, 0).container == container


@pytest.mark.parametrize(
    ("seats", "expected"),
    [
        ({"seat0": "ACTIVE_UID=1000\nUIDS=1000 1001\n"}, True),
        ({"seat0": "ACTIVE_UID=10001\n", "seat1": "IS_SEAT0=0\n"}, False),
        ({}, False),
        (None, None),
    ],
)
def test_who_sits_at_the_machine_is_whose_session_is_active(
    seats: dict[str, str] | None, expected: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "SEATS", str(tmp_path if seats is not None else tmp_path / "none"))
    for name, content in (seats or {}).items():
        (tmp_path / name).write_text(content)
    found = host.host({}, 1000).at_seat
    assert isinstance(found, Unknown) if expected is None else found is expected
