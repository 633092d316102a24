"""The PC/SC library that a scdaemon takes which is told of none: one name with glibc, another with musl.

scd/scdaemon.c (DEFAULT_PCSC_DRIVER) names libpcsclite.so.1 where it is built with glibc, else libpcsclite.so, which
comes with pcsc-lite's headers. Distributions that use musl may have corrected that: the program file has the name.
"""

from __future__ import annotations

from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.facts import Maybe, PcscDriver, Unknown
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.regular import NotRegular, read_regular

WITHOUT_VERSION, WITH_VERSION = "libpcsclite.so", "libpcsclite.so.1"
PROGRAM_BYTES = 16 << 20  # 0.5 MB on Debian


def of_scdaemon(program: Maybe[str | None], found: Maybe[PcscDriver], deadline: Deadline) -> Maybe[PcscDriver]:
    """The library that this scdaemon loads by itself, where it is another one than ``found``, and is not usable.

    The one that was found stands for all others: it is what every other program loads.
    """
    if isinstance(found, Unknown) or not found.usable or not takes_it_without_version(program):
        return found
    tried = _tried(WITHOUT_VERSION, deadline)
    return found if tried is None or tried.usable else tried


def takes_it_without_version(program: Maybe[str | None]) -> bool:
    """Whether the program file has the name without a version, and not the other."""
    if program is None or isinstance(program, Unknown):
        return False
    try:
        content = read_regular(program, PROGRAM_BYTES)
    except (OSError, NotRegular, ValueError):
        return False
    return _as_text(WITHOUT_VERSION) in content and _as_text(WITH_VERSION) not in content


def _as_text(name: str) -> bytes:
    """A whole string of a C program."""
    return b"\0" + name.encode() + b"\0"


def _tried(name: str, deadline: Deadline) -> PcscDriver | None:
    """The result of loading it, in a child of its own: to load a library is to run it."""
    child = ProbeChild(deadline.left())
    try:
        child.look(ask=False, probe=False, timeout_s=deadline.left())
        child.load(name)
        child.wait_for_driver(deadline)
        return child.answers.driver_loaded
    finally:
        child.close()
