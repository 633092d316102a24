"""What zsh's completion is filled with: a function for each command, with the specifications that _arguments takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gpgdoctor.docs.tree import Argument, Command, Kind, Option, Value, every
from gpgdoctor.docs.words import Word

ACTIONS: dict[Kind, str] = {
    "directory": "_files -/",
    "file": "_files",
    "program": "_command_names -e",
}
GROUP = """\
    local curcontext=$curcontext state line
    local -a commands
    _arguments -C {options} '1: :->command' '*:: :->rest'
    case $state in
        command)
            commands=({commands})
            _describe -t commands 'command' commands ;;
        rest)
            case $words[1] in
{cases}
            esac ;;
    esac"""


def fill(root: Command, words: Mapping[Kind, tuple[Word, ...]]) -> dict[str, Iterable[str]]:
    """The lines for each place in the template."""
    functions = [*_word_functions(words), *(line for command in every(root) for line in _function(command))]
    return {"FUNCTIONS": functions}


def _word_functions(words: Mapping[Kind, tuple[Word, ...]]) -> Iterator[str]:
    for kind, listed in words.items():
        rows = [f"        {_described(each.word, each.about)}" for each in listed]
        yield from (f"_gpgdoctor_{kind}() {{", "    local -a listed", "    listed=(", *rows, "    )")
        yield from (f"    _describe -t {kind}s {kind} listed", "}", "")


def _function(command: Command) -> Iterator[str]:
    options = " ".join(_option(option) for option in command.options)
    yield f"{_name(command)}() {{"
    if command.children:
        commands = " ".join(_described(child.path[-1], child.summary) for child in command.children)
        cases = "\n".join(f"                {child.path[-1]}) {_name(child)} ;;" for child in command.children)
        yield GROUP.format(options=options, commands=commands, cases=cases)
    else:
        yield f"    _arguments -s -S {options} {' '.join(map(_argument, command.arguments))}".rstrip()
    yield from ("}", "")


def _name(command: Command) -> str:
    # Not _gpgdoctor_check: a function for a kind of word could be called the same.
    return "_gpgdoctor" + "".join(f"__{word}" for word in command.path)


def _option(option: Option) -> str:
    repeated = option.help.endswith("Repeatable.")
    others = "" if repeated else f"({' '.join(option.names)})"
    value = f":{_spec(option.value.placeholder)}:{_action(option.value)}" if option.value else ""
    tail = f"[{_spec(option.help)}]{value}"
    marks = ["=" if option.value and name.startswith("--") else "" for name in option.names]
    star = "*" if repeated else ""
    names = [_quoted(f"{others}{star}{name}{mark}{tail}") for name, mark in zip(option.names, marks, strict=True)]
    return " ".join(names)


def _argument(argument: Argument) -> str:
    return _quoted(f"{'*' if argument.many else ''}:{_spec(argument.value.placeholder)}:{_action(argument.value)}")


def _action(value: Value) -> str:
    """What completes it; a blank before a call keeps _arguments from adding options of its own to it."""
    calls = [ACTIONS.get(kind, f"_gpgdoctor_{kind}") for kind in value.kinds]
    if value.choices:
        return f"({' '.join(value.choices)})"
    return f" {calls[-1]}" if calls else " "


def _spec(text: str) -> str:
    """Inside of a specification colons and brackets have a meaning."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _described(word: str, about: str) -> str:
    return _quoted(f"{word}:{about}".replace(":", "\\:").replace("\\:", ":", 1))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
