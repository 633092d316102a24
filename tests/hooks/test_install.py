"""Installing and removing hooks: nothing of anybody else's is touched."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.cli import run
from gpgdoctor.commands import hook
from gpgdoctor.commands.hook_cli import HookTarget
from gpgdoctor.hooks import files, marker
from gpgdoctor.hooks import install as installer
from gpgdoctor.hooks.install import Refused, install, pieces, uninstall
from gpgdoctor.hooks.overview import overview
from gpgdoctor.hooks.targets import BY_NAME, TARGETS, Target

pytestmark = pytest.mark.machine_dependent

INSTALLABLE = [target for target in TARGETS if target.shims]
EXECUTABLE = "/opt/gpgdoctor/bin/gpgdoctor"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files that belong to root")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in the place of /, where dpkg knows of no package yet."""
    monkeypatch.setattr(installer, "DPKG_LISTS", f"{tmp_path}.dpkg/*.list")
    place = installer._place
    monkeypatch.setattr(installer, "_place", lambda path, package: f"{tmp_path}{place(path, package)}")
    return tmp_path


def dpkg_knows(root: Path, *paths: str) -> None:
    """Let dpkg know of a package with these files."""
    Path(f"{root}.dpkg").mkdir()
    Path(f"{root}.dpkg/some.list").write_text("/.\n" + "".join(f"{path}\n" for path in paths))


def below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def directories(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_dir()}


def test_the_command_line_knows_every_target() -> None:
    assert [target.value for target in HookTarget] == [target.name for target in TARGETS]


@pytest.mark.parametrize("target", INSTALLABLE, ids=lambda it: it.name)
def test_a_shim_is_short_ascii_and_calls_hook_run(target: Target) -> None:
    for piece in pieces(target, EXECUTABLE):
        text = piece.content.decode("ascii")
        assert len(text.splitlines()) <= 16
        if piece.mode == 0o755 or target.name in ("sos", "apport"):
            assert f"hook run {target.name}" in text.replace('", "', " ")
            assert "timeout -k 5 40" in text.replace('", "', " ")
        assert "@EXE@" not in text
    assert any(EXECUTABLE.encode() in piece.content for piece in pieces(target, EXECUTABLE)) == target.names_program


def test_the_name_of_supportconfigs_plugin_has_neither_dash_nor_dot() -> None:
    (piece,) = pieces(BY_NAME["supportconfig"], EXECUTABLE)
    assert os.path.basename(piece.path).isalnum()


@pytest.mark.parametrize("target", INSTALLABLE, ids=lambda it: it.name)
def test_packagers_get_exactly_the_files_with_their_modes(target: Target, tmp_path: Path) -> None:
    install(pieces(target, EXECUTABLE), destdir=str(tmp_path))
    assert set(below(tmp_path)) == {piece.path[1:] for piece in pieces(target, EXECUTABLE)}
    for piece in pieces(target, EXECUTABLE):
        assert stat.S_IMODE(os.stat(f"{tmp_path}{piece.path}").st_mode) == piece.mode


@pytest.mark.parametrize("target", INSTALLABLE, ids=lambda it: it.name)
def test_what_was_installed_is_removed_without_a_trace(target: Target, root: Path) -> None:
    wanted = pieces(target, EXECUTABLE)
    assert all(line.startswith("wrote") for line in install(wanted))
    assert all(line.startswith("unchanged") for line in install(wanted))
    assert uninstall(target, wanted).kept == ()
    assert below(root) == {}
    assert directories(root) == set()


def test_a_directory_that_was_there_stays(root: Path) -> None:
    (root / "etc/sos/extras.d").mkdir(parents=True)
    wanted = pieces(BY_NAME["sos"], EXECUTABLE)
    install(wanted)
    uninstall(BY_NAME["sos"], wanted)
    assert (root / "etc/sos/extras.d").is_dir()


def test_a_dry_run_writes_nothing(root: Path) -> None:
    wanted = pieces(BY_NAME["reportbug"], EXECUTABLE)
    assert all(line.startswith("would write") for line in install(wanted, dry_run=True))
    assert below(root) == {}
    install(wanted)
    before = below(root)
    assert len(uninstall(BY_NAME["reportbug"], wanted, dry_run=True).done) == 3
    assert below(root) == before


