"""The steps of a fix, as values: the same ones are shown, applied, written to the journal and undone."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from gpgdoctor.system.record import Record

Target = Literal["gpg-agent", "scdaemon"]


class Edit(Record):
    """A file before and after. None is a file that is not there."""

    path: str
    before: bytes | None
    after: bytes
    mode: int | None = None  # of the old file; known when the file is about to be written
    diff: str = ""  # as it is shown

    def as_json(self) -> dict[str, Any]:
        return {"kind": "edit", "path": self.path, "diff": self.diff}


class Restart(Record):
    target: Target
    argv: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"kind": "restart", "target": self.target, "argv": list(self.argv)}


class Advise(Record):
    text: str
    commands: tuple[tuple[str, ...], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"kind": "advise", "text": self.text, "commands": [list(argv) for argv in self.commands]}


Step: TypeAlias = Edit | Restart | Advise
