"""The other side of child.py: what a process of our own does first, and how it reports what it learns."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
from typing import Any

from gpgdoctor.system.deadline import stretched

MEMORY_BYTES = 1 << 30
CPU_S = 10
AS_ANOTHER = "GPGDOCTOR_AS_ANOTHER"  # in the environment: root started this process as this user
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38


class Parent:
    """The process that started us: it gives orders and gets answers. Any thread may send one."""

    def __init__(self) -> None:
        """Called first: limits this process, and what it will start, to what a look needs."""
        pipe, limit_s = int(sys.argv[1]), float(sys.argv[2])
        # Works also during a call that never returns, and without a parent to kill us.
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        os.umask(0o077)
        for kind, most in (
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_CPU, int(stretched(CPU_S))),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),  # nothing is to be written
        ):
            _limit(kind, most)
        if os.environ.pop(AS_ANOTHER, None):
            os.environ.pop("PYTHONPATH", None)  # meant for us, not for what we start
            _forbid_new_privileges()
        self._out = os.fdopen(pipe, "wb", buffering=0)
        os.set_inheritable(pipe, False)
        self._lock = threading.Lock()

    def tell(self, **fact: Any) -> None:
        line = json.dumps(fact).encode() + b"\n"
        with self._lock:
            while line:
                line = line[self._out.write(line) or 0 :]

    def next_order(self) -> dict[str, Any]:
        """Wait for the next order; empty at the end."""
        order: dict[str, Any] = json.loads(sys.stdin.readline() or "{}")
        return order


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (least, least))


def _forbid_new_privileges() -> None:
    """Let nothing that we start gain privileges by set-uid, and forbid the user's programs to trace us.

    The second is not a guarantee: it comes only now, and what we start can be traced.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    library = ctypes.CDLL(None)
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
