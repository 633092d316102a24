"""The facts that a finding rests on, as a person writes them: the place as in JSON, and the value in words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from gpgdoctor.diagnosis import Evidence
from gpgdoctor.system.escape import printable

SHOWN = 12
LISTED = 6  # of the items of one value


def told(because: Iterable[Evidence]) -> list[str]:
    """One text for each fact; what is known of one line of a file is one fact."""
    texts = [_fact(place, list(items)) for place, items in groupby(because, _line_of)]
    return (
        texts if len(texts) <= SHOWN else [*texts[: SHOWN - 1], f"and {len(texts) - SHOWN + 1} more, which --json has"]
    )


def _line_of(evidence: Evidence) -> str:
    place, _, field = evidence.fact.rpartition(".")
    return place if field in ("number", "text") and place.rpartition(".")[2].startswith("lines[") else evidence.fact


def _fact(place: str, items: list[Evidence]) -> str:
    if place == items[0].fact:
        return f"{place} = {value(items[0].value)}"
    fields = {item.fact.rpartition(".")[2]: item.value for item in items}
    number = f"line {fields['number']}: " if "number" in fields else ""
    return f"{place} = {number}{value(fields.get('text'))}"


def value(item: Any) -> str:
    """A fact's value in words."""
    if item is None or item == []:
        return "none"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, dict):
        return _record(item)
    if isinstance(item, list):
        shown = [value(part) for part in item[:LISTED]]
        more = [f"and {len(item) - LISTED} more"] if len(item) > LISTED else []
        return ("; " if isinstance(item[0], dict) else ", ").join([*shown, *more])
    return printable(str(item))


def _record(fields: dict[str, Any]) -> str:
    """The records that findings rest on, by their fields; others with all that they have."""
    told = {name: value(item) for name, item in fields.items()}
    match told:
        case {"unknown": reason}:
            return f"not known ({reason})"
        case {"option": option, "path": path, "line": line}:
            return f"{_with(option, told.get('value'))} ({path}, line {line})"
        case {"option": option, "by_path": path, "line": line}:
            return f"{option} in line {line}, by {path}" + (f", line {told['by_line']}" if "by_line" in told else "")
        case {"inode": _, "pid": pid}:
            return f"pid {pid}" if fields["pid"] else f"of uid {told.get('uid')}, pid not visible"
        case {"vendor": vendor, "product": product, "name": name}:
            title = told.get("title", "USB reader")
            return f"{title} ({vendor}:{product}, USB {name}, driver {told.get('driver', 'none')})"
        case {"name": name, "usable": usable}:
            return f"{name}, {told.get('reason') or f'usable {usable}'}"
        case {"name": name, "state": state}:
            return f"{name} ({state})"
    return ", ".join(f"{name} {item}" for name, item in told.items())


def _with(option: str, argument: str | None) -> str:
    return f"{option} {argument}" if argument is not None else option
