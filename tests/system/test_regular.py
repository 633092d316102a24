"""Nothing is opened before it is known to be a regular file."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gpgdoctor.system.regular import NotRegular, open_regular, read_up_to

pytestmark = pytest.mark.machine_dependent


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is opened to be read, as O_PATH opens nothing."""
    seen: list[str] = []
    real = os.open

    def watched(path: str, flags: int, *rest: int, **how: int) -> int:
        if not flags & os.O_PATH:
            seen.append(os.path.realpath(path))
        return real(path, flags, *rest, **how)

    monkeypatch.setattr(os, "open", watched)
    yield seen


def test_a_regular_file_is_read(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        descriptor = open_regular(str(tmp_path / name))
        assert read_up_to(descriptor, 100) == b"content"
        os.close(descriptor)
    assert opened == [str(tmp_path / "file")] * 2
    with pytest.raises((NotRegular, OSError)):
        open_regular(str(tmp_path / "link"), follow=False)


def test_what_is_none_is_not_opened(tmp_path: Path, opened: list[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name, kind in (("fifo", "a FIFO"), ("zero", "a device"), ("socket", "a socket"), (".", "a directory")):
            with pytest.raises(NotRegular) as found:
                open_regular(str(tmp_path / name))
            assert str(found.value) == kind
            assert not stat.S_ISREG(found.value.status.st_mode)
    assert opened == []


@pytest.mark.parametrize("limit", [0, 1, 6, 7, 8])
def test_no_more_is_read_than_shows_that_it_is_too_much(limit: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    descriptor = open_regular(str(tmp_path / "file"))
    assert read_up_to(descriptor, limit) == b"content"[: limit + 1]
    os.close(descriptor)
