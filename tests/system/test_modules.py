"""The names of a package's modules."""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules

import pytest

import gpgdoctor.collect
import gpgdoctor.rules
from gpgdoctor.system import modules


@pytest.mark.parametrize("package", [gpgdoctor.rules, gpgdoctor.collect])
def test_they_are_what_python_finds(package: object) -> None:
    path = list(package.__path__)  # type: ignore[attr-defined]
    assert modules.names(path) == sorted(module.name for module in iter_modules(path))


def test_nothing_else_is_one(tmp_path: Path) -> None:
    for name in ("__init__.py", "b.py", "a.pyc", "README.md", "pages", "._a.py", ".#b.py", "a b.py"):
        (tmp_path / name).touch()
    assert modules.names([str(tmp_path)]) == ["a", "b"]
