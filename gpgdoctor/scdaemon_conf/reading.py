"""Reads configuration files as the installed program does (gpgrt src/argparse.c, scd/scdaemon.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gpgdoctor.scdaemon_conf.force import Effective, Lock, Role, Setting, Voided, complaints_in, with_bad_level
from gpgdoctor.scdaemon_conf.lines import (
    BYTE_ORDER_MARK,
    SPACES,
    Line,
    Refused,
    c_string,
    decoded,
    encoded,
    joined,
    split,
    telling,
)
from gpgdoctor.scdaemon_conf.meaning import meant_by
from gpgdoctor.scdaemon_conf.options import Option, OptionTable
from gpgdoctor.scdaemon_conf.sections import LONGEST_KEYWORD, Sections, Undecided, content_of
from gpgdoctor.scdaemon_conf.values import ends_the_program, fits, is_debug_level, unquoted

# gpgrt 1.48 marks `help` as a command, and knows [command-mode] from then on.
COMMAND_FLAG = 1 << 7


def parse(
    content: bytes, table: OptionTable, role: Role = "user", user: str = "", *, comments: bool = True
) -> tuple[Line, ...]:
    """The lines of one file, as they are read where there is no other; ``comments`` as for `read`."""
    reading = _Reading(table=table, user=user, comments=comments)
    lines = reading.file(content, role)
    if role == "global":
        return reading.effective(lines, ()).global_lines
    return reading.effective((), lines).user_lines


def in_force(global_lines: Sequence[Line], user_lines: Sequence[Line], table: OptionTable, user: str) -> Effective:
    """What is in force where `user` runs the program; the lines may come from `parse` or another reading."""
    return read(joined(global_lines), joined(user_lines), table, user)


def read(
    global_content: bytes, user_content: bytes, table: OptionTable, user: str, *, comments: bool = True
) -> Effective:
    """Both files. Without ``comments`` lines that say nothing are left out, but for options that are commented out."""
    reading = _Reading(table=table, user=user, comments=comments)
    global_lines = reading.file(global_content, "global")
    return reading.effective(global_lines, reading.file(user_content, "user"))


class _Reading:
    def __init__(self, *, table: OptionTable, user: str, comments: bool) -> None:
        built_in = table.find("help")
        command_mode = built_in is not None and bool(built_in.flags & COMMAND_FLAG)
        self.table, self.comments = table, comments
        self.sections = Sections(user=user, command_mode=command_mode)
        self.role: Role = "user"
        self.ended = False  # this file
        self.exited = False  # the program
        self.forced: dict[str, int] = {}
        self.ignored: dict[str, int] = {}
        self.explicit: set[str] = set()
        self.tolerated: set[bytes] = set()
        self.settings: list[Setting] = []
        self.voided: list[Voided] = []
        self.undecided: list[tuple[Role, int]] = []

    def file(self, content: bytes, role: Role) -> tuple[Line, ...]:
        self.role, self.ended = role, False
        self.sections.begin_file(is_global=role == "global")
        lines, before, line_feeds, lost = [], 0, 0, b""
        for number, raw, eol in self._numbered(content):
            # To gpgrt the carriage return of a DOS line is white space like any other.
            text = raw + eol
            if number == 1:
                text = text.removeprefix(BYTE_ORDER_MARK)
            text = text.removeprefix(lost)
            line_feeds += number - before - 1 + text.endswith(b"\n")
            before = number
            statement = text.removesuffix(b"\n").lstrip(SPACES)
            kind = "unread" if self.ended or self.exited else _idle(statement)
            line = Line(
                number=number, reported_number=line_feeds, raw=decoded(raw), eol=eol.decode(), kind=kind or "unread"
            )
            line = line if kind else self._line(line, statement)
            lost = _swallowed(line, content)
            lines.append(line)
        if not self.ended:
            # gpgrt forgets what is tolerated when it comes to the end of a file; after a long alias it does not.
            self.tolerated.clear()
        return tuple(lines)

    def _numbered(self, content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        if self.comments:
            return ((number, raw, eol) for number, (raw, eol) in enumerate(split(content), 1))
        return telling(content, frozenset(map(encoded, self.table.names)))

    def effective(self, global_lines: tuple[Line, ...], user_lines: tuple[Line, ...]) -> Effective:
        level = next((setting for setting in reversed(self.settings) if setting.option == "debug-level"), None)
        if level and level.value is not None and not is_debug_level(level.value):
            self.settings.remove(level)
            if level.role == "global":
                global_lines = with_bad_level(global_lines, level.line)
            else:
                user_lines = with_bad_level(user_lines, level.line)
        return Effective(
            global_lines=global_lines,
            user_lines=user_lines,
            settings=tuple(self.settings),
            voided=tuple(self.voided),
            locked=tuple(lock for name in self.table.names if (lock := self._lock(name))),
            complaints=(*complaints_in("global", global_lines), *complaints_in("user", user_lines)),
            undecided=tuple(self.undecided),
        )

    def _line(self, line: Line, statement: bytes) -> Line:
        if statement.startswith(b"["):
            return self._bracketed(line, statement)
        if self.sections.open_conditions:
            self.undecided.append((self.role, line.number))
            return line._replace(kind="inactive")
        return self._statement(line, statement)

    def _bracketed(self, line: Line, statement: bytes) -> Line:
        try:
            content = content_of(statement)
            self.sections.obey(content, line.number)
        except Refused as refused:
            return line._replace(kind="problem", problem=str(refused))
        except Undecided:
            self.undecided.append((self.role, line.number))
        return line._replace(kind="meta", value=content)

    def _statement(self, line: Line, statement: bytes) -> Line:
        keyword, rest = _at_space(statement)
        if len(keyword) > LONGEST_KEYWORD:
            return line._replace(kind="problem", problem="keyword-too-long")
        word = c_string(keyword)
        option = self.table.find(decoded(word))
        try:
            if option is None:
                return self._unknown(line, word, rest)
            return self._known(line, option, rest)
        except Undecided:
            self.undecided.append((self.role, line.number))
            return line._replace(kind="inactive")
        except Refused as refused:
            malformed = line._replace(kind="problem", problem=str(refused), word=decoded(word))
            return self._with_meaning(malformed)

    def _unknown(self, line: Line, word: bytes, rest: bytes | None) -> Line:
        if word == b"alias" and rest is not None:
            return self._alias(line, rest)
        if word == b"ignore-invalid-option":
            names = (rest or b"").split()
            self.tolerated.update(c_string(name) for name in names if len(name) <= LONGEST_KEYWORD)
            return line._replace(kind="meta", option=decoded(word), value=decoded((rest or b"").strip(SPACES)))
        if word in self.tolerated:
            return line._replace(kind="comment")
        raise Refused("unknown-option")

    def _alias(self, line: Line, rest: bytes) -> Line:
        """Aliases were never finished in gpgrt: a short one is refused, a long one ends the file."""
        argument = rest.lstrip(SPACES)
        if not argument:
            raise Refused("missing-argument")
        if len(argument) <= LONGEST_KEYWORD:
            raise Refused("argument-not-expected")
        _, *definition = re.split(rb"[ \t]", c_string(argument), maxsplit=1)
        if not b"".join(definition).strip(SPACES):
            raise Refused("invalid-alias")
        self.ended = True
        return line._replace(kind="meta", value="alias")

    def _known(self, line: Line, option: Option, rest: bytes | None) -> Line:
        line = line._replace(kind="option", option=option.name)
        if rest is None and self.sections.other_user:
            # With white space after the option, gpgrt up to 1.61 takes it in another user's section as well.
            return line._replace(kind="inactive")
        if rest is None and option.ignored:
            return line
        if self._out_of_force(line, option.name):
            return line
        value = self._value(line, option, rest)
        if not option.names_a_file:
            setting = Setting(option=option.name, value=value, role=self.role, line=line.number)
            self.settings.append(setting)
        return self._with_meaning(line._replace(value=value))

    def _with_meaning(self, line: Line) -> Line:
        name, meant = meant_by(line, self.table)
        if meant is not None and any(part.problem for part in parse(encoded(meant), self.table)):
            meant = None
        return line._replace(option=name, meant=meant)

    def _out_of_force(self, line: Line, name: str) -> bool:
        if self.role == "global":
            self._mark(name, line.number)
            return name in self.ignored and name not in self.forced
        lock = self._lock(name)
        if lock:
            self.voided.append(Voided(option=name, line=line.number, by=lock.by, by_line=lock.by_line))
        return lock is not None

    def _lock(self, name: str) -> Lock | None:
        locks = {"force": self.forced.get(name), "ignore": self.ignored.get(name)}
        if name not in self.explicit:
            locks["ignore-all"] = self.sections.ignore_all_line
        return next((Lock(option=name, by=by, by_line=line) for by, line in locks.items() if line is not None), None)

    def _mark(self, name: str, number: int) -> None:
        if self.sections.mark_forced:
            self.forced.setdefault(name, number)
        if self.sections.mark_ignored:
            self.ignored.setdefault(name, number)
        if self.sections.explicit:
            self.explicit.add(name)

    def _value(self, line: Line, option: Option, rest: bytes | None) -> str | None:
        argument = (rest or b"").lstrip(SPACES)
        if not argument:
            if option.argument != "none" and not option.argument_optional:
                raise Refused("missing-argument")
            if not option.usable_in_a_file or option.ignored:
                raise Refused("unknown-option")
            return None
        if option.argument == "none":
            raise Refused("argument-not-expected")
        value = unquoted(decoded(c_string(argument).strip(SPACES)))
        if self.sections.expand and "$" in value:
            raise Undecided
        if not fits(value, option):
            raise Refused("invalid-argument")
        if option.name == "debug" and ends_the_program(value, is_scdaemon=self.table.knows("disable-ccid")):
            self.exited = True
            raise Refused("invalid-debug-flag")
        return value


def _idle(statement: bytes) -> str | None:
    """The kind of an empty line or a comment; there may be very many, so they are recognised first."""
    if not statement:
        return "blank"
    return "comment" if statement.startswith(b"#") else None


def _swallowed(line: Line, content: bytes) -> bytes:
    """The byte that is lost after this line.

    To look for a byte order mark gpgrt reads three bytes ahead, and forgets those that it did not need to make a
    complaint of the first line: the third, where that line is a single byte.
    """
    return content[2:3] if line.number == 1 and line.problem and content[1:2] == b"\n" else b""


def _at_space(statement: bytes) -> tuple[bytes, bytes | None]:
    """The keyword, and what follows the white space after it; None: the line ends with the keyword."""
    for index, byte in enumerate(statement):
        if byte in SPACES:
            return statement[:index], statement[index + 1 :]
    return statement, None
