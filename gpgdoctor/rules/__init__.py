"""The only code that judges: pure functions from facts to findings.

A module has the rules that share their reasoning: a whole family (hardware.py, sharing.py), or a part of one. Its first
line says which ids are in it; a module without ids there is what several rules derive from the facts.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from gpgdoctor.rules.rule import Rule, registered
from gpgdoctor.system import modules


@cache
def catalogue() -> dict[str, Rule]:
    """Every rule by id, in the order of their numbers. Importing a module of this folder registers its rules."""
    for module in modules.names(__path__):
        import_module(f"{__name__}.{module}")
    return dict(sorted(registered().items()))


def with_name(id: str) -> str:
    """An id as people read it: "GD601 pin-asked-every-time"; KeyError where there is no such rule."""
    return f"{id} {catalogue()[id].name}"
