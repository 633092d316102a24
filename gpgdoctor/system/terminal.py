"""How wide lines may be."""

from __future__ import annotations

import os
from typing import TextIO

WIDEST = 80
NARROWEST = 20


def width(stream: TextIO) -> int:
    """Columns: at most 80, fewer where COLUMNS or the terminal behind the stream says so."""
    asked = os.environ.get("COLUMNS", "")
    columns = int(asked) if asked.isascii() and asked.isdigit() and int(asked) > 0 else _of_terminal(stream)
    return max(NARROWEST, min(WIDEST, columns))


def _of_terminal(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDEST
    except (OSError, ValueError, AttributeError):  # no terminal, closed, no stream at all
        return WIDEST
