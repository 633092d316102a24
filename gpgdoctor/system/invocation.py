"""gpgdoctor as a user must type it here."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

NAME = "gpgdoctor"
PHRASE = f"sudo {NAME} "  # as texts have it, wherever they are made
# Where sudo (secure_path, on most systems) and those who run hooks look for programs; what pipx installs is not there.
SUDO_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def as_root(*, homedir: str | None = None) -> str:
    """The words before the name of a command, for a shell: sudo drops GNUPGHOME and has a search path of its own.

    ``homedir`` is the home that is named by an option, so that GNUPGHOME does not count.
    """
    home = "" if homedir else os.environ.get("GNUPGHOME", "")
    words = ["sudo", *([f"GNUPGHOME={shlex.quote(home)}"] if home else []), shlex.quote(_program())]
    return " ".join(words)


def as_typed(text: str) -> str:
    """The text, with what is in it for root as it must be typed here."""
    return text.replace(PHRASE, f"{as_root()} ") if PHRASE in text else text


def _program() -> str:
    called = running()
    found = shutil.which(NAME, path=SUDO_PATH)
    if called is None or (found and os.path.realpath(found) == os.path.realpath(called)):
        return NAME
    return called


def running() -> str | None:
    """The path of the gpgdoctor that was called, or that is in the search path where Python was called, with -m."""
    called = os.path.abspath(sys.argv[0])
    return called if os.path.basename(called) == NAME else shutil.which(NAME)
