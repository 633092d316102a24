"""What the two sides of a room agree on: how it is to look, and how it can fail."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCE_TREE = Path(__file__).resolve().parents[2]


class LabUnavailable(Exception):
    """The lab cannot be had on this machine; the message says why."""


class LabFailed(Exception):
    """The lab was there, but something in it did not do what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a room looks like: file entries are {path, mode, owner, content}."""

    root: str | None = None
    parts: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    layer: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    copies: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> bytes:
        return json.dumps({name: getattr(self, name) for name in self.__slots__}).encode()
