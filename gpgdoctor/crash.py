"""Ends a run without a result: one line and an exit code; for a defect, also a file for a bug report."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

from gpgdoctor import __version__
from gpgdoctor.dependencies import PackagesMissing, explained, missing
from gpgdoctor.system.caller import UnknownCaller
from gpgdoctor.system.shortage import shortage

DEFECT, UNWRITTEN, USAGE, LACKING = 70, 1, 2, 3
NAGIOS_UNKNOWN = 3
LINE_LENGTH = 4000
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def report(error: BaseException, arguments: list[str]) -> int:
    """Write the details to a private file, name it on stderr, and return the exit code.

    A full disk is no defect.
    """
    if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
        _say(f"gpgdoctor: the result could not be written: {error.strerror}\n")
        return UNWRITTEN
    wanted = wanted_format(arguments)
    if isinstance(error, UnknownCaller):
        from gpgdoctor.system.escape import printable

        _say(f"gpgdoctor: {printable(str(error), LINE_LENGTH)}\n")
        return NAGIOS_UNKNOWN if wanted == "nagios" else USAGE
    lacking = _missing(error) or shortage(error)
    why = lacking or _defect(error)
    _say(f"gpgdoctor: {why}\n")
    if wanted == "json":
        from gpgdoctor.report.json import defect, dump

        print(dump(defect(why)))
    if wanted == "nagios":
        return NAGIOS_UNKNOWN
    return LACKING if lacking else DEFECT


def _missing(error: BaseException) -> str | None:
    """The missing package, if that is the whole reason."""
    if isinstance(error, PackagesMissing):
        return str(error)
    if not isinstance(error, ModuleNotFoundError) or (error.name or "").partition(".")[0] in ("", "gpgdoctor"):
        return None
    return explained(missing() or [str(error.name)])


def _defect(error: BaseException) -> str:
    path = _write_details(error)
    where = f"details in {path}" if path else "its details could not be written"
    return f"a defect of gpgdoctor itself ({type(error).__name__}); {where}"


def _say(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(line)


def wanted_format(arguments: list[str]) -> str:
    """What --json and --format ask for, on a command line that nobody has parsed."""
    if "--json" in arguments:
        return "json"
    if arguments[:3] == ["hook", "run", "nagios"]:
        return "nagios"
    for number, argument in enumerate(arguments):
        if argument.startswith("--format="):
            return argument.partition("=")[2]
        if argument == "--format" and number + 1 < len(arguments):
            return arguments[number + 1]
    return "text"


def _write_details(error: BaseException) -> str | None:
    import tempfile
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    text = f"gpgdoctor {__version__}\nPython {sys.version}\n\n{''.join(lines)}"
    try:
        descriptor, path = tempfile.mkstemp(prefix="gpgdoctor-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return None
    return path