@pytest.mark.parametrize("make", ["file", "symlink", "directory", "fifo"])
def test_what_somebody_else_put_there_is_not_overwritten(make: str, root: Path) -> None:
    wanted = pieces(BY_NAME["reportbug"], EXECUTABLE)
    place = Path(wanted[-1].path)  # the last one: nothing is written before it
    place.parent.mkdir(parents=True)
    if make == "file":
        place.write_text("theirs")
    elif make == "symlink":
        place.symlink_to("/etc/hostname")
    elif make == "directory":
        place.mkdir()
    else:
        os.mkfifo(place)
    with pytest.raises(Refused, match="did not write"):
        install(wanted)
    assert [path for path in root.rglob("*") if path.is_file()] == ([place] if make in ("file", "symlink") else [])
    assert uninstall(BY_NAME["reportbug"], wanted).done == ()
    assert os.path.lexists(place)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b"timeout", b"nice timeout"),
        lambda text: text + b"echo\n",
        lambda text: text + text,
        lambda text: re.sub(rb"made=\d", b"made=9", text),
        lambda text: re.sub(rb"sha256=.*", b"sha256=", text),
        lambda text: text[:-1],
        lambda text: text.replace(b"\n", b"\r\n"),
    ],
)
def test_what_was_changed_since_is_neither_overwritten_nor_removed(edit: Callable[[bytes], bytes], root: Path) -> None:
    wanted = pieces(BY_NAME["reportbug"], EXECUTABLE)
    install(wanted)
    changed = Path(wanted[0].path)
    before = changed.read_bytes()
    after = edit(before)
    changed.write_bytes(after)
    with pytest.raises(Refused, match="changed"):
        install(wanted)
    removal = uninstall(BY_NAME["reportbug"], wanted)
    assert len(removal.done) == 2
    assert [str(changed)] == [line.split(" ")[0] for line in removal.kept]
    assert changed.read_bytes() == after
    changed.write_bytes(before)
    assert uninstall(BY_NAME["reportbug"], wanted).kept == ()
    assert directories(root) == set()


def test_what_was_replaced_since_is_neither_overwritten_nor_removed(root: Path) -> None:
    wanted = pieces(BY_NAME["reportbug"], EXECUTABLE)
    install(wanted)
    Path(wanted[0].path).write_text("theirs")
    with pytest.raises(Refused, match="did not write"):
        install(wanted)
    removal = uninstall(BY_NAME["reportbug"], wanted)
    assert (len(removal.done), len(removal.kept)) == (2, 1)
    assert list(below(root).values()) == [b"theirs"]


def test_an_older_file_of_ours_is_replaced(root: Path) -> None:
    install(pieces(BY_NAME["sos"], "/usr/local/bin/gpgdoctor"))
    (new,) = pieces(BY_NAME["sos"], EXECUTABLE)
    install([new])
    assert Path(new.path).read_bytes().startswith(new.content)
    assert uninstall(BY_NAME["sos"], [new]).kept == ()
    assert directories(root) == set()


def test_a_file_of_a_package_is_not_removed_though_it_is_the_same(root: Path) -> None:
    (piece,) = pieces(BY_NAME["sos"], hook.PACKAGED)
    dpkg_knows(root, piece.path)
    Path(piece.path).parent.mkdir(parents=True)
    Path(piece.path).write_bytes(piece.content)
    assert install([piece]) == [f"unchanged {piece.path}"]
    assert uninstall(BY_NAME["sos"], [piece]).done == ()
    assert Path(piece.path).read_bytes() == piece.content
    with pytest.raises(Refused, match="did not write"):
        install(pieces(BY_NAME["sos"], EXECUTABLE))


@pytest.mark.parametrize("target", INSTALLABLE, ids=lambda it: it.name)
@pytest.mark.parametrize("known", [True, False])
def test_what_a_release_without_markers_installed_is_ours_where_dpkg_knows_no_owner(
    target: Target, known: bool, root: Path
) -> None:
    for piece in pieces(target, "/usr/local/bin/gpgdoctor"):
        files.write(piece.path, piece.content, piece.mode)
    wanted = pieces(target, EXECUTABLE)
    if not known:  # another distribution: a package may own it
        assert len(uninstall(target, wanted).kept) == len(wanted)
        return
    dpkg_knows(root, *(f"{piece.path}.other" for piece in wanted))
    assert all(line.startswith("wrote") for line in install(wanted))
    assert len(uninstall(target, wanted).done) == len(wanted)
    assert below(root) == {}


