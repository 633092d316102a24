"""A hook that others run must not run what somebody else than root can change."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from gpgdoctor.hooks.trust import objections
from gpgdoctor.system import ownership

pytestmark = pytest.mark.machine_dependent

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files that belong to root")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that counts as root's own, though it lies below one that all may write to."""
    real, parents = ownership.objections_to, {str(path) for path in [tmp_path, *tmp_path.parents]}
    monkeypatch.setattr(
        ownership, "objections_to", lambda path, *rest, **how: iter(()) if path in parents else real(path, *rest, **how)
    )
    return tmp_path


def program(path: Path, first_line: str = "#!/bin/sh") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(f"{first_line}\n")
    path.chmod(0o755)
    return path


@needs_root
def test_a_program_of_roots_in_directories_of_roots_is_trusted(place: Path) -> None:
    assert objections(str(program(place / "bin/gpgdoctor"))) == []


@needs_root
def test_the_shell_of_this_machine_is_trusted() -> None:
    assert objections("/bin/sh") == []


@needs_root
@pytest.mark.parametrize("what", ["bin/gpgdoctor", "bin"])
@pytest.mark.parametrize("how", ["owner", "group", "world"])
def test_whoever_else_may_change_it_is_an_objection(what: str, how: str, place: Path) -> None:
    path = program(place / "bin/gpgdoctor")
    if how == "owner":
        os.chown(place / what, 1001, 0)
    else:
        os.chown(place / what, 0, 1001)
        (place / what).chmod(0o775 if how == "group" else 0o757)
    assert [complaint.split(" ")[0] for complaint in objections(str(path))] == [str(place / what)]


@needs_root
def test_roots_own_group_may_write(place: Path) -> None:
    path = program(place / "bin/gpgdoctor")
    path.chmod(0o775)
    assert objections(str(path)) == []


@needs_root
@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_is_followed_and_its_target_judged(absolute: bool, place: Path) -> None:
    path = program(place / "home/gpgdoctor")
    os.chown(path.parent, 1001, 1001)
    (place / "bin").mkdir(mode=0o755)
    (place / "bin/gpgdoctor").symlink_to(path if absolute else "../home/gpgdoctor")
    assert any("home does not belong to root" in complaint for complaint in objections(str(place / "bin/gpgdoctor")))


@needs_root
@pytest.mark.parametrize("first_line", ["#!{}", "#!/usr/bin/env {}", "#!/usr/bin/env -S {}"])
def test_the_interpreter_is_judged_too(first_line: str, place: Path) -> None:
    interpreter = program(place / "venv/python")
    os.chown(interpreter, 1001, 1001)
    path = program(place / "bin/gpgdoctor", first_line.format(interpreter))
    assert objections(str(path)) == [f"{interpreter} does not belong to root"]


@needs_root
def test_an_interpreter_from_the_search_path_is_found_as_a_host_would(place: Path) -> None:
    assert objections(str(program(place / "bin/gpgdoctor", "#!/usr/bin/env sh"))) == []
    assert objections(str(program(place / "bin/other", "#!/usr/bin/env no-such-interpreter"))) == [
        "no-such-interpreter is not an absolute path"
    ]


def test_what_is_no_program_is_an_objection(tmp_path: Path) -> None:
    assert objections("gpgdoctor") == ["gpgdoctor is not an absolute path"]
    assert any("No such file" in complaint for complaint in objections(str(tmp_path / "missing")))
    (tmp_path / "loop").symlink_to("loop")
    assert any("too many links" in complaint for complaint in objections(str(tmp_path / "loop")))
    (tmp_path / "text").write_text("")
    assert any("not an executable" in complaint for complaint in objections(str(tmp_path / "text")))


@needs_root
def test_an_access_list_names_others(place: Path) -> None:
    found = program(place / "bin/gpgdoctor")
    entries = ((0x01, 7, 2**32 - 1), (0x02, 7, 1002), (0x04, 5, 2**32 - 1), (0x10, 7, 2**32 - 1), (0x20, 5, 2**32 - 1))
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(found.parent, "system.posix_acl_access", packed)
    except OSError:
        pytest.skip("this file system has no access lists")
    assert objections(str(found)) == [f"{found.parent} is writable by others than root"]
