"""What may stand in a command that gpgdoctor tells people to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gpgdoctor.cli import command_tree

# Each is in Debian or another distribution: a shell builtin, in the base system, or in the package of its program.
# fmt: off
PROGRAMS = {
    "apt", "apt-get", "awk", "cat", "chmod", "chown", "cut", "dmesg", "dnf", "echo", "export", "file", "findmnt",
    "flatpak", "gpg", "gpg-connect-agent", "gpgconf", "gpgdoctor", "grep", "home-manager", "id", "journalctl", "kill",
    "ldconfig", "loginctl", "ls",
    "lsusb", "modprobe", "mv", "pacman", "pcsc_scan", "pcscd", "pkcheck", "pkill", "printenv", "printf", "ps", "rm",
    "sed", "sleep", "snap", "ss", "ssh-add", "ssh-agent", "stat", "sudoedit", "systemctl", "tail", "tee", "tty", "type",
    "udevadm", "usbguard", "ykman", "zypper",
}
# fmt: on


def check(words: Sequence[str]) -> None:
    """Fails where a program is none that people have, where it is run too roughly, or gpgdoctor does not take it."""
    words = words[1:] if words[0] == "sudo" else words
    program = words[0].rpartition("/")[2]
    assert program in PROGRAMS or program == "$scdaemon", words
    assert "-9" not in words and "-KILL" not in words
    if program == "gpgdoctor":
        _parse(words[1:])


def _parse(words: Sequence[str]) -> None:
    """Raises what typer raises for wrong usage; runs nothing."""
    command: Any = command_tree()
    name, rest = "gpgdoctor", list(words)
    while hasattr(command, "commands"):
        assert rest and rest[0] in command.commands, words
        name, command, rest = rest[0], command.commands[rest[0]], rest[1:]
    command.make_context(name, rest)


def every_command(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command and group, beginning with none for gpgdoctor itself."""
    command = command or command_tree()
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from every_command(child, (*path, name))