def test_the_script_of_0_1_0_is_known_though_it_asked_otherwise(root: Path) -> None:
    wanted = pieces(BY_NAME["reportbug"], EXECUTABLE)
    now, then = b"and readers (redacted)", b"and card readers (redacted, shown to you)"
    for piece in wanted:
        files.write(piece.path, piece.content.replace(now, then), piece.mode)
    dpkg_knows(root)
    assert len(uninstall(BY_NAME["reportbug"], wanted).done) == len(wanted)


def test_a_marker_can_name_no_directories_but_those_above_it(root: Path) -> None:
    (piece,) = pieces(BY_NAME["sos"], EXECUTABLE)
    (root / "etc/other").mkdir(parents=True)
    files.write(piece.path, marker.mark(piece.content, 3), piece.mode)
    assert len(uninstall(BY_NAME["sos"], [piece]).done) == 1
    assert directories(root) == {"etc", "etc/other"}


def test_a_link_in_the_place_of_a_directory_stays(root: Path) -> None:
    (piece,) = pieces(BY_NAME["sos"], EXECUTABLE)
    (root / "etc/sos").mkdir(parents=True)
    (root / "elsewhere").mkdir()
    (root / "etc/sos/extras.d").symlink_to(root / "elsewhere")
    files.write(piece.path, marker.mark(piece.content, 1), piece.mode)
    assert len(uninstall(BY_NAME["sos"], [piece]).done) == 1
    assert directories(root) >= {"elsewhere", "etc/sos/extras.d"}


def test_a_link_to_a_file_of_ours_is_not_ours(root: Path) -> None:
    (piece,) = pieces(BY_NAME["sos"], EXECUTABLE)
    (root / "target").write_bytes(marker.mark(piece.content, 0))
    Path(piece.path).parent.mkdir(parents=True)
    Path(piece.path).symlink_to(root / "target")
    assert uninstall(BY_NAME["sos"], [piece]).done == ()
    assert Path(piece.path).is_symlink() and (root / "target").exists()


def test_the_last_of_two_hooks_takes_along_the_directory_that_was_made_for_the_first(root: Path) -> None:
    for name in ("sos", "html"):
        install(pieces(BY_NAME[name], EXECUTABLE))
    for name in ("sos", "html"):
        assert uninstall(BY_NAME[name], pieces(BY_NAME[name], EXECUTABLE)).kept == ()
    assert directories(root) == set()


def test_packagers_get_no_marker(root: Path, tmp_path: Path) -> None:
    for target in INSTALLABLE:
        wanted = pieces(target, EXECUTABLE)
        install(wanted, destdir=f"{tmp_path}/staging")
        assert [Path(f"{tmp_path}/staging{piece.path}").read_bytes() for piece in wanted] == [
            piece.content for piece in wanted
        ]


def test_a_report_on_scdaemon_gets_a_script_that_its_own_would_replace(tmp_path: Path) -> None:
    install(pieces(BY_NAME["reportbug"], EXECUTABLE, package="scdaemon"), destdir=str(tmp_path))
    assert {os.path.dirname(path) for path in below(tmp_path)} == {"usr/share/bug/default/scdaemon"}


