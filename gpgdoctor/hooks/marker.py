"""The comment that `hook install` puts at the end of what it writes: how its own files are known again."""

from __future__ import annotations

import hashlib
import re

from gpgdoctor.system.record import Record

# Every host takes "#" for a comment or skips the line; only reportbug's presubj shows it. It fits into 80 columns.
START = b"# gpgdoctor hook install: made=%d sha256="
MARKER = re.compile(rb"^# gpgdoctor hook install: made=([0-9]) sha256=", re.MULTILINE)
DIGEST_CHARACTERS = 32  # to notice changes: against somebody who can write there no digest would help


class Marked(Record):
    content: bytes  # what is before the marker
    made: int  # how many of the directories above the file were made for it, counted from the file
    intact: bool


def mark(content: bytes, made: int) -> bytes:
    """The content with its marker."""
    text = content + START % min(made, 9)
    return text + hashlib.sha256(text).hexdigest()[:DIGEST_CHARACTERS].encode() + b"\n"


def read(present: bytes) -> Marked | None:
    """What the marker of a file says; None where it has none."""
    found = MARKER.search(present)
    if found is None:
        return None
    content, made = present[: found.start()], int(found[1])
    return Marked(content=content, made=made, intact=mark(content, made) == present)
