"""The child that looks for one user, with nothing but that user's rights: see borrowed.py, which starts it."""

from __future__ import annotations

import os
import resource
import signal
import sys

PR_SET_NO_NEW_PRIVS = 38
CPU_S = 10


def main() -> None:
    """Bind our own hands, then look. Called with the seconds that the look may take."""
    _forbid_new_privileges()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # nothing is to be written, by us or by what we run
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    # The end, should whoever started us be gone by then.
    signal.alarm(int(float(sys.argv[1])) + 1)
    from gpgdoctor.collect import user

    user.main()


def _forbid_new_privileges() -> None:
    """Of what the user's configuration makes us run, nothing is set-uid."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
