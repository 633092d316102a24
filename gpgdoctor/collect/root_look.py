"""Root's eyes for a program that has given root up: a child that stays root looks when it is asked, and only looks."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from gpgdoctor.system.deadline import stretched

if TYPE_CHECKING:
    from gpgdoctor.facts import Facts

LIMIT_BYTES = 64 << 20
GRACE_S = 3.0  # beyond the deadline of the look itself
_ASKED = b"\n"
lent: RootLook | None = None  # to a program that has given root up


class NoLook(Exception):
    """Root could not look; the message says why."""


class RootLook:
    """Started by root before it becomes the user on whose behalf it runs. Ends when its parent closes it, or ends."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._ours.close()
                _serve(theirs, timeout_s)
            finally:
                os._exit(0)
        theirs.close()
        self._ours.settimeout(stretched(timeout_s + GRACE_S))

    def facts(self) -> Facts:
        """The machine as it is now. Raises NoLook."""
        from gpgdoctor.snapshot import BadSnapshot, decode

        try:
            self._ours.sendall(_ASKED)
            return decode(json.loads(self._answer()))
        except (OSError, ValueError, BadSnapshot) as error:
            raise NoLook(f"root's look failed: {error}") from error

    def _answer(self) -> bytes:
        pieces, size = [], 0
        while size < LIMIT_BYTES:
            piece = self._ours.recv(1 << 20)
            pieces.append(piece)
            size += len(piece)
            if not piece or piece.endswith(b"\n"):
                break
        return b"".join(pieces)


def lend(timeout_s: float) -> None:
    """For the rest of this process, which is about to give root up. The child ends when its parent does."""
    global lent
    lent = RootLook(timeout_s)


def _serve(asked: socket.socket, timeout_s: float) -> None:
    """Nothing of what is sent is read but that something is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which is for the parent, whose end ends us
    while asked.recv(1):
        from gpgdoctor.collect.machine import Look, Wishes
        from gpgdoctor.snapshot import encode

        facts = Look(Wishes(timeout_s=timeout_s)).facts()
        asked.sendall(json.dumps(encode(facts)).encode("ascii") + b"\n")
