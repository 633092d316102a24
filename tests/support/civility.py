"""What every run of gpgdoctor owes its caller, whatever the machine did to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpgdoctor.lab.plan import SOURCE_TREE

CHECKED = (0, 1, 3)
USAGE, DEFECT = 2, 70
PATIENCE_S = 30
NEVER_PRINTED = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x200B]} - {"\n"}

Done = subprocess.CompletedProcess[str]


def gpgdoctor(*arguments: str, **how: Any) -> Done:
    """Run it on this machine."""
    return run([sys.executable, "-m", "gpgdoctor", *arguments], **how)


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, without: Sequence[str] = (), cwd: Path | str = "/"
) -> Done:
    environment = {name: value for name, value in os.environ.items() if name not in without}
    return subprocess.run(
        argv,
        env={**environment, "PYTHONPATH": str(SOURCE_TREE), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        cwd=cwd,
        timeout=PATIENCE_S,
    )


def assert_clear(done: Done, *, codes: Sequence[int] = CHECKED) -> None:
    """A result on stdout, or one line on stderr: no traceback, and nothing that moves the cursor."""
    everything = done.stdout + done.stderr
    assert done.returncode in codes, (done.returncode, everything[-1000:])
    assert "Traceback" not in everything, everything[-2000:]
    assert not NEVER_PRINTED & set(everything), ascii(NEVER_PRINTED & set(everything))
    if done.returncode in CHECKED or done.stdout:
        assert done.stdout.strip(), done.stderr
        assert done.stderr == "" or done.returncode == DEFECT
    else:
        assert done.stderr.count("\n") == 1, done.stderr


def document(done: Done) -> dict[str, Any]:
    """The JSON of a check, which is as clear as any other result."""
    assert_clear(done)
    assert done.stdout.isascii()
    found: dict[str, Any] = json.loads(done.stdout)
    return found
