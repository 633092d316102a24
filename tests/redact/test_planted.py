"""120 secrets and more, planted wherever one may be: none of them is in anything that leaves the machine.

The figures: python3 gpgdoctor/lab/bootstrap.py test tests/redact/test_planted.py -rA
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpgdoctor.cli import run
from gpgdoctor.commands.report import ReportOptions, report
from gpgdoctor.commands.snapshots import save
from gpgdoctor.diagnosis import diagnose
from gpgdoctor.hooks.answer import answer
from gpgdoctor.hooks.survey import Survey
from gpgdoctor.hooks.targets import BY_NAME, TARGETS, Target
from gpgdoctor.redact.names import fold
from gpgdoctor.report.json import document, dump
from gpgdoctor.system.record import replace
from tests.support.documents import written
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


def none_leaks(target: str, *texts: str) -> None:
    """Nothing of the corpus is in what that target gets, which is something."""
    for text in texts:
        assert len(text) > 20
        assert leaks(text) == []
    print(f"{target}: 0 of {len(SECRETS)} planted secrets in {sum(map(len, texts))} characters")


@every_version
def test_none_is_in_a_report(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(ReportOptions(homedir=None, probe=True, timeout_s=5.0, replay=written(tmp_path / "s", planted(version))))
    text = capsys.readouterr().out
    assert "## gpgdoctor report" in text
    none_leaks("report", text)


@every_version
def test_none_is_in_the_page_of_a_report(version: str, tmp_path: Path) -> None:
    page, replay = tmp_path / "page.html", written(tmp_path / "s", planted(version))
    assert report(ReportOptions(homedir=None, probe=True, timeout_s=5.0, replay=replay, html=str(page))) == 0
    assert "</html>" in page.read_text()
    none_leaks("report --html", page.read_text())


@every_version
def test_none_is_in_a_snapshot(version: str, tmp_path: Path) -> None:
    save(str(tmp_path / "s"), diagnose(planted(version)), 0.1, redact=True)
    none_leaks("check --save", (tmp_path / "s").read_text())


@every_version
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_none_is_in_what_a_host_gets(version: str, target: Target) -> None:
    none_leaks(f"hook run {target.name}", *(answer(target, survey, 0.1).output for survey in surveys(version)))


@every_version
@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_none_is_in_a_fleets_report(
    version: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what hosts send: a snapshot, and a document about all users."""
    documents = tmp_path / "documents"
    documents.mkdir()
    save(str(documents / "one.json"), diagnose(planted(version)), 0.1, redact=True)
    for number, survey in enumerate(surveys(version)):
        (documents / f"host{number}.json").write_text(answer(BY_NAME["json"], survey, 0.1).output)
    page = tmp_path / "page.html"
    options = {"text": [], "json": ["--json"], "html": ["--html", str(page)]}[form]
    assert run(["fleet", "report", str(documents), *options], None) == 0
    out = capsys.readouterr().out
    none_leaks(f"fleet report, {form}", page.read_text() if form == "html" else out)
