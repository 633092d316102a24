"""What is in force, what is not, and what the program complains about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gpgdoctor.scdaemon_conf.lines import Line
from gpgdoctor.system.record import Record

Role = Literal["user", "global"]
# scd/scdaemon.c: with these scdaemon exits by itself, whatever its version.
ALWAYS_FATAL = ("invalid-debug-flag", "invalid-debug-level")


class Setting(Record):
    """An option that the program takes from a line."""

    option: str
    value: str | None
    role: Role
    line: int


class Voided(Record):
    """A line of the user's file that the global file takes out of force, without a word from the program."""

    option: str
    line: int
    by: str  # force, ignore or ignore-all
    by_line: int


class Lock(Record):
    """An option that no line of the user's file can put in force."""

    option: str
    by: str  # force, ignore or ignore-all
    by_line: int


class Complaint(Record):
    """A line that the program complains of, or, as for a bad debug level, ends because of."""

    role: Role
    line: int
    problem: str


class Effective(Record):
    """What both files together amount to."""

    global_lines: tuple[Line, ...]
    user_lines: tuple[Line, ...]
    settings: tuple[Setting, ...]  # in the order read: of options with a value the last one is in force
    voided: tuple[Voided, ...]
    locked: tuple[Lock, ...]
    complaints: tuple[Complaint, ...]
    undecided: tuple[tuple[Role, int], ...]  # lines under an [if], or with a variable in them

    def lock(self, option: str) -> Lock | None:
        return next((lock for lock in self.locked if lock.option == option), None)

    def has(self, option: str) -> bool:
        return any(setting.option == option for setting in self.settings)

    def where(self, option: str) -> Setting | None:
        """The line that decides."""
        return next((setting for setting in reversed(self.settings) if setting.option == option), None)

    def value(self, option: str) -> str | None:
        setting = self.where(option)
        return setting.value if setting else None


def fatal_errors(version: tuple[int, ...], *, gpgconf_test_rc: int | None = None) -> bool:
    """Whether a line that the program complains of keeps it from starting.

    The word of `--gpgconf-test`, run on a file with such a line, beats the version. GnuPG 2.2.26 and later reads its
    files with gpgrt, whose error counter is not the one that 2.2 looks at; 2.3 looks at gpgrt's.
    """
    if gpgconf_test_rc is not None:
        return gpgconf_test_rc != 0
    return not (2, 2, 26) <= version < (2, 3)


def stops(problem: str, version: tuple[int, ...], *, gpgconf_test_rc: int | None = None) -> bool:
    """Whether this complaint keeps the program from starting."""
    return problem in ALWAYS_FATAL or fatal_errors(version, gpgconf_test_rc=gpgconf_test_rc)


def with_bad_level(lines: tuple[Line, ...], number: int) -> tuple[Line, ...]:
    return tuple(
        line._replace(kind="problem", problem="invalid-debug-level", word=line.option)
        if line.number == number
        else line
        for line in lines
    )


def complaints_in(role: Role, lines: Sequence[Line]) -> list[Complaint]:
    return [Complaint(role=role, line=line.number, problem=line.problem) for line in lines if line.problem]