def test_the_overview_tells_what_is_installed(root: Path) -> None:
    def states() -> dict[str, str]:
        return {row["target"]: row["state"] for row in overview()}

    assert states()["sos"] == "not installed"
    install(pieces(BY_NAME["sos"], EXECUTABLE))
    wanted = pieces(BY_NAME["reportbug"], EXECUTABLE)
    install(wanted[:1])
    assert (states()["sos"], states()["reportbug"]) == ("installed", "in part")
    Path(wanted[0].path).write_text("changed")
    assert states()["text"] == "nothing to install"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"target": "sos", "package": "scdaemon"}, "--for is for reportbug"),
        ({"target": "reportbug", "package": "../../etc"}, "no name of a Debian package"),
        ({"target": "sos", "executable": "/opt/my tools/gpgdoctor"}, "--exe"),
        ({"target": "sos", "executable": "gpgdoctor"}, "--exe"),
        ({"target": "sos", "executable": "/bin/x;reboot"}, "--exe"),
        ({"target": "text", "executable": "/bin/true"}, "nothing to install"),
    ],
)
def test_wrong_usage(options: dict[str, Any], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hook.install(hook.HookOptions(**options, destdir="/nonexistent")) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(("target", "code"), [("nagios", 3), ("sos", 2)])
def test_wrong_usage_of_run_is_unknown_to_a_monitoring_system(target: str, code: int) -> None:
    assert run(["hook", "run", target, "--no-such-option"], None) == code


@pytest.mark.parametrize("target", [target.name for target in TARGETS])
def test_show_prints_what_install_writes(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert hook.show(hook.HookOptions(target=target, executable=EXECUTABLE)) == 0
    shown = capsys.readouterr().out
    for piece in pieces(BY_NAME[target], EXECUTABLE):
        assert f"--- {piece.path} ({piece.mode:04o})\n{piece.content.decode()}" in shown
    assert BY_NAME[target].shims or "nothing to install" in shown


def test_packagers_can_take_it_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = hook.HookOptions(target="apport", destdir=str(tmp_path))
    assert hook.install(options) == 0
    assert all(b"/usr/bin/gpgdoctor" in content for content in below(tmp_path).values())
    assert hook.uninstall(options) == 0
    assert below(tmp_path) == {}
    assert hook.uninstall(options) == 0
    assert capsys.readouterr().out.endswith("nothing to remove\n")


def test_the_list_is_one_document_where_that_is_wanted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert hook.overview(as_json=True) == 0
    rows = json.loads(capsys.readouterr().out)["hooks"]
    assert [row["target"] for row in rows] == [target.name for target in TARGETS]
    assert hook.overview(as_json=False) == 0
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())


@needs_root
def test_a_program_that_others_can_change_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = root / "gpgdoctor"  # below /tmp, where everybody may write
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for target in INSTALLABLE:
        done = hook.install(hook.HookOptions(target=target.name, executable=str(program)))
        assert done == (1 if target.names_program else 0)
    complaints = capsys.readouterr().err.splitlines()
    assert len(complaints) == sum(target.names_program for target in INSTALLABLE), "one line each"
    for complaint in complaints:
        assert "writable by others than root" in complaint
        assert complaint.endswith("for all users, in its clone: sudo pipx install --global .")
    assert {path.split("/")[-2] for path in below(root) if "bug/" in path} == {"gpgdoctor"}


def test_a_relative_destdir_is_made_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["hook", "install", "sos", "--destdir", "staging/x", "--exe", EXECUTABLE], None) == 0
    assert below(tmp_path).keys() == {"staging/x/etc/sos/extras.d/gpgdoctor"}


def test_below_a_destdir_another_program_is_named_as_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ["sos", "--destdir", str(tmp_path)]
    assert run(["hook", "install", *there, "--exe", EXECUTABLE], None) == 0
    place = f"{tmp_path}/etc/sos/extras.d/gpgdoctor"
    assert run(["hook", "install", *there, "--exe", "/usr/bin/other"], None) == 1
    assert f"{place} is there, and is not what this command writes" in capsys.readouterr().err
    assert run(["hook", "uninstall", *there, "--exe", "/usr/bin/other"], None) == 1
    assert f"{place} is not what install writes there, and stays; was it another --exe?" in capsys.readouterr().err
    assert run(["hook", "uninstall", *there, "--exe", EXECUTABLE], None) == 0


def test_the_script_for_one_package_is_removed_alone(root: Path) -> None:
    reportbug = BY_NAME["reportbug"]
    for package in (None, "scdaemon", "pcscd"):
        install(pieces(reportbug, EXECUTABLE, package=package))
    uninstall(reportbug, pieces(reportbug, EXECUTABLE, package="scdaemon"), only_wanted=True)
    left = {path.split("/")[-2] for path in below(root) if path.startswith("usr/share/bug")}
    assert left == {"gpgdoctor", "pcscd"}
    uninstall(reportbug, pieces(reportbug, EXECUTABLE))
    assert directories(root) == set()
