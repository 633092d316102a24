"""The sub-commands of `gpgdoctor docs`: parse, call, return the exit code. No logic."""

# ruff: noqa: UP045 - typer 0.7, which Debian 12 has, does not know "str | None"
from __future__ import annotations

from enum import Enum
from typing import Optional

import typer


class Shell(str, Enum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


docs = typer.Typer(
    name="docs",
    help="Man pages and shell completions, written as files, for packagers and users.",
    short_help="Man pages and shell completions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SHELL = typer.Argument(..., metavar="bash|zsh|fish", help="The shell that is to complete.")
_PREFIX = typer.Option(None, metavar="DIR", help="Write it where that shell looks below this directory.")


@docs.command()
def man(
    context: typer.Context,
    directory: str = typer.Argument(..., metavar="DIR", help="Where they are written; made where it is missing."),
) -> int:
    """Write the man pages: gpgdoctor(1), one for each command, and gpgdoctor-findings(7)."""
    from gpgdoctor.commands import docs

    return docs.man(context, directory)


@docs.command()
def completion(
    context: typer.Context,
    shell: Shell = _SHELL,
    prefix: Optional[str] = _PREFIX,
) -> int:
    """Print a completion with the ids, names, scenarios and fixes that gpgdoctor knows."""
    from gpgdoctor.commands import docs

    return docs.completion(context, shell.value, prefix=prefix)
