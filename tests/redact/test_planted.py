"""120 secrets and more, planted wherever one may be: none of them is in anything that leaves the machine.

The figures: python3 gpgdoctor/lab/bootstrap.py test tests/redact/test_planted.py -rA
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpgdoctor.commands.report import ReportOptions, report
from gpgdoctor.commands.snapshots import save
from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.hooks.answer import answer
from gpgdoctor.hooks.survey import Survey
from gpgdoctor.hooks.targets import TARGETS
from gpgdoctor.redact.names import fold
from gpgdoctor.report.json import document, dump
from gpgdoctor.snapshot import encode
from gpgdoctor.system.record import replace
from tests.support.planted import HOST, NEVER_KEPT, SECRETS, planted

VERSIONS = ("2.2.40", "2.4.7")
every_version = pytest.mark.parametrize("version", VERSIONS)


ESCAPED = re.compile(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})")


def leaks(text: str) -> list[str]:
    """The secrets in a text, in any case, and also where the text is ASCII with escapes."""
    told = fold(ESCAPED.sub(lambda match: chr(int(match[1] or match[2], 16)), text))
    return [secret for secret in SECRETS if fold(secret) in told]


@pytest.fixture(autouse=True)
def on_that_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename=HOST))


def surveys(version: str) -> tuple[Survey, ...]:
    """Whoever calls, and root for all users."""
    facts = planted(version)
    nobody = replace(facts, host=replace(facts.host, user="root", uid=0))
    other = replace(facts, host=replace(facts.host, user="dagobert", uid=1_399_001))
    return Survey(machine=facts), Survey(machine=nobody, users=(facts, other))


def test_there_are_enough_of_them() -> None:
    assert len(SECRETS) >= 120


def test_all_of_them_were_there() -> None:
    """The corpus is worth something only where the document that is not redacted has it."""
    told = leaks(dump(document(diagnose(planted()), 0)))
    assert {*SECRETS} - {*told} == {*NEVER_KEPT}


@every_version
def test_none_is_in_a_report(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(ReportOptions(homedir=None, probe=True, timeout_s=5.0, replay=written(tmp_path / "s", planted(version))))
    text = capsys.readouterr().out
    assert "## gpgdoctor report" in text
    assert leaks(text) == []


@every_version
def test_none_is_in_a_snapshot(version: str, tmp_path: Path) -> None:
    save(str(tmp_path / "s"), diagnose(planted(version)), 0.1, redact=True)
    assert leaks((tmp_path / "s").read_text()) == []


@every_version
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_none_is_in_what_a_host_gets(version: str, target: object) -> None:
    for survey in surveys(version):
        assert leaks(answer(target, survey, 0.1).output) == []  # type: ignore[arg-type]


def written(path: Path, facts: Facts) -> str:
    path.write_text(json.dumps({"schema_version": "1.0", "facts": encode(facts)}))
    return str(path)
