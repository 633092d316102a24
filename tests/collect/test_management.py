"""Whose file a configuration file is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect.management import manager


def managed(path: Path) -> str | None:
    return manager(str(path), os.lstat(path), os.stat(path))


def linked(tmp_path: Path, target: str) -> Path:
    original = tmp_path / target
    original.parent.mkdir(parents=True)
    original.write_text("disable-ccid\n")
    link = tmp_path / "scdaemon.conf"
    link.symlink_to(original)
    return link


def test_a_plain_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "scdaemon.conf"
    path.write_text("")
    assert managed(path) is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("private_dot_gnupg/scdaemon.conf", "chezmoi"),
        ("dot_gnupg/private_scdaemon.conf.tmpl", "chezmoi"),
        ("private_dot_gnupg/gpg-agent.conf", None),
        ("dot_config/scdaemon.conf", None),
    ],
)
def test_a_file_that_chezmoi_copies_is_chezmois(
    source: str, name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for path in (tmp_path / ".gnupg/scdaemon.conf", tmp_path / ".local/share/chezmoi" / source):
        path.parent.mkdir(parents=True)
        path.write_text("disable-ccid\n")
    assert managed(tmp_path / ".gnupg/scdaemon.conf") == name


def test_a_plain_link_is_its_owners_too(tmp_path: Path) -> None:
    assert managed(linked(tmp_path, "elsewhere/scdaemon.conf")) is None


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (".local/share/chezmoi/private_dot_gnupg/scdaemon.conf", "chezmoi"),
        ("stow/gnupg/.gnupg/scdaemon.conf", "stow"),
        (".dotfiles/gnupg/scdaemon.conf", "a dotfile tree"),
        ("Mackup/.gnupg/scdaemon.conf", "Mackup"),
    ],
)
def test_a_link_into_a_tree_of_dotfiles_is_not(tmp_path: Path, target: str, name: str) -> None:
    assert managed(linked(tmp_path, target)) == name


def test_a_name_that_only_contains_one_is_none(tmp_path: Path) -> None:
    assert managed(linked(tmp_path, "stowe/scdaemon.conf")) is None


def test_a_tree_under_version_control_is_managed(tmp_path: Path) -> None:
    link = linked(tmp_path, "conf/gnupg/scdaemon.conf")
    (tmp_path / "conf" / ".git").mkdir()
    assert managed(link) == "a git work tree"


def test_a_home_that_is_a_link_into_such_a_tree_is_managed(tmp_path: Path) -> None:
    home = tmp_path / ".dotfiles" / "gnupg"
    home.mkdir(parents=True)
    (home / "scdaemon.conf").write_text("")
    (tmp_path / ".gnupg").symlink_to(home)
    assert managed(tmp_path / ".gnupg" / "scdaemon.conf") == "a dotfile tree"
