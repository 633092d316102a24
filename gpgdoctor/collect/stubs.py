"""The stubs in private-keys-v1.d: keys that are on a card, which the stub names. No secret is read.

They have two forms: a canonical S-expression, and since 2.3 "Name: value" lines (agent/findkey.c; protect.c,
agent_shadow_key; doc/gpg-agent.texi on "Token").
"""

from __future__ import annotations

import os
import re

from gpgdoctor.facts import Maybe, Unknown
from gpgdoctor.system.record import Record
from gpgdoctor.system.regular import NotRegular, read_regular

FILES_LIMIT = 2000
FILE_BYTES = 1 << 14  # a stub of RSA 4096 takes 1.5 KB in words
SERIAL_LIMIT_BYTES = 64
SHADOWED = b"shadowed-private-key"  # in both forms
# Compiled only where there is a stub: most homes have none.
_CANONICAL = rb"8:shadowed5:t1-v1\((\d{1,3}):"
_WORDS = rb"\(shadowed\s+t1-v1\s+\(\s*#([0-9A-Fa-f\s]+)#"
_TOKEN = rb"(?m)^Token:\s+([0-9A-Fa-f]{2,128})(?:\s|$)"


class Stubs(Record):
    keys: Maybe[int]  # how many of the private keys are on cards
    serials: Maybe[tuple[str, ...]]  # of the cards, without duplicates, in hexadecimal as in GETINFO card_list


def stubs_of(homedir: Maybe[str]) -> Stubs:
    """What the key files of a home say about cards."""
    if isinstance(homedir, Unknown):
        return Stubs(keys=homedir, serials=homedir)
    directory = os.path.join(homedir, "private-keys-v1.d")
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".key"))[:FILES_LIMIT]
        contents = [content for name in names if SHADOWED in (content := _read(os.path.join(directory, name)))]
    except FileNotFoundError:
        return Stubs(keys=0, serials=())
    except OSError as error:
        unreadable = Unknown.because(f"{directory}: {error.strerror}")
        return Stubs(keys=unreadable, serials=unreadable)
    named = [serials_in(content) for content in contents]
    return Stubs(keys=len(contents), serials=tuple(sorted(set().union(*named))))


def _read(path: str) -> bytes:
    try:
        return read_regular(path, FILE_BYTES)
    except NotRegular:
        return b""


def serials_in(content: bytes) -> set[str]:
    """The serial numbers of the cards that a stub names."""
    found = {token[1] for token in re.finditer(_TOKEN, content)}
    found |= {b"".join(words[1].split()) for words in re.finditer(_WORDS, content)}
    for start in re.finditer(_CANONICAL, content):
        length = min(int(start[1]), SERIAL_LIMIT_BYTES)
        found.add(content[start.end() : start.end() + length].hex().encode())
    return {serial.decode("ascii").upper() for serial in found if 0 < len(serial) <= 2 * SERIAL_LIMIT_BYTES}
