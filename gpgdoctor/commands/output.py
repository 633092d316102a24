"""Prints a command's result to stdout, with escapes for what its encoding lacks, and complaints to stderr."""

from __future__ import annotations

import os
import sys


def written(text: str) -> bool:
    """Print the result; False on errors such as a full disk. A reader that is gone (``| head``) is no error."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:
        return True
    except OSError as error:
        print(f"gpgdoctor: the result could not be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        return False
    return True


def complain(message: str) -> None:
    """Print the message on one line, escaped."""
    from gpgdoctor.system.escape import printable

    print(f"gpgdoctor: {printable(message, 1000)}", file=sys.stderr)
