"""What the programs take as the value of an option."""

from __future__ import annotations

import re

from gpgdoctor.scdaemon_conf.lines import SPACES
from gpgdoctor.scdaemon_conf.options import Option

DEBUG_LEVELS = ("none", "basic", "advanced", "expert", "guru")
INT_RANGE = range(-(2**31), 2**31)
LONG_RANGE = range(-(2**63), 2**63)
ULONG_RANGE = range(2**64)
LONGEST_NUMBER = 40  # digits: out of every range of C, and not so many that Python refuses to read them


def unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return value[1:].removesuffix('"')


def fits(value: str, option: Option) -> bool:
    if option.argument == "string":
        return True
    if option.argument == "ulong":
        return not value.lstrip(SPACES.decode()).startswith("-") and _is_ulong(value, base=option.base)
    return number_in(value, base=option.base) in (INT_RANGE if option.argument == "int" else LONG_RANGE)


def ends_the_program(flags: str, *, is_scdaemon: bool) -> bool:
    """As the value of `debug` (common/miscellaneous.c).

    Asked for help, a program lists its flags and leaves. What is no number ends scdaemon; gpg-agent goes on.
    """
    flags = flags.lstrip(" \t")
    no_number = flags.startswith("-") or (flags[:1].isdecimal() and not _is_ulong(flags, base=0))
    return flags in ("?", "help") or (is_scdaemon and no_number)


def _is_ulong(number: str, *, base: int) -> bool:
    return number_in(number, base=base) in ULONG_RANGE


def is_debug_level(value: str) -> bool:
    return value in DEBUG_LEVELS or value[:1] in tuple("0123456789")


def number_in(text: str, *, base: int) -> int:
    """As strtol and strtoul read it: what follows the digits does not matter, and nothing is zero."""
    digits = r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*" if base == 0 else r"[0-9]+"
    match = re.match(rf"[ \t\n\r\v\f]*([-+]?)({digits})", text, re.ASCII)
    if not match:
        return 0
    number = match[2]
    if base == 0 and number[:1] == "0" and number[1:].isdecimal():
        number = "0o" + number[1:]
    if number.isdecimal():
        number = number.lstrip("0")[:LONGEST_NUMBER] or "0"
    return int(match[1] + number, base)
