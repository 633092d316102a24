"""What the limits of a process do not leave it: no defect, and nothing that a bug report could help with."""

from __future__ import annotations

import errno

NO_THREAD = "can't start new thread"  # Python's own words (Modules/_threadmodule.c), which has no code for it


def shortage(error: BaseException) -> str | None:
    """What there was too little of, where that is why something failed; else None."""
    if isinstance(error, MemoryError):
        return "there is too little memory to run in"
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return f"it could not open what it needs: {error.strerror} (ulimit -n)"
    if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        return "it could not start what it needs: too many processes (ulimit -u)"
    return None
