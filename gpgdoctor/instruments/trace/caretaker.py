"""Removes the gpg-agent and the home of copies of a trace that was killed.

It is a process of its own, since nothing else survives SIGKILL: gpgconf starts the agent as a daemon, which would
outlive us. It waits at the end of a pipe: a byte means that everything is removed already, the end that we died.

Run as a program: python -m gpgdoctor.instruments.trace.caretaker HOME, with the pipe as stdin.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

from gpgdoctor.system.child import with_source


class Caretaker:
    """Begins to wait; where it cannot be started, there is none."""

    def __init__(self, home: str) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, home],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": with_source(), "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us
            )

    def dismiss(self) -> None:
        """All is taken down; may be called twice."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.write(b"\n")
                process.stdin.close()
            process.wait()


def main() -> None:
    if not os.read(0, 1):
        from gpgdoctor.instruments.trace.gpg_home import take_down

        take_down(sys.argv[1])


if __name__ == "__main__":
    main()
