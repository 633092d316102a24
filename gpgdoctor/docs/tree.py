"""The commands as plain records, taken from the parser that prints --help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from inspect import cleandoc
from typing import Any, Literal

from gpgdoctor.system.record import Record

Kind = Literal["directory", "file", "finding", "journal", "page", "program", "scenario"]

# What a placeholder in --help stands for. Every other one is free text, or has its words listed as choices.
KINDS: dict[str, Kind] = {
    "COMMAND": "program",
    "DIR": "directory",
    "FILE": "file",
    "ID": "finding",
    "N": "journal",
    "NAME": "page",
    "PATH": "file",
    "SCENARIO": "scenario",
}
WORD = re.compile(r"\w+")


class Value(Record):
    """What is given to an option, or as an argument."""

    placeholder: str
    kinds: tuple[Kind, ...]
    choices: tuple[str, ...]


class Option(Record):
    names: tuple[str, ...]
    help: str
    value: Value | None  # None: a flag
    default: str | None


class Argument(Record):
    help: str
    value: Value
    many: bool
    required: bool


class Command(Record):
    path: tuple[str, ...]  # without the program itself
    summary: str
    text: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    children: tuple[Command, ...]

    @property
    def name(self) -> str:
        return " ".join(("gpgdoctor", *self.path))


def read(context: Any) -> Command:
    """The whole tree, from the context of any command in it."""
    root = context.find_root()
    return _command(root.command, root, ())


def every(command: Command) -> Iterator[Command]:
    """The command and all below it."""
    yield command
    for child in command.children:
        yield from every(child)


def _command(command: Any, context: Any, path: tuple[str, ...]) -> Command:
    parameters = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    return Command(
        path=path,
        summary=_plain(command.get_short_help_str(limit=200)),
        text="\n\n".join(filter(None, map(_cleaned, (command.help, getattr(command, "epilog", None))))),
        options=tuple(_option(each) for each in parameters if each.param_type_name == "option"),
        arguments=tuple(_argument(each) for each in parameters if each.param_type_name == "argument"),
        children=tuple(_children(command, context, path)),
    )


def _cleaned(text: str | None) -> str:
    return cleandoc(text) if text else ""


def _children(command: Any, context: Any, path: tuple[str, ...]) -> Iterator[Command]:
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            inner = type(context)(child, info_name=name, parent=context)
            yield _command(child, inner, (*path, name))


def _option(parameter: Any) -> Option:
    flag = bool(parameter.is_flag)
    names = (*parameter.opts, *parameter.secondary_opts)
    return Option(
        names=tuple(sorted(names, key=lambda name: name.startswith("--"))),
        help=_plain(parameter.help or ""),
        value=None if flag else _value(parameter),
        default=None if flag else _default(parameter.default),
    )


def _argument(parameter: Any) -> Argument:
    return Argument(
        help=_plain(parameter.help or ""),
        value=_value(parameter),
        many=parameter.nargs == -1,
        required=bool(parameter.required),
    )


def _value(parameter: Any) -> Value:
    choices = _choices(parameter)
    placeholder = _bare(parameter.metavar or "") or "|".join(choices) or parameter.name.upper()
    kinds = [KINDS[word] for word in WORD.findall(placeholder) if word in KINDS]
    return Value(placeholder=placeholder, kinds=tuple(dict.fromkeys(kinds)), choices=choices)


def _bare(metavar: str) -> str:
    """Without the brackets and dots that say whether it may be left out and given more than once."""
    return metavar.removesuffix("...").removeprefix("[").removesuffix("]")


def _choices(parameter: Any) -> tuple[str, ...]:
    """Before 0.29 typer has them in the type, since then in a description of it."""
    listed = getattr(getattr(parameter, "type_descriptor", None), "choices", None)
    if listed is None:
        listed = getattr(getattr(parameter, "type", None), "choices", None)
    return tuple(_word(each) for each in listed or ())


def _default(default: Any) -> str | None:
    return None if default in (None, (), []) or callable(default) else _word(default)


def _word(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    return " ".join(text.split())
