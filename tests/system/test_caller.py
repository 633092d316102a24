"""For whom root acts: who called, or who owns the home; by no way that somebody else could turn elsewhere."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from gpgdoctor.system.caller import UnknownCaller, called_by, run_as

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")

NOBODY = pwd.getpwnam("nobody").pw_uid
OTHER = pwd.getpwnam("daemon").pw_uid


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """Below it a home of each, which others may pass through."""
    for name, uid in (("nobody", NOBODY), ("daemon", OTHER), ("root", 0)):
        (tmp_path / name / ".gnupg").mkdir(parents=True)
        for path in (tmp_path / name, tmp_path / name / ".gnupg"):
            os.chown(path, uid, uid)
    return tmp_path


def link(path: Path, target: Path, uid: int) -> str:
    path.symlink_to(target)
    os.chown(path, uid, uid, follow_symlinks=False)
    return str(path)


def test_a_home_is_its_owners(homes: Path) -> None:
    home = str(homes / "nobody" / ".gnupg")
    for found in (run_as({}, home), run_as({"GNUPGHOME": home, "SUDO_UID": str(OTHER)}, None)):
        assert found is not None
        assert (found.user.pw_uid, found.home) == (NOBODY, home)
    assert run_as({"SUDO_UID": str(NOBODY)}, str(homes / "root" / ".gnupg")) is None


def test_the_owners_own_link_is_followed_to_her_own_place(homes: Path) -> None:
    home = link(homes / "nobody" / "elsewhere", homes / "nobody" / ".gnupg", NOBODY)
    found = run_as({}, home)
    assert found is not None
    assert found.home == str(homes / "nobody" / ".gnupg"), "without links"


@pytest.mark.parametrize("target", ["root/.gnupg", "daemon/.gnupg", "/etc", "/root"])
def test_a_link_leads_nobody_out_of_it(target: str, homes: Path) -> None:
    planted = link(homes / "nobody" / "planted", homes / target, NOBODY)
    with pytest.raises(UnknownCaller, match="planted"):
        run_as({}, planted)
    inside = link(homes / "nobody" / "directory", (homes / target).parent, NOBODY)
    with pytest.raises(UnknownCaller, match="directory"):
        run_as({}, f"{inside}/{Path(target).name}")


def test_what_lies_in_somebody_elses_directory_is_not_touched(homes: Path) -> None:
    """Who owns the directory may put another one in its place at any time."""
    (homes / "nobody" / "of-root").mkdir()
    with pytest.raises(UnknownCaller):
        run_as({}, str(homes / "nobody" / "of-root"))


def test_a_home_of_nobody_we_know(homes: Path) -> None:
    home = homes / "lost"
    home.mkdir()
    os.chown(home, 3_999_999, 3_999_999)
    with pytest.raises(UnknownCaller, match="3999999"):
        run_as({}, str(home))


@pytest.mark.parametrize("variable", ["SUDO_UID", "PKEXEC_UID"])
def test_who_called_is_meant(variable: str) -> None:
    found = run_as({variable: str(NOBODY)}, None)
    assert found is not None
    assert (found.user.pw_name, found.home) == ("nobody", None)
    assert run_as({variable: "0"}, None) is None
    assert run_as({variable: ""}, None) is None


def test_doas_names_its_user() -> None:
    found = run_as({"DOAS_USER": "nobody"}, None)
    assert found is not None
    assert found.user.pw_uid == NOBODY


@pytest.mark.parametrize("value", ["99999", "-1", "x", "9" * 30])
def test_a_caller_whom_nobody_knows(value: str) -> None:
    with pytest.raises(UnknownCaller):
        run_as({"SUDO_UID": value}, None)


def test_who_made_us_root() -> None:
    assert called_by({"PKEXEC_UID": "1000"}) == "pkexec"
    assert called_by({"SUDO_UID": ""}) is None
