"""Who only looks does not wait for what redacts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.documents import written
from tests.support.planted import planted

CHECK = """
import sys
from gpgdoctor.cli import run
run(sys.argv[1:], None)
print([name for name in sys.modules if name.startswith("gpgdoctor.redact")], file=sys.stderr)
"""


@pytest.mark.parametrize("form", ["text", "json", "nagios"])
def test_check_loads_no_redaction(form: str, tmp_path: object) -> None:
    path = written(tmp_path / "s", planted())  # type: ignore[operator]
    argv = [sys.executable, "-c", CHECK, "check", "--from", path, "--format", form]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1] == "[]"
