"""The installed pcscd's word on its version, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpgdoctor.collect import pcscd
from gpgdoctor.collect.deadline import Deadline
from gpgdoctor.facts import Unknown


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo pcsc-lite version 1.9.9.; echo Copyright", "1.9.9"),
        ("echo pcsc-lite version 2.3.3", "2.3.3"),
        ("echo hello", "does not tell"),
        ("sleep 5", "did not answer"),
        ("kill -SEGV $$", "died of signal"),
    ],
)
def test_what_it_says(script: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pcscd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(pcscd, "_program", lambda: str(program))
    said = pcscd.version(Deadline(0.3))
    assert expected in said.reason if isinstance(said, Unknown) else said == expected


def test_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcscd, "_program", lambda: None)
    assert pcscd.version(Deadline(0.3)) is None
