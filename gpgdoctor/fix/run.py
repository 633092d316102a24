"""`gpgdoctor fix` and `undo`, from the look to the exit code."""

from __future__ import annotations

from dataclasses import dataclass

from gpgdoctor.fix.console import Console

__all__ = ["Console", "FixOptions", "fix", "list_journal", "undo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOptions:
    ids: tuple[str, ...] = ()
    yes: bool = False
    dry_run: bool = False
    json: bool = False
    homedir: str | None = None
    keep_agent: bool = False
    verify: bool = True


def fix(options: FixOptions, io: Console) -> int:
    """Cure what can be cured; returns the exit code."""
    raise NotImplementedError


def undo(number: int | None, io: Console) -> int:
    """Put back what fix number ``number`` changed, or the last one; returns the exit code."""
    raise NotImplementedError


def list_journal(io: Console) -> int:
    """Print the journal; returns the exit code."""
    raise NotImplementedError
