"""How text is laid out: width, colour, encoding, and where a line may be broken."""

from __future__ import annotations

import re
import textwrap
from enum import Enum

from gpgdoctor.system.record import Record

NARROWEST = 20
COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;36", "pass": "32"}
# What people copy, and what belongs together, is broken only where it does not fit on a line.
UNBROKEN = re.compile(
    r"\bgpgdoctor (?:check|fix|explain|undo|report|demo)(?: (?:--homedir (?:'[^']*'|\S+)|--?[a-z-]+|GD\d{3})(?![\w-]))*"
    r"|gpgconf --kill [\w-]+|\(pid \d+|\bGD\d{3} [a-z-]+"
)
GLUE = "\x00"
AS_ROOT = "sudo gpgdoctor"  # in texts and commands, wherever they are made


class Drawing(Enum):
    """How the way to the card is drawn."""

    NONE = "none"
    LINE = "line"  # into a pipe, where it is asked for
    ASCII = "ascii"
    BOXES = "boxes"


class Style(Record):
    width: int = 80
    colour: bool = False
    verbose: bool = False
    quiet: bool = False
    origin: str | None = None  # of a replayed snapshot
    encoding: str = "utf-8"
    drawing: Drawing = Drawing.NONE
    homedir: str | None = None  # that the caller named, for the command that follows
    as_root: str = AS_ROOT  # what root's gpgdoctor is called by where the text is read

    def paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def encodable(self, text: str) -> str:
        """Replace what the encoding lacks by escapes; before lines are broken, because that makes them longer."""
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def typed(self, command: str) -> str:
        """A command as it must be typed where it is read."""
        return self.encodable(command.replace(f"{AS_ROOT} ", f"{self.as_root} "))

    def wrapped(self, text: str, first: str = "", following: str = "", command: str = "") -> list[str]:
        """The lines of a text, and of a command at its end."""
        width = max(self.width, NARROWEST)
        room = width - len(following)
        text = self.encodable(text).replace(f"{AS_ROOT} ", _glued(f"{self.encodable(self.as_root)} ", room))
        text = UNBROKEN.sub(lambda found: _glued(found[0], room), text)
        if command:
            text = f"{text} {_glued(self.encodable(command), room)}"
        lines = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=following, break_on_hyphens=False)
        return [line.replace(GLUE, " ") for line in lines] or [first.rstrip()]


def _glued(text: str, room: int) -> str:
    return text.replace(" ", GLUE) if len(text) <= room else text
