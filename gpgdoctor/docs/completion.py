"""Completion for bash, zsh and fish: a template for each, filled with what the command tree has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files

from gpgdoctor.docs import bash, fish, zsh
from gpgdoctor.docs.tree import Command, Kind
from gpgdoctor.docs.words import JOURNAL_DIRECTORY, JOURNAL_PREFIX, JOURNAL_SUFFIX, Word

Fill = Callable[[Command, Mapping[Kind, tuple[Word, ...]]], dict[str, Iterable[str]]]
FILLS: dict[str, Fill] = {"bash": bash.fill, "zsh": zsh.fill, "fish": fish.fill}
# Where each shell looks, below a prefix, and what the file is called there.
PLACES = {
    "bash": "share/bash-completion/completions/gpgdoctor",
    "zsh": "share/zsh/site-functions/_gpgdoctor",
    "fish": "share/fish/vendor_completions.d/gpgdoctor.fish",
}


def script(shell: str, root: Command, words: Mapping[Kind, tuple[Word, ...]]) -> str:
    """The file as that shell reads it."""
    text = files("gpgdoctor.docs").joinpath("shells").joinpath(shell).read_text("ascii")
    filled = {name: "\n".join(lines) for name, lines in FILLS[shell](root, words).items()}
    filled |= {"DIRECTORY": JOURNAL_DIRECTORY, "PREFIX": JOURNAL_PREFIX, "SUFFIX": JOURNAL_SUFFIX}
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text
