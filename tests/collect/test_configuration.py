"""A configuration file as it was read: its bytes, and which file it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect import configuration
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.scdaemon_conf.options import parse_option_table

TABLE = parse_option_table((SOURCE_TREE / "fixtures" / "conf" / "scdaemon-2.2.40.options").read_text())
CONTENT = b"# mine\ndisable-ccid\n"


def read(path: Path) -> configuration.Source:
    return configuration.read(str(path), "scdaemon", "user")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scdaemon.conf"
    path.write_bytes(CONTENT)
    return path


def test_the_bytes_are_those_that_were_judged(path: Path) -> None:
    source = read(path)
    assert (source.file.status, source.content) == ("regular", CONTENT)
    assert source.identity == configuration.identity_of(path.stat())


def test_a_file_that_takes_its_place_is_another_one(path: Path) -> None:
    before = read(path)
    other = path.with_name("other")
    other.write_bytes(CONTENT)
    os.replace(other, path)
    assert read(path).content == before.content
    assert read(path).identity != before.identity


def test_behind_a_link_it_is_the_file_itself(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    assert read(link).identity == read(path).identity
    assert read(link).file.target == str(path)


@pytest.mark.parametrize("kind", ["nothing", "a directory", "a FIFO", "a dangling link"])
def test_what_cannot_be_read_has_no_bytes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "scdaemon.conf"
    if kind == "a directory":
        path.mkdir()
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a dangling link":
        path.symlink_to("nowhere")
    source = read(path)
    assert (source.content, source.identity) == (b"", None)
    assert source.file.status == ("not-regular" if kind in ("a directory", "a FIFO") else "absent")


@pytest.mark.parametrize("seconds", [-(2**62), 2**62, 10**18])
def test_a_file_of_any_time(seconds: int, path: Path) -> None:
    try:
        os.utime(path, (seconds, seconds))
    except (OSError, OverflowError):
        pytest.skip("this file system has no such time")
    assert read(path).file.status == "regular"


def test_what_another_process_looked_at_is_read_again(path: Path) -> None:
    file = configuration.judge([read(path)], TABLE, "alice")[0][0]
    again = configuration.read_again([file])
    assert again is not None
    assert again[str(path)].content == CONTENT
    path.write_bytes(CONTENT + b"pcsc-shared\n")
    assert configuration.read_again([file]) is None
    path.unlink()
    assert configuration.read_again([file]) is None
    assert configuration.read_again([read(path).file]) == {str(path): read(path)}
