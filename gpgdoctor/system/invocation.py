"""The command line of gpgdoctor as it must be typed on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

NAME = "gpgdoctor"
PHRASE = f"sudo {NAME} "  # as all texts write it
# Where sudo (secure_path on most systems) and hosts of hooks look for programs; pipx installs elsewhere.
SUDO_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def as_root(*, homedir: str | None = None) -> str:
    """The words before the name of a command, for a shell: sudo drops GNUPGHOME and has a search path of its own.

    ``homedir`` is the home that is named by an option, so that GNUPGHOME does not count.
    """
    home = "" if homedir else os.environ.get("GNUPGHOME", "")
    words = ["sudo", *([f"GNUPGHOME={shlex.quote(home)}"] if home else []), shlex.quote(_program())]
    return " ".join(words)


def as_typed(text: str) -> str:
    """The text, with commands for root as they must be typed here."""
    return text.replace(PHRASE, f"{as_root()} ") if PHRASE in text else text


def _program() -> str:
    called = running()
    found = shutil.which(NAME, path=SUDO_PATH)
    if called is None or (found and os.path.realpath(found) == os.path.realpath(called)):
        return NAME
    return called


def running() -> str | None:
    """The path of the gpgdoctor that was called; with python -m, of the one in the search path."""
    called = os.path.abspath(sys.argv[0])
    return called if os.path.basename(called) == NAME else shutil.which(NAME)
