"""The program that is traced."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import pytest

from gpgdoctor.instruments.trace.program import Program


@pytest.mark.usefixtures("hangup_counts")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_while_the_program_is_started_is_passed_on(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def started_and_signalled(*arguments: Any, **options: Any) -> Any:
        process = start(*arguments, **options)
        os.kill(os.getpid(), number)  # it runs, and nobody has got hold of it yet
        return process

    monkeypatch.setattr(subprocess, "Popen", started_and_signalled)
    program = Program(["sleep", "100"], {}, None)
    try:
        end = time.monotonic() + 30
        while not program.is_over() and time.monotonic() < end:
            time.sleep(0.01)
        assert program.is_over()
        assert program.code == 128 + number
    finally:
        program.restore_signals()
