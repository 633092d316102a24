"""A program that calls itself pcscd and listens where it would: `lying_pcscd.py LIE`."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time

PR_SET_NAME = 15
SOCKET = "/run/pcscd/pcscd.comm"


def hang(_: socket.socket) -> None:
    time.sleep(600)


def hang_up(_: socket.socket) -> None:
    pass


def flood(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"\x1b[31mno\xff\x00" * 4096)


def echo(connection: socket.socket) -> None:
    while received := connection.recv(4096):
        connection.sendall(received)


def trickle(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"\0")
        time.sleep(0.05)


def die(_: socket.socket) -> None:
    os.abort()


LIES = {"hangs": hang, "hangs up": hang_up, "floods": flood, "echoes": echo, "trickles": trickle, "dies": die}


def main() -> None:
    lie = LIES[sys.argv[1]]
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"pcscd", 0, 0, 0)
    os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        listening.listen(64)
        print("listening", flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                with connection:
                    lie(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main()
