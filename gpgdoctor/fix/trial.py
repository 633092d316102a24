"""Tries the planned options with a scdaemon of our own, before anything is written."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress

from gpgdoctor.fix.private_scdaemon import STILL_WAITS, Reading, read_card
from gpgdoctor.scdaemon_conf.lines import SPACES, encoded
from gpgdoctor.scdaemon_conf.options import OptionTable
from gpgdoctor.scdaemon_conf.reading import parse
from gpgdoctor.system.child import CommandFailed, run
from gpgdoctor.system.deadline import Deadline

TRIAL_DEADLINE_S = 10.0
CLEAN_UP_DEADLINE_S = 5.0
# A trial writes only into its own home, and waits for no debugger.
LEFT_OUT = ("log-file", "debug", "verbose", "quiet")


class TrialFailed(Exception):
    """The options do not help here; the message says what scdaemon said."""


def try_out(scdaemon: str, content: bytes, table: OptionTable) -> None:
    """Returns where a scdaemon with this configuration reads the card; raises TrialFailed."""
    try:
        home = tempfile.mkdtemp(prefix="gpgdoctor-trial-")
    except OSError as error:
        raise TrialFailed(f"no temporary directory for a trial: {error.strerror}") from error
    try:
        reading = _try_in(home, scdaemon, content, table)
    except OSError as error:
        raise TrialFailed(f"the trial could not be made: {error.strerror}") from error
    finally:
        _clean_up(home)
    _judge(reading)


def _try_in(home: str, scdaemon: str, content: bytes, table: OptionTable) -> Reading:
    with open(os.path.join(home, "scdaemon.conf"), "xb") as file:
        file.write(without_logging(content, table))
    return read_card(scdaemon, home, Deadline(TRIAL_DEADLINE_S))


def without_logging(content: bytes, table: OptionTable) -> bytes:
    """The file without the lines that would have the trial write a log."""
    kept = []
    for line in parse(content, table):
        word = (line.option or line.word or encoded(line.raw).strip(SPACES).decode(errors="replace")).split(" ")[0]
        if not word.lstrip("\ufeff").startswith(LEFT_OUT):
            kept.append(line.content)
    return b"".join(kept)


def _judge(reading: Reading) -> None:
    if reading.answer is not None and reading.answer.ok:
        return
    if reading.answer is None:
        said = f"scdaemon gave no answer within {TRIAL_DEADLINE_S:.0f} s"
    else:
        said = f"scdaemon says {reading.answer.text or reading.answer.code}"
    log = f" ({reading.complaint})" if reading.complaint else ""
    left = STILL_WAITS if reading.still_runs else ""
    raise TrialFailed(f"with the planned options {said}{log}{left}")


def _clean_up(home: str) -> None:
    with suppress(CommandFailed):
        run(["gpgconf", "--homedir", home, "--remove-socketdir"], Deadline(CLEAN_UP_DEADLINE_S))
    shutil.rmtree(home, ignore_errors=True)
