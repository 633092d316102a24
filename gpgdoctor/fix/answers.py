"""What an Assuan server answers, by number: the texts differ between languages and systems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CODE_BITS = 0xFFFF  # libgpg-error, gpg-error.h: the rest names the source


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """OK where ``code`` is 0, else the number of the error without its source, and its text."""

    code: int
    text: str = ""
    data: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.code == 0


def answer_in(lines: Iterable[str]) -> Answer | None:
    """The first OK or ERR, and the data before it; None where there is neither."""
    data: list[str] = []
    for line in lines:
        if line == "OK" or line.startswith("OK "):
            return Answer(code=0, data=tuple(data))
        failed = re.match(r"ERR (\d+)\s*(.*)", line)
        if failed:
            text = re.sub(r"\s*<[^>]*>\s*$", "", failed.group(2))
            return Answer(code=int(failed.group(1)) & CODE_BITS, text=text, data=tuple(data))
        if line.startswith("D "):
            data.append(line[2:])
    return None
