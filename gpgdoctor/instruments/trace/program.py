"""The traced program: starts it, watches it, and has its result."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

FORWARDED = (signal.SIGTERM, signal.SIGHUP)
AFTER_A_SIGNAL = 128  # as shells have it
SANDBOXES = ("flatpak", "snap", "bwrap", "firejail")
THROUGH_AN_AGENT = ("gpg", "gpg2", "gpgsm", "git", "ssh", "ssh-add", "scp", "sftp", "pass", "gopass", "sq")


class NotStarted(Exception):
    """The program cannot be started; the message says why."""


class Program:
    """Started at once, with our streams; raises NotStarted. While it is entered, signals are the program's."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], stdout: int | None) -> None:
        """``stdout`` is where its output goes; None leaves it ours."""
        self._interrupts = 0
        self._before: dict[int, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []  # signals that came while it was being started
        try:
            # A handler is forgotten by the program that is started, which has Ctrl-C as ever.
            for number in (signal.SIGINT, *FORWARDED):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
            self._process = subprocess.Popen(list(argv), env={**os.environ, **environment}, stdout=stdout)
        except (OSError, ValueError) as error:
            self.restore_signals()
            why = error.strerror if isinstance(error, OSError) else error
            raise NotStarted(f"{argv[0]} cannot be started: {why}") from error
        for early in self._early:
            self._pass_on(early)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self._interrupts += 1
            # On a terminal whose foreground we share, the program has been interrupted itself.
            if self._interrupts == 1 and _is_in_foreground():
                return
        if self._process is None:
            self._early.append(number)
        else:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if self._process is not None:
            with suppress(OSError):
                self._process.send_signal(number)

    def is_over(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def code(self) -> int:
        """Its exit code, as a shell would have it; of a program that is over."""
        code = self._process.returncode if self._process else 0
        return AFTER_A_SIGNAL - code if code < 0 else code

    def restore_signals(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()


def _is_in_foreground() -> bool:
    try:
        with open("/dev/tty", "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def asks_an_agent(argv: Sequence[str]) -> bool:
    """Whether a program reaches cards through gpg-agent, as far as its name tells."""
    return os.path.basename(argv[0]) in THROUGH_AN_AGENT


def why_nothing_came(argv: Sequence[str], *, agent_runs: bool) -> list[str]:
    """Why no call came from a program that ran: what is known first, then what it may be."""
    name = os.path.basename(argv[0])
    path = shutil.which(argv[0]) or ""
    reasons = []
    if _is_privileged(path):
        reasons.append(f"{name} is set-uid, and libpcsclite 2.1 and later then ignores PCSCLITE_CSOCK_NAME")
    if name in SANDBOXES or path.startswith(("/snap/", "/var/lib/flatpak/")):
        reasons.append(f"{name} runs in a sandbox, which does not see the socket of the trace")
    if agent_runs and asks_an_agent(argv):
        reasons.append("a gpg-agent runs already, and it is its scdaemon that talks to pcscd")
    if reasons:
        return reasons
    return [
        "it asks another program that runs already (gpg-agent, ssh-agent, a browser): trace --gpg starts them anew",
        "it is set-uid or runs as another user, in a flatpak or a snap, or has pcscd's path built in",
        "it speaks to the device without PC/SC (USB, FIDO), or did not come so far",
    ]


def _is_privileged(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID))
    except (OSError, ValueError):
        return False


def stdout_for(is_to_stdout: bool) -> int | None:
    """The program's output goes to stderr where stdout carries the trace."""
    return sys.stderr.fileno() if is_to_stdout else None
