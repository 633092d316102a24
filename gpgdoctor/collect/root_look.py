"""Looks as root for a program that has given up root: a child that stays root looks when asked, and only looks."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.lines import LineReader

if TYPE_CHECKING:
    from gpgdoctor.facts import Facts

LIMIT_BYTES = 64 << 20  # of one look
GRACE_S = 3.0  # beyond the deadline of the look itself
_ASKED = b"\n"
current: RootLook | None = None  # of this process, once it has given up root


class NoLook(Exception):
    """Root could not look; the message says why."""


class RootLook:
    """Started by root before it becomes the user for whom it runs. Ends when its parent does."""

    def __init__(self, timeout_s: float, homedir: str | None) -> None:
        self._timeout_s = timeout_s
        self._ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._ours.close()
                _serve(theirs, timeout_s, homedir)
            finally:
                os._exit(0)
        theirs.close()

    def facts(self) -> Facts:
        """The machine as it is now. Raises NoLook."""
        from gpgdoctor.snapshot import BadSnapshot, decode

        try:
            self._ours.sendall(_ASKED)
            answer = LineReader(self._ours.fileno(), LIMIT_BYTES).line(Deadline(self._timeout_s + GRACE_S))
            return decode(json.loads(answer or b""))
        except (OSError, ValueError, BadSnapshot) as error:
            raise NoLook(f"root's look failed: {error}") from error


def start(timeout_s: float, homedir: str | None = None) -> None:
    """Start it for the rest of this process, which is about to give up root."""
    global current
    with suppress(OSError):  # no more processes: what the user sees must do
        current = RootLook(timeout_s, homedir)


def _serve(asked: socket.socket, timeout_s: float, homedir: str | None) -> None:
    """One look for each byte that arrives; what the byte is does not matter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the parent; we end when it does
    while asked.recv(1):
        from gpgdoctor.collect.machine import Look, LookOptions
        from gpgdoctor.snapshot import encode

        facts = Look(LookOptions(homedir=homedir, timeout_s=timeout_s)).facts()
        asked.sendall(json.dumps(encode(facts)).encode("ascii") + b"\n")
