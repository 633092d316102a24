"""Prints a command's result to stdout, with escapes for what its encoding lacks, and complaints to stderr."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def written(text: str) -> bool:
    """Print the result; False on errors such as a full disk. A reader that is gone (``| head``) is no error."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:
        return True
    except OSError as error:
        complain(f"the result could not be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        return False
    return True


def complain(message: str) -> None:
    """Print the message on one line, escaped; where stderr takes none, the exit code must do."""
    from gpgdoctor.system.escape import printable

    with suppress(OSError):
        print(f"gpgdoctor: {printable(message, 1000)}", file=sys.stderr, flush=True)
