"""/proc as it is: of this process, of one that ended, and of nobody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gpgdoctor.system import proc

pytestmark = pytest.mark.machine_dependent

NOBODY = 2**22 + 1  # beyond the highest pid


def test_of_this_process() -> None:
    me = os.getpid()
    assert me in proc.pids()
    assert proc.parent(me) == os.getppid()
    assert proc.uid(me) == os.getuid()
    assert proc.state(me) == "R"
    assert proc.namespace_depth(me)
    assert not proc.is_below(me)
    assert {me, os.getppid()} <= proc.ancestors()
    assert proc.arguments(me) == [os.fsdecode(it) for it in Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]]
    assert proc.executable(me) == os.path.realpath(sys.executable)
    assert proc.namespace("self", "net") == proc.namespace(me, "net")
    assert proc.mapped("libc") is not None


def test_of_a_socket() -> None:
    with closing(socket.socket(socket.AF_UNIX)) as one:
        inode = os.fstat(one.fileno()).st_ino
        assert inode in (proc.socket_inodes(os.getpid()) or ())
        assert proc.owners({inode}) == {inode: os.getpid()}
    assert proc.owners({inode}) == {}


def test_of_one_that_ended() -> None:
    child = subprocess.Popen(["true"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert proc.state(child.pid) == "Z"
    assert proc.started_ticks(child.pid) is None
    assert proc.arguments(child.pid) == []
    child.communicate()


def test_of_nobody() -> None:
    readers: list[Callable[[int], object]] = [
        *(proc.comm, proc.state, proc.parent, proc.uid, proc.started_ticks, proc.namespace_depth),
        *(proc.socket_inodes, proc.executable, lambda pid: proc.namespace(pid, "net")),
    ]
    assert [read(NOBODY) for read in readers] == [None] * len(readers)
    assert proc.arguments(NOBODY) == list(proc.descriptors(NOBODY)) == []
    assert proc.ancestors(NOBODY) == {NOBODY}
    assert proc.mapped("no such library") is None
    assert proc.network_inodes(NOBODY, "tcp", 9) == set()
