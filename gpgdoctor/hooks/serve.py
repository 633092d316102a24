"""`gpgdoctor hook run`: one answer to a host, in time, whatever happens; nothing on stderr, no question asked."""

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

NOT_WRITTEN = 1
DEADLINE_S = 27.0  # of the 30 that are promised


def serve(target: Target, *, all_users: bool) -> int:
    """Look, answer on stdout, and return the code that the host wants."""
    mouth = _Mouth()
    watch = threading.Timer(DEADLINE_S, _give_up, (target, mouth))
    watch.daemon = True
    watch.start()
    try:
        said = _look(target, all_users)
    except Exception as error:  # noqa: BLE001 - the host gets an answer, and no traceback with private things in it
        said = failed(target, f"a defect of gpgdoctor ({_where(error)})")
    watch.cancel()
    try:
        mouth.say(said.output)
    except BrokenPipeError:
        return 0
    except OSError:
        return UNKNOWN if target.form == "nagios" else NOT_WRITTEN
    return said.code


def _look(target: Target, all_users: bool) -> Answer:
    from gpgdoctor.hooks.answer import answer
    from gpgdoctor.hooks.survey import survey

    started = time.monotonic()
    return answer(target, survey(all_users), time.monotonic() - started)


class _Mouth:
    """stdout, used once; nobody reads what else would be said, and nobody is asked."""

    def __init__(self) -> None:
        self._once = threading.Lock()
        lead_nowhere(0, 2)

    def say(self, output: str) -> None:
        """Say it all, unless something was said already; then wait for the end that comes with it."""
        self._once.acquire()
        rest = output.encode("ascii")
        while rest:
            rest = rest[os.write(1, rest) :]


def _give_up(target: Target, mouth: _Mouth) -> NoReturn:
    """Where a call does not return: say so and end, with everything left as it is."""
    said = failed(target, f"it took longer than {DEADLINE_S:.0f} s")
    try:
        mouth.say(said.output)
    finally:
        os._exit(said.code)


def _where(error: Exception) -> str:
    """Kind and place of an error, without its message, which may name anything."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "gpgdoctor" in frame.filename]
    place = f" in {os.path.basename(ours[-1].filename)}, line {ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{place}, Python {sys.version_info.major}.{sys.version_info.minor}"
