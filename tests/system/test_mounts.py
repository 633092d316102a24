"""The mount table of the kernel: escapes, layers, and rows that make no sense."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.system import mounts

pytestmark = pytest.mark.machine_dependent

TABLE = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /home rw - btrfs /dev/sda rw,subvolid=256
31 30 0:44 / /home/alice\040b rw shared:7 master:1 - nfs4 server:/alice rw
32 22 0:50 / /home rw - tmpfs tmpfs rw
33 22 0:5 / /run/user/1000/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw
nonsense
34 22 x:y / /sys rw - sysfs sysfs rw
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[mounts.Mount]:
    (tmp_path / "mountinfo").write_text(TABLE)
    monkeypatch.setattr(mounts, "TABLE", str(tmp_path / "mountinfo"))
    return mounts.mounts()


def test_rows(table: list[mounts.Mount]) -> None:
    assert [row.id for row in table] == [22, 30, 31, 32, 33]
    assert (table[2].point, table[2].kind, table[2].device) == ("/home/alice b", "nfs4", (0, 44))


@pytest.mark.parametrize(
    ("path", "id"),
    [("/home/alice b/.gnupg", 31), ("/home/alice", 32), ("/home", 32), ("/homes", 22), ("/", 22)],
)
def test_a_path_lies_on_the_last_mount_above_it(path: str, id: int, table: list[mounts.Mount]) -> None:
    found = mounts.holding(path, table)
    assert found is not None
    assert found.id == id


def test_what_may_hang(table: list[mounts.Mount]) -> None:
    assert [row.id for row in table if row.is_remote] == [31, 33]


def test_of_this_machine(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_PATH)
    found = mounts.of_descriptor(descriptor)
    os.close(descriptor)
    assert found in mounts.mounts()
    assert mounts.kind_of("/proc") == "proc"
    assert mounts.kind_of(str(tmp_path / "nothing")) is None
