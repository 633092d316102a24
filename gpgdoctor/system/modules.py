"""The modules of a package, by the names of their files."""

from __future__ import annotations

import os
from collections.abc import Iterable


def names(path: Iterable[str]) -> list[str]:
    """In alphabetical order; ``path`` is the package's __path__. pkgutil does the same, and takes 4 ms to import."""
    files = (os.path.splitext(entry) for folder in path for entry in os.listdir(folder))
    return sorted({name for name, ending in files if ending in (".py", ".pyc") and name.isidentifier()} - {"__init__"})
