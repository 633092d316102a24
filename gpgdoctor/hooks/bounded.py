"""Output that every host can take: ASCII, of limited length, without lines that mean something to the host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

LIMIT_BYTES = 256 << 10
CUT = "[The rest is left out: the report would be too long.]\n"
LENGTHS = (1000, 300, 100, 30, 10)  # of lists in the facts, until the document fits
TEXT_LENGTH = 500
FIRST = ("verdict", "findings")
# reportbug takes text between such lines for headers of the mail and for paths of files to attach.
MARKER = re.compile(r"^(\s*)-(?=-\s*(?:BEGIN|END)\b)", re.MULTILINE)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def text(words: str, limit: int = LIMIT_BYTES) -> str:
    """ASCII lines; what is too long loses its end."""
    plain = words.encode("ascii", "backslashreplace").decode()
    plain = CONTROL.sub("?", plain).rstrip("\n") + "\n"
    plain = MARKER.sub(r"\1\\x2d", plain)
    if len(plain) <= limit:
        return plain
    kept = plain[: limit - len(CUT)]
    return kept[: kept.rfind("\n") + 1] + CUT


def page(candidates: Iterable[str], limit: int = LIMIT_BYTES) -> str | None:
    """The first page that is short enough, in ASCII; one that is cut would be none."""
    written = (it.encode("ascii", "xmlcharrefreplace").decode() + "\n" for it in candidates)
    return next((it for it in written if len(it) <= limit), None)


def findings_first(document: dict[str, Any], limit: int = LIMIT_BYTES) -> str:
    """The same for people who open it in an archive: the findings come first."""
    ordered = json.loads(dump(document, limit))
    first = {name: ordered.pop(name) for name in FIRST}
    return json.dumps({**first, **ordered}, ensure_ascii=True, indent=2 if "shortened" not in ordered else None) + "\n"


def dump(document: dict[str, Any], limit: int = LIMIT_BYTES) -> str:
    """One ASCII document. One that is too long has shorter lists in its facts, and says so in ``shortened``."""
    written = _written(document, indent=2)
    if len(written) <= limit:
        return written
    for length in LENGTHS:
        written = _written({**_shortened(document, length), "shortened": length})
        if len(written) <= limit:
            return written
    missing = {name: {"unknown": "left out: the report would be too long"} for name in document["facts"]}
    brief = {"facts": missing, "findings": [], "checks": [], "complete": False, "shortened": 0}
    kept = ("schema_version", "gpgdoctor", "verdict", "seconds")
    return _written({**{name: document[name] for name in kept}, **brief})


def _written(document: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps(document, ensure_ascii=True, sort_keys=True, indent=indent) + "\n"


def _shortened(value: Any, length: int) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item, length) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, length) for item in value[:length]]
    if isinstance(value, str) and len(value) > TEXT_LENGTH:
        return value[: TEXT_LENGTH - 3] + "..."
    return value
