"""Hides differences between the versions of typer: how --help shows arguments, and how values are converted.

Since 0.29 typer has pydantic convert every value that is no flag, also one that was not given. Loading pydantic takes
longer than a whole check (120 ms). Words and numbers need no such help.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, get_args

from typer import BadParameter

from gpgdoctor.system.suggestions import did_you_mean

NUMBERS = {int: "integer", float: "float"}


def alike(command: Any) -> Any:
    """Change the command and all its sub-commands so that their parameters are the same with every version of typer."""
    for parameter in command.params:
        if parameter.param_type_name == "argument" and parameter.metavar:
            _show_as_written(parameter)
        _convert(parameter)
    _convert_help(command)
    for child in getattr(command, "commands", {}).values():
        alike(child)
    return command


def _show_as_written(argument: Any) -> None:
    """Since 0.22 typer adds brackets and dots of its own to a metavar, since 0.29 also the type."""
    metavar, help = argument.metavar, argument.help or ""
    argument.get_usage_pieces = lambda context: [metavar]
    argument.get_help_record = lambda context: (metavar, help)


def _convert_help(command: Any) -> None:
    """--help is a parameter that comes only when it is asked for."""
    typers = command.get_help_option

    def ours(context: Any) -> Any:
        option = typers(context)
        if option is not None:
            _convert(option)
        return option

    command.get_help_option = ours


def _convert(parameter: Any) -> None:
    """Before 0.29 there is no such method, and nothing to spare."""
    if hasattr(getattr(parameter, "type", None), "choices"):
        parameter.type.convert = _suggesting(parameter.type)
    if hasattr(parameter, "get_runtime_param") and not isinstance(parameter.get_runtime_param, _Conversion):
        parameter.get_runtime_param = _Conversion(parameter)


def _suggesting(choice: Any) -> Callable[..., Any]:
    typers = choice.convert

    def convert(value: Any, param: Any, ctx: Any) -> Any:
        try:
            return typers(value, param, ctx)
        except BadParameter as error:
            error.message += did_you_mean(str(value), map(str, choice.choices), after=" ")
            raise

    return convert


class _Conversion:
    """Converts words and numbers itself, and leaves everything else to typer."""

    def __init__(self, parameter: Any) -> None:
        self._typers: Callable[[], Any] = parameter.get_runtime_param
        wanted = parameter.type_descriptor.annotation
        self._is_list = parameter.type_descriptor.is_list
        self._wanted = get_args(wanted)[0] if self._is_list else wanted

    def __call__(self) -> _Conversion:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The converted value; raises BadParameter where that is not possible."""
        if value is None:
            return [] if self._is_list else None
        if not isinstance(self._wanted, type) or not issubclass(self._wanted, (str, int, float)):
            return self._typers().coerce(value, param=param, ctx=ctx)
        each = value if self._is_list else [value]
        try:
            converted = [word if isinstance(word, self._wanted) else self._wanted(word) for word in each]
        except ValueError:
            raise BadParameter(self._complaint(value), ctx=ctx, param=param) from None
        return converted if self._is_list else converted[0]

    def _complaint(self, value: object) -> str:
        if issubclass(self._wanted, Enum):
            words = [str(each.value) for each in self._wanted]
            return f"{value!r} is not one of {', '.join(map(repr, words))}." + did_you_mean(
                str(value), words, after=" "
            )
        return f"{value!r} is not a valid {NUMBERS[self._wanted]}."
