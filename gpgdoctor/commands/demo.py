"""`gpgdoctor demo --html`: play the scenario, and write what `check` found as a page."""

from __future__ import annotations

import sys
from typing import Any

from gpgdoctor.commands.report import write_page
from gpgdoctor.diagnosis import diagnose
from gpgdoctor.lab import demo
from gpgdoctor.redact.redact import redact
from gpgdoctor.snapshot import decode

NOT_WRITTEN = 1


def with_page(name: str, path: str) -> int:
    """Play it and write the page; the exit code of the demo, 1 where there is no page."""
    documents: list[dict[str, Any]] = []
    code = demo.run_demo(name, out=sys.stdout, err=sys.stderr, found=documents.append)
    if not documents:
        return code or NOT_WRITTEN
    written = write_page(path, *redact(diagnose(decode(documents[0]["facts"]))))
    return code or written
