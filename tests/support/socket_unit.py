"""Stands in for a systemd socket unit of gpg-agent: `socket_unit.py SOCKET`.

It listens, and at the first connection starts a supervised gpg-agent with its socket, as sd_listen_fds(3) has it.
When the agent ends, it listens on. Every start is a line on stdout.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import sys

PR_SET_NAME = 15
FIRST_DESCRIPTOR = 3


def main() -> None:
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"systemd", 0, 0, 0)
    os.makedirs(os.path.dirname(sys.argv[1]), mode=0o700, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen()
    print("listening", flush=True)
    while True:
        select.select([listening], [], [])
        print("starting", flush=True)
        child = os.fork()
        if child == 0:
            os.dup2(listening.fileno(), FIRST_DESCRIPTOR)
            os.set_inheritable(FIRST_DESCRIPTOR, True)  # dup2 does not, where it is the same one
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="std")
            os.execvp("gpg-agent", ["gpg-agent", "--supervised"])
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
