"""What gpgconf and scdaemon report about themselves, and the home directory. gpg-agent is not asked."""

from __future__ import annotations

import os
import re
import stat
import urllib.parse
from collections.abc import Mapping

from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.facts import HomeProblem, Maybe, SelfTest, Unknown
from gpgdoctor.scdaemon_conf.options import OptionTable, parse_option_table
from gpgdoctor.system import mounts
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record

MESSAGES_LIMIT, VERSION_LENGTH = 100, 100
ITS_PID = re.compile(r"\Ascdaemon\[\d+\]: ")  # since 2.4, and different in every run
WITHOUT_PERMISSIONS = ("vfat", "msdos", "exfat")


class Installation(Record):
    """Where GnuPG is and what it is, asked of gpgconf."""

    gpgconf: str | None
    directories: Maybe[Mapping[str, str]]
    programs: Maybe[Mapping[str, str]]  # component -> path

    def directory(self, name: str) -> Maybe[str]:
        if isinstance(self.directories, Unknown):
            return self.directories
        return self.directories.get(name) or Unknown.because(f"gpgconf does not name {name}")

    def program(self, component: str) -> Maybe[str | None]:
        return self.programs if isinstance(self.programs, Unknown) else self.programs.get(component)


def installation(questions: GpgconfQuestions, deadline: Deadline) -> Installation:
    """gpgconf's answers, as far as they come before the deadline."""
    if questions.gpgconf is None:
        missing = Unknown.because("GnuPG is not installed")
        return Installation(gpgconf=None, directories=missing, programs=missing)
    directories, components = (_lines(command, deadline) for command in questions.commands)
    return Installation(
        gpgconf=questions.gpgconf, directories=_directories(directories), programs=_programs(components)
    )


def _lines(command: Command, deadline: Deadline) -> Maybe[list[str]]:
    try:
        output = command.result(deadline)
    except CommandFailed as error:
        return Unknown.because(str(error))
    if output.code != 0:
        return Unknown.because(f"gpgconf ended with {output.code}: {_last_line(output.stderr)}")
    return output.stdout.splitlines()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "no message"


def _directories(lines: Maybe[list[str]]) -> Maybe[Mapping[str, str]]:
    if isinstance(lines, Unknown):
        return lines
    pairs = (line.partition(":") for line in lines)
    return {name: _unescape(path) for name, _, path in pairs if _is_path(path)}


def _programs(lines: Maybe[list[str]]) -> Maybe[Mapping[str, str]]:
    if isinstance(lines, Unknown):
        return lines
    fields = (line.split(":") for line in lines)
    found = {parts[0]: _unescape(parts[2]) for parts in fields if len(parts) > 2 and _is_path(parts[2])}
    return found or Unknown.because("gpgconf does not list its components")


def _is_path(text: str) -> bool:
    return "\0" not in _unescape(text)  # no system call takes it


def _unescape(text: str) -> str:
    return urllib.parse.unquote(text, errors="surrogateescape")


def version_of(command: Command, deadline: Deadline) -> Maybe[str | None]:
    """The version that ``PROGRAM --version`` prints."""
    try:
        found = re.search(r"\d+(\.\d+)+\S*", command.result(deadline).stdout)
    except CommandFailed as error:
        return Unknown.because(str(error))
    return found.group()[:VERSION_LENGTH] if found else Unknown.because(f"{command.name} does not tell its version")


class ScdaemonAnswers(Record):
    """What the installed scdaemon reports about itself."""

    version: Maybe[str | None]
    table: Maybe[OptionTable | None]
    self_test: Maybe[SelfTest | None]


class ScdaemonQuestions:
    """scdaemon's version, options and self-test of its configuration: three processes, side by side."""

    def __init__(self, path: Maybe[str | None], homedir: Maybe[str], testable: str | None) -> None:
        """``testable`` is a reason why ``--gpgconf-test`` must not be run, or None."""
        self._absent: Maybe[None] = path if isinstance(path, Unknown) else None
        self._testable = testable
        self._commands: dict[str, Command] = {}
        if isinstance(path, str) and os.path.exists(path):
            home = [] if isinstance(homedir, Unknown) else ["--homedir", homedir]
            self._commands = {
                "version": Command([path, "--version"]),
                "table": Command([path, "--dump-option-table"]),
            }
            if testable is None:
                self._commands["test"] = Command([path, *home, "--gpgconf-test"])

    def read(self, deadline: Deadline) -> ScdaemonAnswers:
        if not self._commands:
            return ScdaemonAnswers(version=self._absent, table=self._absent, self_test=self._absent)
        return ScdaemonAnswers(
            version=self._version(deadline), table=self._table(deadline), self_test=self._self_test(deadline)
        )

    def _version(self, deadline: Deadline) -> Maybe[str | None]:
        return version_of(self._commands["version"], deadline)

    def _table(self, deadline: Deadline) -> Maybe[OptionTable | None]:
        try:
            table = parse_option_table(self._commands["table"].result(deadline).stdout)
        except CommandFailed as error:
            return Unknown.because(str(error))
        return table if table.knows("disable-ccid") else Unknown.because("scdaemon does not list its options")

    def _self_test(self, deadline: Deadline) -> Maybe[SelfTest | None]:
        if self._testable is not None:
            return Unknown.because(self._testable)
        try:
            output = self._commands["test"].result(deadline)
        except CommandFailed as error:
            return Unknown.because(str(error))
        messages = (ITS_PID.sub("scdaemon: ", line) for line in output.stderr.splitlines()[:MESSAGES_LIMIT])
        return SelfTest(code=output.code, messages=tuple(messages))

    def close(self) -> None:
        for command in self._commands.values():
            command.kill()


def homedir_problems(homedir: Maybe[str], is_default: bool) -> Maybe[tuple[HomeProblem | str, ...]]:
    """What makes a home directory unsafe, as gpg sees it: its owner, its mode, and a file system without either.

    gpg creates a missing one if it is the default, or is called .gnupg (g10/openfile.c, try_make_homedir).
    """
    if isinstance(homedir, Unknown):
        return homedir
    try:
        status = os.stat(homedir)
    except FileNotFoundError:
        return () if is_default or homedir.endswith("/.gnupg") else (HomeProblem.MISSING,)
    except OSError as error:
        return Unknown.because(f"{homedir}: {error.strerror}")
    if not stat.S_ISDIR(status.st_mode):
        return (HomeProblem.NO_DIRECTORY,)
    problems: list[HomeProblem | str] = []
    if status.st_uid != os.getuid():
        problems.append(HomeProblem.FOREIGN)
    if status.st_mode & 0o022:
        problems.append("others may write to it")
    kind = mounts.kind_of(homedir)
    if kind in WITHOUT_PERMISSIONS:
        problems.append(f"its file system ({kind}) knows no permissions")
    return tuple(problems)


def users_of(homedir: Maybe[str]) -> set[int]:
    """The users whose daemons may serve a home directory: its owner, and the one who runs this."""
    try:
        return {os.geteuid()} if isinstance(homedir, Unknown) else {os.geteuid(), os.stat(homedir).st_uid}
    except OSError:
        return {os.geteuid()}
