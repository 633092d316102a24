"""A busy machine: `crowd.py PROCESSES SOCKETS` idles as that many processes with that many Unix sockets."""

from __future__ import annotations

import os
import signal
import socket
import sys


def main() -> None:
    processes, sockets = int(sys.argv[1]), int(sys.argv[2])
    pairs = sockets // processes // 2
    for _ in range(processes):
        if os.fork() == 0:
            idle = [socket.socketpair() for _ in range(pairs)]
            signal.pause()
            del idle
    print("here", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
