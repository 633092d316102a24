"""Private directories for what a trace needs while it lasts: the socket, a home of copies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress

# What sockaddr_un holds, less the NUL; libpcsclite cuts a longer name silently (src/winscard_msg.c).
PATH_LIMIT_BYTES = 107
SOCKET_DIRECTORY = "gpgdoctor-trace-"
SOCKET_NAME = "pcscd.comm"


class NoPlace(Exception):
    """There is no directory for a socket; the message says why."""


def private_directory(prefix: str, longest_name: str) -> str:
    """A new directory, mine alone, in which a socket of that name has a path that is short enough; raises NoPlace."""
    problem = "no directory for temporary files can be written to"
    for place in dict.fromkeys(_places()):
        try:
            path = tempfile.mkdtemp(prefix=prefix, dir=place)
        except OSError as error:
            problem = f"{place}: {error.strerror}"
            continue
        if len(os.fsencode(os.path.join(path, longest_name))) <= PATH_LIMIT_BYTES:
            return path
        os.rmdir(path)
        problem = f"{place}: the path is too long for a socket"
    raise NoPlace(problem)


def _places() -> Iterator[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    with suppress(OSError):
        if os.path.isabs(runtime) and os.stat(runtime).st_uid == os.geteuid():
            yield runtime
    yield tempfile.gettempdir()
    yield "/tmp"
