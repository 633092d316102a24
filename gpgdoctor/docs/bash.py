"""What bash's completion is filled with: one line of a `case` for each command, option and kind of word."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from gpgdoctor.docs.tree import Command, Kind, Value, every
from gpgdoctor.docs.words import Word


def fill(root: Command, words: Mapping[Kind, tuple[Word, ...]]) -> dict[str, Iterable[str]]:
    """The lines for each place in the template."""
    commands = list(every(root))
    return {
        "GROUPS": [" ".join(_path(command) for command in commands if command.children)],
        "OPTIONS": [_case([_path(command)], _names(command)) for command in commands],
        "VALUES": [line for command in commands for line in _values(command)],
        "ARGUMENTS": [_case([_path(command)], said) for command in commands if (said := _arguments(command))],
        "WORDS": [_case([kind], (each.word for each in listed)) for kind, listed in words.items()],
    }


def _path(command: Command) -> str:
    return "/".join(command.path) or "."


def _case(patterns: Iterable[str], said: Iterable[str]) -> str:
    return f"        {'|'.join(map(shlex.quote, patterns))}) echo {shlex.quote(' '.join(said))} ;;"


def _names(command: Command) -> list[str]:
    return [name for option in command.options for name in option.names]


def _values(command: Command) -> list[str]:
    taking = [(option.names, option.value) for option in command.options if option.value]
    return [_case([f"{_path(command)} {name}" for name in names], _kinds(value)) for names, value in taking]


def _arguments(command: Command) -> list[str]:
    if command.children:
        return [f"={child.path[-1]}" for child in command.children]
    return [kind for argument in command.arguments for kind in _kinds(argument.value) if kind != "none"]


def _kinds(value: Value) -> list[str]:
    """A word that can be chosen stands behind an equals sign."""
    return [*(f"={choice}" for choice in value.choices), *value.kinds] or ["none"]
