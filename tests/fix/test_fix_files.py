"""Files are replaced so that nothing of them is lost, or not at all."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import pytest

from gpgdoctor.fix import files
from gpgdoctor.fix.files import NotWritten, Obstacle, find, write
from gpgdoctor.system import mounts

TEMPORARY = ".gpgdoctor-1.tmp"
ACL = "system.posix_acl_access"
OTHER_USER = 1002


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def conf(home: Path) -> Path:
    conf = home / "scdaemon.conf"
    conf.write_bytes(b"# mine\n")
    conf.chmod(0o640)
    return conf


def rewrite(path: Path, content: bytes = b"new\n") -> None:
    write(find(str(path)), content, TEMPORARY)
    assert path.read_bytes() == content
    assert not path.parent.joinpath(TEMPORARY).exists()


def test_a_new_file_is_its_owners_alone(home: Path) -> None:
    rewrite(home / "scdaemon.conf")
    assert stat.S_IMODE((home / "scdaemon.conf").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755, 0o200 | 0o400])
def test_the_mode_stays(conf: Path, mode: int) -> None:
    conf.chmod(mode)
    rewrite(conf)
    assert stat.S_IMODE(conf.stat().st_mode) == mode


def test_extended_attributes_stay(conf: Path) -> None:
    set_attribute(conf, "user.note", b"kept")
    rewrite(conf)
    assert os.getxattr(conf, "user.note") == b"kept"


def test_an_access_control_list_stays(conf: Path) -> None:
    # linux/posix_acl_xattr.h: version, then tag, permissions and id of each entry.
    entries = ((1, 6, -1), (2, 4, OTHER_USER), (4, 4, -1), (16, 4, -1), (32, 0, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    set_attribute(conf, ACL, acl)
    mode = conf.stat().st_mode
    rewrite(conf)
    assert os.getxattr(conf, ACL) == acl
    assert conf.stat().st_mode == mode


def set_attribute(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"no {name} here: {error.strerror}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a second group to give")
def test_the_group_stays(conf: Path) -> None:
    os.chown(conf, -1, OTHER_USER)
    rewrite(conf)
    assert conf.stat().st_gid == OTHER_USER


def test_a_link_within_the_home_stays_and_its_target_is_edited(conf: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles"
    conf.rename(target)
    conf.symlink_to("../dotfiles")
    rewrite(conf)
    assert conf.is_symlink() and os.readlink(conf) == "../dotfiles"
    assert target.read_bytes() == b"new\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_linked_home_is_followed(home: Path, conf: Path, tmp_path: Path) -> None:
    home.rename(tmp_path / "elsewhere")
    home.symlink_to("elsewhere")
    rewrite(conf)


def refused(path: Path) -> str:
    with pytest.raises(Obstacle) as caught:
        find(str(path))
    return str(caught.value)


def test_a_link_out_of_the_home_is_refused(conf: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.write_bytes(b"x")
    conf.unlink()
    conf.symlink_to(outside)
    assert "symbolic link out of your home" in refused(conf)


@pytest.mark.parametrize("tree", ["dotfiles/stow", ".local/share/chezmoi", ".config/yadm"])
def test_a_managed_tree_is_refused(tree: str, conf: Path, tmp_path: Path) -> None:
    target = tmp_path / tree / "scdaemon.conf"
    target.parent.mkdir(parents=True)
    conf.rename(target)
    conf.symlink_to(target)
    assert "manages it" in refused(conf)


def test_a_home_that_is_itself_a_link_into_a_managed_tree_is_refused(home: Path, conf: Path, tmp_path: Path) -> None:
    tree = tmp_path / "stow" / "gnupg"
    tree.parent.mkdir()
    home.rename(tree)
    home.symlink_to(tree)
    assert refused(conf) == "stow manages it"


def test_what_is_no_plain_file_of_ones_own_is_refused(home: Path, conf: Path) -> None:
    os.link(conf, home / "second-name")
    assert "hard link" in refused(conf)
    (home / "second-name").unlink()
    conf.chmod(0o400)
    assert "read-only" in refused(conf)
    conf.unlink()
    os.mkfifo(conf)
    assert "no regular file" in refused(conf)
    conf.unlink()
    conf.mkdir()
    assert "no regular file" in refused(conf)
    conf.rmdir()
    conf.write_bytes(b"{{ if }}\n")
    assert "template" in refused(conf)
    assert "does not exist" in refused(home / "missing" / "scdaemon.conf")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of another user")
def test_root_is_led_nowhere(home: Path, conf: Path) -> None:
    os.chown(conf, OTHER_USER, -1)
    assert "another user" in refused(conf)
    os.chown(conf, 0, -1)
    os.chown(home, OTHER_USER, -1)
    assert refused(conf) == "its directory belongs to another user"


def test_a_change_by_somebody_else_is_not_overwritten(conf: Path) -> None:
    found = find(str(conf))
    conf.write_bytes(b"theirs\n")
    with pytest.raises(NotWritten, match="changed meanwhile"):
        write(found, b"ours\n", TEMPORARY)
    assert conf.read_bytes() == b"theirs\n"
    assert not conf.parent.joinpath(TEMPORARY).exists()


def test_a_file_that_somebody_else_created_is_not_overwritten(home: Path) -> None:
    conf = home / "scdaemon.conf"
    found = find(str(conf))
    conf.write_bytes(b"theirs\n")
    with pytest.raises(NotWritten, match="changed meanwhile"):
        write(found, b"ours\n", TEMPORARY)


def test_what_a_killed_run_left_is_in_nobodys_way(conf: Path) -> None:
    conf.parent.joinpath(TEMPORARY).write_bytes(b"half")
    rewrite(conf)


def test_a_planted_link_in_the_place_of_the_temporary_file(conf: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    conf.parent.joinpath(TEMPORARY).symlink_to(victim)
    rewrite(conf)
    assert victim.read_bytes() == b"precious"


def test_a_created_file_can_be_taken_away(conf: Path) -> None:
    files.delete(find(str(conf)))
    assert not conf.exists()


def test_a_file_that_was_changed_is_not_taken_away(conf: Path) -> None:
    found = find(str(conf))
    conf.write_bytes(b"theirs\n")
    with pytest.raises(NotWritten):
        files.delete(found)
    assert conf.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_group_that_cannot_be_kept_is_an_obstacle(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(conf, -1, OTHER_USER)
    assert find(str(conf)).content == b"# mine\n", "root keeps any group"
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    for path in (conf.parent, conf):
        os.chown(path, 4711, -1)
    with pytest.raises(Obstacle, match="group"):
        find(str(conf))


def test_a_file_that_is_mounted_is_an_obstacle(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/proc/self/mountinfo").open() as table:
        lines = table.read()
    fake = conf.with_name("mountinfo")
    place = str(conf).replace("s", "\\163")  # as the kernel writes a blank
    fake.write_text(f"{lines}99 1 0:1 / {place} rw - ext4 /dev/sda1 rw\n")
    monkeypatch.setattr(mounts, "TABLE", str(fake))
    with pytest.raises(Obstacle, match="mounted"):
        find(str(conf))
