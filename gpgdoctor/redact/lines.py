"""Lines of configuration files: options stay, comments go."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.names import Names
from gpgdoctor.redact.paths import Paths
from gpgdoctor.redact.readers import Readers
from gpgdoctor.redact.search import Search
from gpgdoctor.redact.words import META_COMMANDS, VALUES
from gpgdoctor.scdaemon_conf.meaning import PLAIN

COMMENT, REDACTED_LINE = "# [redacted comment]", "[redacted line]"
LINE = re.compile(r"([\s\ufeff]*-{0,2})([^\s=:#]+)([\s=:]*)(.*)", re.DOTALL)
META = re.compile(r"\s*\[\s*([+-]?[a-z-]+)\s*([^\]]*)\](.*)", re.DOTALL)
COMMENTED_OUT = re.compile(r"(\s*#+\s*)([a-z][a-z-]+)(\s+|$)(.*)", re.DOTALL)
NOTE = re.compile(r"(?:^|(?<=\s))#")
ADDRESS = re.compile(r"([a-z]+://)(.+)", re.DOTALL)
TAKES_A_PATH = re.compile(r".*-(?:file|program|socket|driver|dir)|homedir|options")
NUMBER = re.compile(r"0x[0-9A-Fa-f]{1,8}|-?\d{1,5}")
ALIKE, FARTHEST = 0.8, 3  # a typo, and no other word

# What scdaemon, gpgrt and gpg-agent say about a configuration; anything else they print may quote it.
SAID = re.compile(
    r"invalid option|argument not expected|missing argument|invalid argument|keyword too long|invalid meta command|"
    r"unknown meta command|unexpected meta command|invalid alias definition|error (?:reading|opening|accessing) .*|"
    r"note: no default option file|permission denied|no such file or directory|read error|line too long",
    re.IGNORECASE,
)
ORIGIN = re.compile(
    r"(?P<program>(?:gpg-agent|scdaemon|gpgconf)(?:\[(?P<pid>\d{1,10})\])?: )?"
    r"(?:(?P<words>option file )?(?P<path>/[^:]+|[\w.-]+\.conf):(?P<line>\d+): )?(?P<said>.*)",
    re.DOTALL,
)
LONGEST_WORD = 60  # twice the longest option's


class Lines:
    """Redacts the content of a configuration so that it still means the same to scdaemon."""

    def __init__(
        self, aliases: Aliases, names: Names, paths: Paths, search: Search, readers: Readers, options: Iterable[str]
    ) -> None:
        self._aliases, self._names, self._paths = aliases, names, paths
        self._search, self._readers = search, readers
        self._options = set(options)
        self._parts = {part for option in self._options for part in option.split("-")}

    def line(self, text: str, option: str | None = None) -> str:
        """A line of a file; ``option`` is the one that it is known to be about."""
        return "".join(self._line(part, option) for part in re.split(r"([\r\n]+)", text))

    def value(self, option: str | None, text: str) -> str:
        """What follows an option, including a comment on the same line."""
        found = NOTE.search(text)
        if found:
            self._aliases.count("comment", text[found.start() :])
            return self.value(option, text[: found.start()]) + COMMENT
        value = text.strip()
        return text.replace(value, self._value(option, value), 1) if value else text

    def message(self, text: str) -> str:
        """A message of a program about its configuration."""
        found = ORIGIN.fullmatch(text)
        assert found is not None, "it matches anything"
        program, said = found["program"] or "", found["said"]
        if found["pid"]:
            program = program.replace(found["pid"], str(self._aliases.pid(int(found["pid"]))))
        place = f"{self._paths.path(found['path'])}:{found['line']}: " if found["path"] else ""
        if not SAID.fullmatch(said):
            self._aliases.count("message", said)
            said = "[redacted message]"
        return f"{program}{found['words'] or ''}{place}{self._search.text(said)}"

    def _line(self, text: str, option: str | None) -> str:
        if not text.strip():
            return text
        if text.lstrip().startswith("#"):
            return self._comment(text, option)
        if text.lstrip().startswith("["):
            return self._meta(text)
        found = LINE.fullmatch(text)
        about = self._option_of(found[2], option) if found else None
        if found is None or about is None:
            return self._redacted_line(text)
        return f"{found[1]}{found[2]}{found[3]}{self.value(about, found[4])}"

    def _comment(self, text: str, option: str | None) -> str:
        found = COMMENTED_OUT.fullmatch(text)
        if found and (found[2] in self._options or found[2] == option):
            return f"{found[1]}{found[2]}{found[3]}{self.value(found[2], found[4])}"
        self._aliases.count("comment", text)
        return COMMENT

    def _meta(self, text: str) -> str:
        found = META.fullmatch(text)
        if found is None or found[1].lstrip("+-") not in META_COMMANDS:
            return self._redacted_line(text)
        name, argument, note = found[1], found[2].strip(), found[3].strip()
        if argument and argument != "*":
            argument = self._names.user(argument) if name == "user" else self._aliases.alias("value", argument)
        if note:
            self._aliases.count("comment", note)
        return f"[{name}{' ' if argument else ''}{argument}]{f' {COMMENT}' if note else ''}"

    def _redacted_line(self, text: str) -> str:
        self._aliases.count("line", text)
        return REDACTED_LINE

    def _option_of(self, word: str, option: str | None) -> str | None:
        """The option that a line is about; None where the word is not, and is not nearly, the name of an option."""
        plain = word.translate(PLAIN).strip("'\"`;,").lower().replace("_", "-")
        if plain in self._options or plain == option:
            return plain
        if len(plain) > LONGEST_WORD:
            return None
        if all(part in self._parts for part in plain.split("-")):
            return option or plain
        import difflib

        for known in difflib.get_close_matches(plain, sorted(self._options), n=1, cutoff=ALIKE):
            return known if abs(len(known) - len(plain)) <= FARTHEST else None
        return None

    def _value(self, option: str | None, value: str) -> str:
        plain = value.strip("'\"")
        if option == "reader-port":
            return self._readers.port(value)
        address = ADDRESS.fullmatch(plain)
        if address:
            return value.replace(plain, address[1] + self._aliases.alias("value", address[2]), 1)
        if option is not None and TAKES_A_PATH.fullmatch(option):
            return value.replace(plain, self._paths.path(plain), 1)
        words = re.split(r"[\s,=]+", value.lower())
        numbers = [word for word in words if NUMBER.fullmatch(word)]
        if len(numbers) <= 1 and all(word in VALUES or word in numbers or not word for word in words):
            return value
        return self._aliases.alias("value", value)
