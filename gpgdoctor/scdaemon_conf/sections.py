"""The lines in brackets: `[user NAME]`, `[force]`, `[ignore]`, `[if …]` and the like (gpgrt src/argparse.c)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gpgdoctor.scdaemon_conf.conditions import Refused, comparison
from gpgdoctor.scdaemon_conf.lines import SPACES, c_string, decoded
from gpgdoctor.system.record import Record

LONGEST_KEYWORD = 99
DEEPEST_CONDITION = 7
# gpgrt has no limit here, and a variable that is made of itself doubles with every line.
LONGEST_VALUE = 1000
LONGEST_SUBSTITUTE = 100_000  # in one line
# Known variables of gpgrt whose value cannot be told from outside.
FOREIGN_VARIABLES = re.compile(r"_(file|epoch|version|pgm|gpgrtversion|strusage\d*)\Z")


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


class Undecided(Exception):
    """It depends on something that only the running program knows."""


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


@dataclass(slots=True, kw_only=True)
class Sections:
    """What the bracketed lines read so far have switched on and off."""

    user: str
    command_mode: bool
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
    conditions: list[bool | None] = field(default_factory=list)  # None: undecided
    variables: dict[str, str | None] = field(default_factory=dict)  # None: undecided

    @property
    def other_user(self) -> bool:
        return self.in_global_file and self.user_seen and not self.user_active

    @property
    def condition(self) -> bool | None:
        return self.conditions[-1] if self.conditions else True

    def begin_file(self, *, is_global: bool) -> None:
        # Conditions and variables live on: gpgrt takes an [if] that is not closed into the next file.
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
        if name in ("if", "fi", "else"):
            self._condition(name, argument, number)
        elif self.condition:
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
            case "let":
                self._let(argument, number, clear=not switch)
            case "getenv" | "getreg":
                self._foreign(argument)

    def _user(self, name: str) -> None:
        self.user_seen = True
        if name == "*":
            self.user_wildcard, self.user_active = True, not self.user_matched
        else:
            self.user_active = not self.user_wildcard and name.lower() == self.user.lower()
            self.user_matched = self.user_matched or self.user_active

    def _condition(self, name: str, argument: str, number: int) -> None:
        if name == "fi":
            del self.conditions[-1:]
        elif name == "else":
            # In gpgrt up to 1.61 the branch after [else] is never taken: only a true condition is turned round.
            self.conditions[-1:] = [False] * bool(self.conditions)
        elif len(self.conditions) == DEEPEST_CONDITION:
            raise Refused("unexpected-meta")
        elif not self.condition:
            self.conditions.append(self.condition)
        else:
            self.conditions.append(self._holds(argument, number))

    def _holds(self, argument: str, number: int) -> bool | None:
        left, _, rest = _partition(argument)
        name, _, right = _partition(rest or "-n")
        if (name in ("-n", "-z")) == bool(right):
            raise Refused("invalid-meta")
        holds = comparison(name)
        try:
            return holds(self.substituted(left, number), self.substituted(right, number))
        except Undecided:
            return None

    def _let(self, argument: str, number: int, *, clear: bool) -> None:
        name, _, value = _partition(argument)
        if not (name[:1].isascii() and name[:1].isalpha()):
            return
        try:
            known = "" if clear else self.substituted(value, number)
        except Undecided:
            self.variables[name] = None
            return
        self.variables[name] = known if len(known) <= LONGEST_VALUE else None

    def _foreign(self, argument: str) -> None:
        name, _, source = _partition(argument)
        if name[:1].isascii() and name[:1].isalpha() and source:
            self.variables[name] = None

    def substituted(self, text: str, number: int) -> str:
        """With every $NAME and ${NAME} replaced; an unclosed brace ends that."""

        length = 0

        def value(match: re.Match[str]) -> str:
            nonlocal length
            if match[0] == "$$":
                return "$"
            found = self._variable(match[1] if match[1] is not None else match[2], number)
            length += len(found)
            if length > LONGEST_SUBSTITUTE:
                raise Undecided
            return found

        head, brace, tail = text.partition("${")
        if brace and "}" not in tail:
            return re.sub(r"\$\$|\$()([A-Za-z0-9_]*)", value, head) + brace + tail
        return re.sub(r"\$\$|\$\{([^{}]*)\}|\$([A-Za-z0-9_]*)", value, text)

    def _variable(self, name: str, number: int) -> str:
        if FOREIGN_VARIABLES.match(name):
            raise Undecided
        known = {"_": " ", "_user": self.user, "_line": str(number)}
        value = known.get(name, self.variables.get(name, ""))
        if value is None:
            raise Undecided
        return value


def _partition(text: str) -> tuple[str, str, str]:
    """At the first run of white space."""
    match = re.search(r"[ \t\r\v\f]+", text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")
