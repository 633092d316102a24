"""Lets go of a card that pcscd gives to a program that is gone.

An exclusive SCardConnect waits in pcscd for the end of a transaction, without limit. If the program has ended by
then, pcscd connects nobody, notices that, and resets the card (pcsc-lite 2.5.1, src/winscard_svc.c,
MSGCleanupClient). So a small process stays connected, takes the card, leaves it at once as it is, and ends.

Run as a program: python -m gpgdoctor.instruments.trace.leaving DESCRIPTOR
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress

from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.names import SUCCESS
from gpgdoctor.pcsc.wire import Command
from gpgdoctor.system.child import with_source

PATIENCE_S = 3600.0
LEAVE_CARD = 0


def leave_when_answered(server: socket.socket) -> int:
    """Start it for a connection to pcscd whose question is not answered; returns its pid, 0 where it did not start."""
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(server.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": with_source(), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            pass_fds=[server.fileno()],
            start_new_session=True,
        )
    except OSError:
        return 0
    process.returncode = 0  # nobody waits for it
    return process.pid


def leave(server: socket.socket) -> None:
    """Wait for the answer, and disconnect where it is a card."""
    connect, disconnect = wire.LAYOUTS[Command.CONNECT], wire.LAYOUTS[Command.DISCONNECT]
    server.settimeout(PATIENCE_S)
    answer = connect.decode(_exactly(server, connect.size))
    if answer["rv"] == SUCCESS:
        server.sendall(wire.request(Command.DISCONNECT, hCard=answer["hCard"], dwDisposition=LEAVE_CARD))
        _exactly(server, disconnect.size)


def _exactly(server: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = server.recv(size - len(received))
        if not chunk:
            raise ConnectionResetError("pcscd ended the connection")
        received += chunk
    return received


def main() -> None:
    with suppress(OSError), socket.socket(fileno=int(sys.argv[1])) as server:
        leave(server)


if __name__ == "__main__":
    main()
