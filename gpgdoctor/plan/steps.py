"""What a fix consists of, as values: shown, applied, written to the journal and undone from the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from gpgdoctor.rules.rule import LineChange

Target = Literal["gpg-agent", "scdaemon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one configuration file is to say: options in force, and lines that change."""

    path: str
    options: tuple[str, ...] = ()
    changes: tuple[LineChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    path: str
    diff: str
    wish: Wish

    def as_json(self) -> dict[str, Any]:
        return {"kind": "edit", "path": self.path, "diff": self.diff}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    target: Target
    argv: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"kind": "restart", "target": self.target, "argv": list(self.argv)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advise:
    text: str
    commands: tuple[tuple[str, ...], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"kind": "advise", "text": self.text, "commands": [list(argv) for argv in self.commands]}


Step: TypeAlias = Edit | Restart | Advise
