"""Whether a program in a sandbox that talks to cards runs, and is no client of pcscd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.collect import sandboxed
from gpgdoctor.collect.follow_up import followed_up
from gpgdoctor.facts import Reason, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline
from tests.support.build import client, machine

FLATPAK = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-com.yubico.yubioath-812.scope\n"
SNAP = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.yubioath-desktop.yubioath-desktop-1.scope\n"
OF_THE_SYSTEM = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-1.scope\n"


def running(
    monkeypatch: pytest.MonkeyPatch, name: str, groups: str = OF_THE_SYSTEM, executable: str = "/usr/bin/x"
) -> None:
    monkeypatch.setattr(proc, "pids", lambda: [830])
    monkeypatch.setattr(proc, "comm", lambda pid: name)
    monkeypatch.setattr(proc, "control_groups", lambda pid: groups)
    monkeypatch.setattr(proc, "executable", lambda pid: executable)
    monkeypatch.setattr(proc, "mapped", lambda word, pid: None)
    monkeypatch.setattr(sandboxed, "HOMES", ("/",))
    monkeypatch.setattr(sandboxed, "IMAGES", "/no/such/place/*")


@pytest.mark.parametrize(
    "how",
    [
        {"name": "authenticator", "groups": FLATPAK},
        {"name": "keepassxc", "groups": SNAP},
        {"name": "yubioath-deskto", "executable": "/snap/yubioath-desktop/12/bin/yubioath-desktop"},
        {"name": "yubioath-flutte", "executable": "/nix/store/abc-yubioath/bin/yubioath-flutter"},
        {"name": "yubioath-desktop", "executable": "/tmp/.mount_yubioaXk2PqA/usr/bin/yubioath-desktop"},
    ],
)
def test_a_program_for_cards_in_a_sandbox(how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, **how)
    assert sandboxed.without_connection(())
    assert not sandboxed.without_connection((830,)), "it is connected: its protocol is pcscd's"


@pytest.mark.parametrize(
    "how",
    [
        {"name": "authenticator"},
        {"name": "firefox", "groups": SNAP},
        {"name": "gsd-smartcard", "groups": FLATPAK},
        {"name": "a-program", "groups": FLATPAK},
    ],
)
def test_what_needs_no_look_at_the_log(how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, **how)
    assert not sandboxed.without_connection(())


def test_an_appimage_is_known_by_its_mount_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """KeePassXC hides its executable, and no control group tells of an AppImage."""
    running(monkeypatch, "keepassxc")
    monkeypatch.setattr(proc, "executable", lambda pid: None)
    monkeypatch.setattr(sandboxed, "HOMES", ())
    monkeypatch.setattr(sandboxed, "IMAGES", str(tmp_path / ".mount_*"))
    (tmp_path / ".mount_NextclqPc2Ab").mkdir()
    assert not sandboxed.without_connection(()), "it is another program's"
    (tmp_path / ".mount_KeePasq1Wz8T").mkdir()
    assert sandboxed.without_connection(())
    assert not sandboxed.without_connection((830,))


def test_what_nobody_knows_is_for_cards_where_it_loaded_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for groups, expected in ((FLATPAK, True), (OF_THE_SYSTEM, False)):
        running(monkeypatch, "a-program", groups)
        monkeypatch.setattr(proc, "mapped", lambda word, pid: f"/usr/lib/{word}.so.1")
        assert sandboxed.without_connection(()) is expected
    running(monkeypatch, "firefox", SNAP)
    monkeypatch.setattr(proc, "mapped", lambda word, pid: pytest.fail("a browser was looked into"))
    assert not sandboxed.without_connection(())


def test_a_script_in_a_sandbox_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "python3.12", FLATPAK)
    monkeypatch.setattr(sandboxed, "program_of", lambda pid: "ykman")
    assert sandboxed.without_connection(())
    monkeypatch.setattr(sandboxed, "program_of", lambda pid: "python3")
    assert not sandboxed.without_connection(())


def test_where_there_are_no_sandboxes_no_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "authenticator", FLATPAK)
    monkeypatch.setattr(sandboxed, "HOMES", ("/no/such/place",))
    monkeypatch.setattr(proc, "pids", lambda: pytest.fail("it looked at processes"))
    assert not sandboxed.without_connection(())


def test_pcscds_log_is_read_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "authenticator", FLATPAK)
    facts = machine()
    assert followed_up(facts, Deadline(5)).pcscd.log != Unknown(Reason.NOT_NEEDED)
    connected = machine(clients=(client("authenticator", pid=830),))
    assert followed_up(connected, Deadline(5)).pcscd.log == Unknown(Reason.NOT_NEEDED)
