"""Prints how many children of gpgdoctor live here, and how many files pcscd has open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress


def processes() -> Iterator[tuple[str, bytes, bytes]]:
    """Of each the number, the name and the command line."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/comm", "rb") as name, open(f"/proc/{pid}/cmdline", "rb") as command:
            yield pid, name.read(), command.read()


def main() -> None:
    children = files = 0
    for pid, name, command in processes():
        children += command.split(b"\0")[1:2] == [b"-m"] and b"gpgdoctor.collect" in command
        if name == b"pcscd\n":
            files += len(os.listdir(f"/proc/{pid}/fd"))
    print(children, files)


if __name__ == "__main__":
    main()
