"""README's table of findings, made of the catalogue; ``recordings.py --rejudge`` rewrites it."""

from __future__ import annotations

import re
from pathlib import Path

from gpgdoctor.rules import catalogue

README = Path(__file__).resolve().parents[2] / "README.md"
HEAD = "| id | what is checked |\n|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def with_table(text: str) -> str:
    """The text with the table as it ought to be; ValueError where it has none."""
    rows = "".join(f"| {rule.id} | {rule.title} |\n" for rule in catalogue().values())
    changed, found = TABLE.subn((HEAD + rows).replace("\\", r"\\"), text)
    if found != 1:
        raise ValueError(f"{README.name} has {found} tables of findings")
    return changed


def rewrite() -> None:
    before = README.read_text(encoding="utf-8")
    after = with_table(before)
    if after != before:
        README.write_text(after, encoding="utf-8")
