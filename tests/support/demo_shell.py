"""`gpgdoctor demo --shell`, typed into."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time

SHELL_DEADLINE_S = 30.0
READ_BYTES = 4096


class Shell:
    """`gpgdoctor demo --shell` on a terminal of its own."""

    def __init__(self, name: str, deadline_s: float = SHELL_DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execv(sys.executable, [sys.executable, "-m", "gpgdoctor", "demo", "--shell", name])
        self._heard = ""

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._terminal)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def expect(self, pattern: str) -> None:
        deadline = time.monotonic() + self._deadline_s
        while not (match := re.search(pattern, self._heard, re.DOTALL)):
            assert select.select([self._terminal], [], [], deadline - time.monotonic())[0], self._heard
            self._heard += os.read(self._terminal, READ_BYTES).decode()
        self._heard = self._heard[match.end() :]

    def code(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
