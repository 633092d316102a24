"""What fish's completion is filled with: a `complete` for each command, option and argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpgdoctor.docs.tree import Command, Kind, Option, Value, every
from gpgdoctor.docs.words import Word

OFFERED: dict[Kind, str] = {
    "directory": "(__fish_complete_directories)",
    "journal": "(__gpgdoctor_journal)",
    "program": "(__fish_complete_command)",
}


def fill(root: Command, words: Mapping[Kind, tuple[Word, ...]]) -> dict[str, Iterable[str]]:
    """The lines for each place in the template."""
    return {
        "FUNCTIONS": [line for kind, listed in words.items() for line in _function(kind, listed)],
        "COMMANDS": [line for command in every(root) for line in _command(command)],
    }


def _function(kind: str, listed: Iterable[Word]) -> Iterable[str]:
    rows = [f"        {_quoted(each.word)} {_quoted(each.about)} \\" for each in listed]
    yield from (f"function __gpgdoctor_{kind}", "    printf '%s\\t%s\\n' \\", *rows)
    yield from ("        ", "end", "")


def _command(command: Command) -> Iterable[str]:
    here = " ".join(("__gpgdoctor_in", *command.path)) if command.path else "__gpgdoctor_at"
    exactly = " ".join(("__gpgdoctor_at", *command.path))
    for child in command.children:
        yield f"complete -c gpgdoctor -n {_quoted(exactly)} -a {child.path[-1]} -d {_quoted(child.summary)}"
    for option in command.options:
        yield f"complete -c gpgdoctor -n {_quoted(exactly if command.children else here)} {_option(option)}"
    for argument in command.arguments:
        if how := _offered(argument.value):
            yield f"complete -c gpgdoctor -n {_quoted(here)} {how}"


def _option(option: Option) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    value = f" {_value(option.value)}" if option.value else ""
    return f"{names}{value} -d {_quoted(option.help)}"


def _value(value: Value) -> str:
    """Required; and no file (-x) unless one is meant."""
    return f"{'-r' if 'file' in value.kinds else '-x'} {_offered(value)}".rstrip()


def _offered(value: Value) -> str:
    """Files where a file is meant, else the words of its kinds."""
    if "file" in value.kinds:
        return "-F"
    words = [*value.choices, *(OFFERED.get(kind, f"(__gpgdoctor_{kind})") for kind in value.kinds)]
    return f"-a {_quoted(' '.join(words))}" if words else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
