"""`gpgdoctor hook run`: always one answer to the host, in time; nothing on stderr, no questions."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import NoReturn

from gpgdoctor.hooks.failure import UNKNOWN, Answer, failed
from gpgdoctor.hooks.targets import Target
from gpgdoctor.system.nowhere import lead_nowhere
from gpgdoctor.system.shortage import shortage

NOT_WRITTEN = 1
DEADLINE_S = 27.0  # of the 30 that are promised


def serve(target: Target, *, all_users: bool) -> int:
    """Look, answer on stdout, and return the code that the host wants."""
    output = _Output()
    watch = threading.Timer(DEADLINE_S, _give_up, (target, output))
    watch.daemon = True
    try:
        watch.start()
        answer = _look(target, all_users)
    except Exception as error:  # noqa: BLE001 - the host gets an answer, and no traceback with private data in it
        answer = failed(target, shortage(error) or f"a defect of gpgdoctor ({_where(error)})")
    watch.cancel()
    try:
        output.write(answer.output)
    except BrokenPipeError:
        return 0
    except OSError:
        return UNKNOWN if target.form == "nagios" else NOT_WRITTEN
    return answer.code


def _look(target: Target, all_users: bool) -> Answer:
    from gpgdoctor.hooks import answer
    from gpgdoctor.hooks.survey import survey

    started = time.monotonic()
    return answer.answer(target, survey(all_users), time.monotonic() - started)


class _Output:
    """stdout, written once. stdin and stderr are closed off: a host gets no question and no noise."""

    def __init__(self) -> None:
        self._once = threading.Lock()
        lead_nowhere(0, 2)

    def write(self, text: str) -> None:
        """Write all of it; if something was written already, wait for the process to end."""
        self._once.acquire()
        rest = text.encode("ascii")
        while rest:
            rest = rest[os.write(1, rest) :]


def _give_up(target: Target, output: _Output) -> NoReturn:
    """For a call that does not return: say so, and end the process at once."""
    answer = failed(target, f"it took longer than {DEADLINE_S:.0f} s")
    try:
        output.write(answer.output)
    finally:
        os._exit(answer.code)


def _where(error: Exception) -> str:
    """Kind and place of an error, without its message, which may name anything."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "gpgdoctor" in frame.filename]
    place = f" in {os.path.basename(ours[-1].filename)}, line {ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{place}, Python {sys.version_info.major}.{sys.version_info.minor}"
