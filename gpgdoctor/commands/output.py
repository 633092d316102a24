"""Where a command's result goes: stdout, with what its encoding does not have as escapes; complaints go to stderr."""

from __future__ import annotations

import os
import sys


def written(text: str) -> bool:
    """Print the result; a reader who has gone (``| head``) has seen enough, a full disk has not."""
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
    """One line, whatever the message holds."""
    from gpgdoctor.system.escape import printable

    print(f"gpgdoctor: {printable(message, 1000)}", file=sys.stderr)
