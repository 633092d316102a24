"""The page of a watch, rewritten while it runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from gpgdoctor.commands.files import Unwritable, write_text
from gpgdoctor.commands.output import complain
from gpgdoctor.instruments.watch.timeline import Timeline

EVERY_S = 5.0
SHARE = 20  # at most 1/20 of the time is spent on writing: a slow page is written less often


class Page:
    """The page's path and content. A child writes it, so that no look is late."""

    def __init__(self, path: str, timeline: Callable[[], Timeline]) -> None:
        self._path, self._timeline = path, timeline
        self._due_s = self._began_s = 0.0
        self._child: int | None = None

    def refresh(self) -> None:
        """Write it, if it is time, and the last one is written."""
        now_s = time.monotonic()
        if not self._is_written(now_s) or now_s < self._due_s:
            return
        self._began_s = now_s
        try:
            self._child = os.fork()
        except OSError:  # no more processes: the last one, which needs none, must do
            self._due_s = now_s + EVERY_S
            return
        if self._child == 0:
            self._write_and_exit()

    def _write_and_exit(self) -> NoReturn:
        """Runs in the child, and never returns."""
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the watch
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            code = 0 if self._write(is_running=True, quiet=True) else 1
        finally:
            os._exit(code)

    def finish(self) -> bool:
        """Write the last version; returns False where that failed."""
        if self._child is not None:
            os.waitpid(self._child, 0)
            self._child = None
        if not self._write(is_running=False, quiet=False):
            return False
        print("gpgdoctor: the page is written", file=sys.stderr)
        return True

    def _is_written(self, now_s: float) -> bool:
        if self._child is None:
            return True
        if os.waitpid(self._child, os.WNOHANG) == (0, 0):
            return False
        self._child = None
        self._due_s = now_s + max(EVERY_S, SHARE * (now_s - self._began_s))
        return True

    def _write(self, *, is_running: bool, quiet: bool) -> bool:
        from gpgdoctor.instruments.watch.page import render

        try:
            write_text(self._path, render(self._timeline(), is_running=is_running))
        except Unwritable as error:
            if not quiet:  # the end says it, once
                complain(str(error))
            return False
        return True
