"""/proc as it is: of this process, of one that ended, and of nobody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
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
        with closing(socket.socket(socket.AF_INET)) as other:
            assert {inode} == (proc.unix_sockets(os.getpid()) or set()) & {inode, os.fstat(other.fileno()).st_ino}
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
        *(proc.socket_inodes, proc.unix_sockets, proc.executable, lambda pid: proc.namespace(pid, "net")),
    ]
    assert [read(NOBODY) for read in readers] == [None] * len(readers)
    assert proc.arguments(NOBODY) == list(proc.descriptors(NOBODY)) == []
    assert proc.ancestors(NOBODY) == {NOBODY}
    assert proc.mapped("no such library") is None


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/user.slice/user-1000.slice/session-2.scope\n", "session-2.scope"),
        ("0::/user.slice/user-120.slice/session-c1.scope\n", "session-c1.scope"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/gpg-agent.service\n", "user@1000.service"),
        ("12:cpu:/\n1:name=systemd:/user.slice/user-1000.slice/session-7.scope\n0::/\n", "session-7.scope"),
        ("0::/../../user.slice/user-1000.slice/session-2.scope\n", "session-2.scope"),
        ("0::/system.slice/cron.service\n", ""),
        ("0::/system.slice/session-2.scope.service\n", ""),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_the_session_that_a_process_is_in(cgroup: str, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "_read", lambda path, limit: cgroup.encode() if path.endswith("/cgroup") else None)
    assert proc.unit("self") == unit


@pytest.mark.parametrize(
    ("cgroup", "service"),
    [
        ("0::/system.slice/pcscd.service\n", "pcscd.service"),
        ("0::/system.slice/system-pcscd.slice/pcscd@1.service\n", "pcscd@1.service"),
        ("12:cpu:/\n1:name=systemd:/system.slice/pcscd.service\n", "pcscd.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/system.slice/pcscd.service\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/pcscd.service\n", None),
        ("0::/\n", None),
    ],
)
def test_the_service_that_a_process_is(cgroup: str, service: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "_read", lambda path, limit: cgroup.encode() if path.endswith("/cgroup") else None)
    assert proc.service(7) == service


def test_whose_rights_a_process_has() -> None:
    rights = proc.acts_as(os.getpid())
    assert rights is not None
    user, groups = rights
    assert user == os.geteuid()
    assert groups == {os.getegid(), *os.getgroups()}
    assert proc.acts_as(NOBODY) is None
    assert proc.unit(NOBODY) is None


def test_a_variable_and_the_start_of_a_process() -> None:
    before = time.time()
    with subprocess.Popen(["sleep", "60"], env={"ONE": "1", "TWO": "a=b"}) as child:
        try:
            # It is a copy of ours until it has become sleep.
            while proc.variable(child.pid, "TWO") != "a=b":
                time.sleep(0.01)
            assert proc.variable(child.pid, "THREE") is None
            started = proc.started(child.pid)
            assert started is not None and before - 0.1 <= started <= time.time() + 0.1
        finally:
            child.kill()
    assert proc.started(child.pid) is None


def test_descriptors_that_are_listed_and_not_told_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a process that has a capability which we lack."""

    def refuse(path: str) -> str:
        raise PermissionError(path)

    monkeypatch.setattr(os, "readlink", refuse)
    assert proc.socket_inodes(os.getpid()) is None
