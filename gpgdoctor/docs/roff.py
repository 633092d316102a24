"""Text for man pages: what roff would take for something else is escaped, and source lines stay short."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

WIDTH = 76
AS_IT_IS = "\b"
INLINE_CODE = re.compile(r"`([^`]+)`")
ESCAPES = str.maketrans(
    {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"},
)


def escaped(text: str) -> str:
    """On one line, in ASCII. A line must not begin with a dot that is meant as one."""
    line = _escaped(" ".join(text.split()))
    return f"\\&{line}" if line.startswith(".") else line


def _escaped(text: str) -> str:
    return "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in text.translate(ESCAPES))


def bold(text: str) -> str:
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    return f"\\fI{escaped(text)}\\fR"


def heading(macro: str, text: str) -> str:
    """.SH or .SS; its text is one argument, whatever is in it."""
    return f'.{macro} "{escaped(text)}"'


def prose(text: str) -> list[str]:
    """Lines of a paragraph; `code` is set in bold."""
    parts = INLINE_CODE.split(" ".join(text.split()))
    marked = "".join(f"\\fB{_escaped(part)}\\fR" if number % 2 else _escaped(part) for number, part in enumerate(parts))
    lines = textwrap.wrap(marked, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{line}" if line.startswith(".") else line for line in lines]


def paragraphs(text: str) -> Iterator[str]:
    """Text as --help takes it: an empty line between paragraphs; after a backspace lines stay as they are."""
    for number, block in enumerate(_blocks(text)):
        yield from [".PP"] if number else []
        yield from _code(block[1:]) if block[0].strip() == AS_IT_IS else prose(" ".join(block))


def markdown(text: str, *, heading_macro: str) -> Iterator[str]:
    """The little Markdown of the pages: headings, paragraphs, lists, and code between fences."""
    after_heading = True  # which begins a paragraph by itself
    for block in _blocks(text):
        first = block[0]
        if first.startswith("#"):
            yield heading(heading_macro, first.lstrip("# "))
        elif first.startswith("- "):
            yield from _items(block)
        else:
            yield from [] if after_heading else [".PP"]
            yield from _code(block[1:]) if first.startswith("```") else prose(" ".join(block))
        after_heading = first.startswith("#")


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines without an empty one; a fenced block is one, whatever is in it."""
    block: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            if fenced or block:
                yield block
                block = []
            fenced = not fenced
            block = [line] if fenced else []
        elif fenced or line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _code(lines: Iterable[str]) -> Iterator[str]:
    yield from (".in +4n", ".nf")
    for line in lines:
        blanks = len(line) - len(line.lstrip(" "))
        yield "\\&" + " " * blanks + escaped(line) if line.strip() else ".sp"
    yield from (".fi", ".in")


def _items(lines: Iterable[str]) -> Iterator[str]:
    item: list[str] = []
    for line in [*lines, "- "]:
        if line.startswith("- ") and item:
            yield from (".IP \\(bu 2", *prose(" ".join(item)))
            item = []
        item.append(line.removeprefix("- "))
