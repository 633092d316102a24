"""A scdaemon of our own, which talks on its standard streams and serves nobody else (scdaemon --server)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from gpgdoctor.system.assuan import Answer, answer_in
from gpgdoctor.system.deadline import Deadline, stretched
from gpgdoctor.system.lines import LineReader, TooMuch
from gpgdoctor.system.record import Record

LEAVE_S = 1.0
STILL_WAITS = "; the scdaemon that was asked still waits for the card, and ends by itself"
REPLY_LIMIT_BYTES = 1 << 16
LOG_LIMIT_BYTES = 1 << 20
# "scdaemon[123] DBG: ..." or "2026-01-01 10:00:00 scdaemon[123] ..."
LOG_PREFIX = re.compile(r"^.*?scdaemon\[\d+\]:? ")


class Reading(Record):
    """scdaemon's answer to SERIALNO, and the last line of its log."""

    answer: Answer | None  # None: none in time
    complaint: str | None
    still_runs: bool  # it did not end when it was asked to


def read_card(scdaemon: str, homedir: str, deadline: Deadline) -> Reading:
    """Have a scdaemon with that home look for a card; raises OSError where it cannot be started."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [scdaemon, "--server", "--homedir", homedir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "LC_ALL": "C", "LANGUAGE": ""},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; scdaemon ends when we close its input
        )
        answer = None
        try:
            answer = _ask(process, deadline)
        finally:
            ended = _end(process)
        return Reading(answer=answer, complaint=_last_line(log), still_runs=not ended)


def _ask(process: subprocess.Popen[bytes], deadline: Deadline) -> Answer | None:
    assert process.stdin and process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write(b"SERIALNO\n")
        process.stdin.flush()
    lines = _lines(process.stdout, deadline)
    with suppress(OSError, TooMuch):
        next(lines, "")  # the greeting
        return answer_in(lines)
    return None


def _lines(stream: IO[bytes], deadline: Deadline) -> Iterator[str]:
    """Lines as they come, until the deadline or the end."""
    reader = LineReader(stream.fileno(), REPLY_LIMIT_BYTES)
    while (line := reader.line(deadline)) is not None:
        yield line.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> bool:
    """Close its input; if that is not enough, send SIGINT. SIGKILL could leave the card in any state."""
    assert process.stdin and process.stdout
    with suppress(OSError):
        process.stdin.close()
    for number in (signal.SIGINT, None):
        try:
            process.wait(stretched(LEAVE_S))
            process.stdout.close()
            return True
        except subprocess.TimeoutExpired:
            if number is not None:
                process.send_signal(number)
    process.stdout.close()
    return False


def _last_line(log: IO[bytes]) -> str | None:
    log.seek(0)
    lines = log.read(LOG_LIMIT_BYTES).decode(errors="replace").splitlines()
    texts = [LOG_PREFIX.sub("", line) for line in lines if line.strip()]
    failures = [text for text in texts if "failed" in text or "error" in text.lower()]
    return (failures or texts or [None])[-1]  # type: ignore[list-item]
