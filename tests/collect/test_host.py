"""What the machine is, read off files that may be missing, dangling or somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect import gnupg, host, pcscd
from gpgdoctor.facts import Unknown

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
