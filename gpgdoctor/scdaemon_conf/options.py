"""The options that a GnuPG program knows, as it lists them (`--dump-option-table`)."""

from __future__ import annotations

import re

from gpgdoctor.system.record import Record

# gpgrt src/gpg-error.h: what the flags of an option mean.
TYPE_MASK = 7
ARGUMENT_TYPES = ("none", "int", "string", "long", "ulong")
OPTIONAL_ARGUMENT = 1 << 3
PREFIXED_NUMBER = 1 << 4
IGNORED = 1 << 6
NAMES_A_FILE = 1 << 8
HEADER = 1 << 9
# gpgrt src/argparse.c: help, version and the like, which gpgrt adds to every table.
FIRST_BUILT_IN_CODE = 32768


class Option(Record):
    name: str
    code: int
    flags: int
    description: str

    @property
    def argument(self) -> str:
        kind = self.flags & TYPE_MASK
        return ARGUMENT_TYPES[kind] if kind < len(ARGUMENT_TYPES) else "string"

    @property
    def argument_optional(self) -> bool:
        return bool(self.flags & OPTIONAL_ARGUMENT)

    @property
    def base(self) -> int:
        """For numbers, as strtol has it: 0 takes 0x and 0 in front."""
        return 0 if self.flags & PREFIXED_NUMBER else 10

    @property
    def ignored(self) -> bool:
        return bool(self.flags & IGNORED)

    @property
    def names_a_file(self) -> bool:
        """`options FILE`: in a file it is read and does nothing."""
        return bool(self.flags & NAMES_A_FILE) and self.argument != "none"

    @property
    def usable_in_a_file(self) -> bool:
        """Headings, `--help` and `--no-options` are found in the table, but no program takes them from a file."""
        if self.flags & HEADER or self.code >= FIRST_BUILT_IN_CODE:
            return False
        return not self.flags & NAMES_A_FILE or self.argument != "none"


class OptionTable:
    __slots__ = ("_by_name", "options")

    def __init__(self, *, options: tuple[Option, ...]) -> None:
        self.options = options
        # The first of two options of one name is the one that gpgrt finds.
        self._by_name = {option.name: option for option in reversed(options)}

    @property
    def names(self) -> tuple[str, ...]:
        """What can stand in a configuration file."""
        return tuple(option.name for option in self.options if option.usable_in_a_file)

    def find(self, name: str) -> Option | None:
        """As the program looks it up: headings and `help` are found as well."""
        return self._by_name.get(name)

    def knows(self, name: str) -> bool:
        option = self.find(name)
        return option is not None and option.usable_in_a_file

    def argument(self, name: str) -> str | None:
        """One of ARGUMENT_TYPES, or None where the option is not known."""
        option = self.find(name)
        return option.argument if option else None

    @property
    def own_ccid_driver(self) -> bool | None:
        """Whether scdaemon was built with a CCID driver of its own; None: no word of it in this table."""
        option = self.find("disable-ccid")
        # scd/scdaemon.c hides `disable-ccid` where it is built without libusb.
        return option.description != "@" if option else None


def parse_option_table(text: str) -> OptionTable:
    """From the lines `NAME:CODE:FLAGS:DESCRIPTION:`; others are skipped."""
    options = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and all(number.isdecimal() and len(number) < 10 for number in fields[1:3]):
            options.append(
                Option(name=fields[0], code=int(fields[1]), flags=int(fields[2]), description=_unescaped(fields[3]))
            )
    return OptionTable(options=tuple(options))


def _unescaped(text: str) -> str:
    return re.sub(r"%([0-9A-F]{2})", lambda escape: chr(int(escape[1], 16)), text)


# common/comopt.c of GnuPG 2.3.1 and later: no program prints the table of common.conf.
COMMON_OPTIONS = parse_option_table(
    "log-file:500:2:@:\nuse-keyboxd:501:0:@:\nkeyboxd-program:502:2:@:\nno-autostart:503:0:@:\n"
)
