"""How gpgrt compares in an `[if …]`, and reads numbers."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from gpgdoctor.scdaemon_conf.lines import encoded


class Refused(Exception):
    """The program complains; the message is a key of lines.MESSAGES."""


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "le": operator.le,
    "lt": operator.lt,
    "gt": operator.gt,
    "ge": operator.ge,
}
ON_TEXT: dict[str, Callable[[str, str], bool]] = {
    "-n": lambda left, _: bool(left),
    "-z": lambda left, _: not left,
    "=": operator.eq,
    "<>": operator.ne,
    "=~": lambda left, right: right in left,
    "!~": lambda left, right: right not in left,
}
ON_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    "<": operator.lt,
    ">": operator.gt,
    ">=": operator.ge,
}
ORDERING = re.compile(r"-(?:v([23]))?(le|lt|gt|ge)\Z")
LONGEST_NUMBER = 40  # digits: out of every range of C, and not so many that Python refuses to read them
VERSION_PART = r"(0(?!\d)|[1-9]\d*|(?!\d))"


def comparison(name: str) -> Callable[[str, str], bool]:
    if name in ON_TEXT:
        return ON_TEXT[name]
    if name in ON_NUMBERS:
        return lambda left, right: ON_NUMBERS[name](number_in(left, base=0), number_in(right, base=0))
    if ordering := ORDERING.match(name):
        parts, order = ordering.groups()
        key: Callable[[str], Any] = partial(_version, parts=int(parts)) if parts else encoded
        return lambda left, right: ORDERS[order](key(left), key(right))
    raise Refused("invalid-meta")


def _version(text: str, *, parts: int) -> list[int]:
    """A version with fewer parts than are asked for counts as nothing at all (gpgrt src/version.c)."""
    match = re.match(r"\.".join([VERSION_PART] * parts), text, re.ASCII)
    return [int(part[:LONGEST_NUMBER] or 0) for part in match.groups()] if match else [0] * parts


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
