"""Where `printable` was: see system/escape.py."""

from gpgdoctor.system.escape import LIMIT, printable

__all__ = ["LIMIT", "printable"]
