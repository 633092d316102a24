"""Whether it is safe to make root, or other users, run a program: who could replace it?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from gpgdoctor.system.invocation import SUDO_PATH
from gpgdoctor.system.ownership import who_may_change

SHEBANG_BYTES = 256


def objections(program: str) -> list[str]:
    """Why this program must not be run by others; empty where nobody but root can change what it is."""
    found = list(_chain(program))
    for _ in range(2):  # a script, and the interpreter that /usr/bin/env finds
        interpreter = None if found else _interpreter(program)
        if interpreter is None:
            break
        found = list(_chain(interpreter))
        program = interpreter
    return found


def objections_to_directory(path: str) -> list[str]:
    return list(_chain(path, program=False))


def _chain(path: str, *, program: bool = True) -> Iterator[str]:
    """Every directory and every link on the way to a file, and the file."""
    yield from who_may_change(path)
    there = os.path.isabs(path) and os.path.exists(path)
    if program and there and not (os.path.isfile(path) and os.access(path, os.X_OK)):
        yield f"{os.path.realpath(path)} is not an executable file"


def _interpreter(program: str) -> str | None:
    """What runs a script; of `env NAME`, the program that it finds."""
    try:
        with open(program, "rb") as file:
            first = file.readline(SHEBANG_BYTES)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = os.fsdecode(first[2:]).split()
    if words and os.path.basename(words[0]) == "env" and len(words) > 1:
        # env itself is in /usr/bin, like everything that it finds there.
        return shutil.which(words[-1], path=SUDO_PATH) or words[-1]
    return words[0] if words else None
