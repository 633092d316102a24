"""A scdaemon of our own, with the user's options, that serves nobody else: it looks for a card, and ends.

It speaks on its standard streams, and is asked and watched between two rounds of the proxy.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress

from gpgdoctor.system.assuan import Answer, answer_in

ANSWER_DEADLINE_S = 10.0
LEAVE_S = 1.0
REPLY_LIMIT_BYTES = 1 << 16
LOG_LIMIT_BYTES = 1 << 20


class OwnScdaemon:
    """Started at once; raises OSError where it cannot be."""

    def __init__(self, program: str, homedir: str, environment: Mapping[str, str]) -> None:
        self.answer: Answer | None = None
        """What it said to SERIALNO; None: nothing in time."""
        self.still_runs = False
        self._said = b""
        self._asked_to_leave = 0
        self._deadline_s = time.monotonic() + ANSWER_DEADLINE_S
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - until close()
        self._process = subprocess.Popen(
            [program, "--server", "--homedir", homedir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **environment, "LC_ALL": "C", "LANGUAGE": ""},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; it ends when we close its input
        )
        assert self._process.stdin and self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)
        with suppress(OSError):
            self._process.stdin.write(b"SERIALNO\n")
            self._process.stdin.flush()

    def is_over(self) -> bool:
        """Whether it has answered or timed out, and has ended or did not end when asked."""
        if self._process.poll() is not None:
            self._read()
            return True
        if not self._asked_to_leave:
            self._read()
            if self.answer is not None or time.monotonic() > self._deadline_s:
                self.leave()
            return False
        return self._has_not_left()

    def _read(self) -> None:
        assert self._process.stdout
        with suppress(BlockingIOError, OSError):
            while len(self._said) < REPLY_LIMIT_BYTES and (chunk := os.read(self._process.stdout.fileno(), 4096)):
                self._said += chunk
        lines = self._said.decode(errors="replace").split("\n")[:-1]
        self.answer = answer_in(lines[1:])  # after the greeting

    def leave(self) -> None:
        """Close its input: that ends it, and it lets go of the card in order."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        self._asked_to_leave = 1
        self._deadline_s = time.monotonic() + LEAVE_S

    def _has_not_left(self) -> bool:
        """Whether to give it up. SIGKILL would leave the card to whatever state it is in."""
        if time.monotonic() <= self._deadline_s:
            return False
        if self._asked_to_leave > 1:
            self.still_runs = True
            return True
        self._process.send_signal(signal.SIGINT)
        self._asked_to_leave = 2
        self._deadline_s = time.monotonic() + LEAVE_S
        return False

    @property
    def complaint(self) -> str | None:
        """The last thing that it said of itself, where it said something; before ``close``."""
        self._log.seek(0)
        lines = self._log.read(LOG_LIMIT_BYTES).decode(errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else None

    def close(self) -> None:
        """Let go of its streams; it ends by itself once its connection to pcscd does."""
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
