"""The lines in brackets: `[user NAME]`, `[force]`, `[ignore]` and the like (gpgrt src/argparse.c).

No condition and no variable is worked out: hardly a file has one. What stands under an `[if]` is undecided.
"""

from __future__ import annotations

import re

from gpgdoctor.scdaemon_conf.lines import SPACES, Refused, c_string, decoded
from gpgdoctor.system.record import Record

LONGEST_KEYWORD = 99


class Command(Record):
    takes_argument: bool = False
    everywhere: bool = False  # in the user's file as well
    in_inactive_sections: bool = False


COMMANDS = {
    "user": Command(takes_argument=True, in_inactive_sections=True),
    **dict.fromkeys(("if", "let", "-let", "getenv", "getreg"), Command(takes_argument=True, everywhere=True)),
    **dict.fromkeys(("fi", "else", "expand", "+expand", "-expand"), Command(everywhere=True)),
    **dict.fromkeys(
        ("force", "+force", "-force", "ignore", "+ignore", "-ignore", "ignore-all", "+ignore-all"), Command()
    ),
    **dict.fromkeys(("verbose", "+verbose", "-verbose"), Command(everywhere=True, in_inactive_sections=True)),
    **dict.fromkeys(("echo", "-echo"), Command(takes_argument=True, everywhere=True, in_inactive_sections=True)),
    **dict.fromkeys(("info", "-info"), Command(takes_argument=True, everywhere=True)),
}
# gpgrt 1.48 and later.
COMMAND_MODE = dict.fromkeys(("command-mode", "+command-mode", "-command-mode"), Command(everywhere=True))


DECISIVE = ("user", "force", "ignore", "ignore-all", "expand")  # they matter to the lines that follow


class Undecided(Exception):
    """It depends on a condition or a variable."""


def content_of(statement: bytes) -> str:
    """What stands between the brackets of a line that begins with one."""
    end = statement.find(b"]")
    if end > LONGEST_KEYWORD or (end < 0 and len(statement) > LONGEST_KEYWORD):
        raise Refused("keyword-too-long")
    rest = statement[end + 1 :].lstrip(SPACES)
    content = c_string(statement[1:end]).strip(SPACES)
    if end < 0 or (rest and not rest.startswith(b"#")) or not content:
        raise Refused("invalid-meta")
    return decoded(content)


class Sections:
    """What the bracketed lines read so far have switched on and off."""

    in_global_file: bool = False
    user_seen: bool = False
    user_wildcard: bool = False
    user_matched: bool = False
    user_active: bool = False
    mark_forced: bool = False
    mark_ignored: bool = False
    explicit: bool = False
    ignore_all_line: int | None = None
    expand: bool = False
    open_conditions: int = 0

    def __init__(self, *, user: str, command_mode: bool) -> None:
        self.user, self.command_mode = user, command_mode

    @property
    def other_user(self) -> bool:
        return self.in_global_file and self.user_seen and not self.user_active

    def begin_file(self, *, is_global: bool) -> None:
        # Conditions live on: gpgrt takes an [if] that is not closed into the next file.
        self.in_global_file, self.expand = is_global, False

    def obey(self, content: str, number: int) -> None:
        name, _, argument = _partition(content)
        command = COMMANDS.get(name) or (COMMAND_MODE.get(name) if self.command_mode else None)
        if command is None:
            raise Refused("unknown-meta")
        if command.takes_argument != bool(argument):
            raise Refused("missing-argument" if command.takes_argument else "argument-not-expected")
        if not self.in_global_file and not command.everywhere:
            raise Refused("unexpected-meta")
        if self.other_user and not command.in_inactive_sections:
            return
        if name == "if":
            self.open_conditions += 1
        elif name == "fi":
            self.open_conditions = max(0, self.open_conditions - 1)
        elif self.open_conditions and name.lstrip("+-") in DECISIVE:
            raise Undecided
        else:
            self._obey(name, argument, number)

    def _obey(self, name: str, argument: str, number: int) -> None:
        switch = not name.startswith("-")
        match name.lstrip("+-"):
            case "user":
                self._user(argument)
            case "force":
                self.mark_forced = switch
            case "ignore":
                self.mark_ignored, self.explicit = switch, True
            case "ignore-all":
                self.ignore_all_line = number
            case "expand":
                self.expand = switch

    def _user(self, name: str) -> None:
        self.user_seen = True
        if name == "*":
            self.user_wildcard, self.user_active = True, not self.user_matched
        else:
            self.user_active = not self.user_wildcard and name.lower() == self.user.lower()
            self.user_matched = self.user_matched or self.user_active


def _partition(text: str) -> tuple[str, str, str]:
    """At the first run of white space."""
    match = re.search(r"[ \t\r\v\f]+", text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")
