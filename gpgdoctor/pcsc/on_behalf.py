"""A connection to pcscd that polkit takes for another user's: the answer to root would say nothing about that user.

pcscd asks polkit about the process that connected, before it answers the first question (src/winscard_svc.c,
ContextThread; src/auth.c). So a child becomes the user, connects, hands the connection over, and lives until then.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gpgdoctor.system.caller import RunAs

FAILED = b"-"


@contextmanager
def connected_as(run_as: RunAs, path: str, timeout_s: float) -> Iterator[socket.socket]:
    """The connection, which lasts; leave the context once pcscd has answered. Raises OSError."""
    user = run_as.user
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            _be(user.pw_uid, user.pw_gid, groups)
            _serve(theirs, path, timeout_s)
        finally:
            os._exit(0)
    theirs.close()
    try:
        ours.settimeout(timeout_s)
        yield _handed_over(ours)
    finally:
        ours.close()
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _be(uid: int, gid: int, groups: list[int]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for our parent; we end when it does
        signal.signal(number, signal.SIG_IGN)
    os.setgroups(groups)
    os.setgid(gid)
    os.setuid(uid)


def _serve(theirs: socket.socket, path: str, timeout_s: float) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
        except OSError as error:
            theirs.sendall(FAILED + str(error.errno or 0).encode())
            return
        socket.send_fds(theirs, [b"+"], [connection.fileno()])
    theirs.recv(1)  # until our parent has its answer


def _handed_over(ours: socket.socket) -> socket.socket:
    said, descriptors, _, _ = socket.recv_fds(ours, 16, 1)
    if not descriptors:
        number = int(said[1:] or 0) if said.startswith(FAILED) and said[1:].isdigit() else 0
        raise OSError(number, os.strerror(number) if number else "the process that was to connect ended")
    os.set_inheritable(descriptors[0], False)
    return socket.socket(fileno=descriptors[0])
