"""Whether root, or anybody but its owner, may be made to run a program: who could put another one in its place."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator

LINKS_LIMIT = 40
SHEBANG_BYTES = 256
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of whoever runs hooks


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
    """Look at every directory and every link on the way to a file, and at the file."""
    if not os.path.isabs(path):
        yield f"{path} is not an absolute path"
        return
    todo, here, links = path.split("/")[::-1], "/", 0
    yield from _who_may_change(here, os.lstat(here))
    while todo:
        step = todo.pop()
        if step in ("", "."):
            continue
        here = os.path.dirname(here) if step == ".." else os.path.join(here, step)
        try:
            status = os.lstat(here)
        except OSError as error:
            yield f"{here}: {error.strerror}"
            return
        yield from _who_may_change(here, status)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > LINKS_LIMIT:
                yield f"{path}: too many links"
                return
            target = os.readlink(here)
            here = "/" if os.path.isabs(target) else os.path.dirname(here)
            todo += target.split("/")[::-1]
    if program and not (os.path.isfile(here) and os.access(here, os.X_OK)):
        yield f"{here} is not an executable file"


def _who_may_change(path: str, status: os.stat_result) -> Iterator[str]:
    if status.st_uid != 0:
        yield f"{path} does not belong to root"
    elif stat.S_ISLNK(status.st_mode):
        return
    elif status.st_mode & stat.S_IWOTH or (
        status.st_mode & stat.S_IWGRP and (status.st_gid != 0 or _has_access_list(path))
    ):
        yield f"{path} is writable by others than root"


def _has_access_list(path: str) -> bool:
    """Then the group's bits are the mask of whoever the list names: acl(5)."""
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:
        return False
    return True


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
        # env itself lies in /usr/bin, as everything that it finds there.
        return shutil.which(words[-1], path=SEARCH_PATH) or words[-1]
    return words[0] if words else None
