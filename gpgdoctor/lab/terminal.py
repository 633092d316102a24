"""A shell in a lab, at the terminal that we have ourselves."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gpgdoctor.lab.lab import Lab

READ_BYTES = 4096
LOOK_INTERVAL_S = 0.2
WINDOW_SIZE = bytes(8)  # struct winsize


def run_shell(lab: Lab) -> None:
    """Run a shell in the lab on a pseudo-terminal that is joined to ours, until it ends."""
    ours, theirs = pty.openpty()
    try:
        _copy_window_size(ours)
        environment = {"TERM": os.environ.get("TERM", "dumb"), "PS1": r"lab:\w\$ "}
        shell = ["sh", "-c", "command -v bash >/dev/null && exec bash --norc || exec sh"]
        process = lab.popen_on_terminal(shell, theirs, env=environment)
    finally:
        os.close(theirs)
    with _window_size_followed(ours):
        join(ours, lambda: process.returncode is None)
    os.close(ours)


def join(theirs: int, goes_on: Callable[[], bool]) -> None:
    """Pass on what is typed here and said there, until either side ends or ``goes_on`` says no."""
    with _raw_terminal():
        while goes_on() and _pass_on(theirs):
            pass


def _pass_on(ours: int) -> bool:
    """Pass on what either side said; False once their side is closed."""
    typing = sys.stdin.fileno()
    ready, _, _ = select.select([ours, typing], [], [], LOOK_INTERVAL_S)
    if ours in ready:
        try:
            said = os.read(ours, READ_BYTES)
        except OSError:  # EIO: nobody has the other side any more
            return False
        _write_all(sys.stdout.fileno(), said)
    if typing in ready:
        typed = os.read(typing, READ_BYTES)
        if not typed:
            return False
        _write_all(ours, typed)
    return True


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Every key goes to the shell, Ctrl-C too."""
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin, termios.TCSADRAIN)  # keeps what is typed ahead
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _window_size_followed(ours: int) -> Iterator[None]:
    def follow(_number: int, _frame: FrameType | None) -> None:
        _copy_window_size(ours)

    before = signal.signal(signal.SIGWINCH, follow)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _copy_window_size(ours: int) -> None:
    fcntl.ioctl(ours, termios.TIOCSWINSZ, fcntl.ioctl(sys.stdout, termios.TIOCGWINSZ, WINDOW_SIZE))
