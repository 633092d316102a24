"""Documents that somebody wrote in order to break the report, or to speak through it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.fleet import page, sources
from gpgdoctor.fleet.markdown import render
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.reporting import culprit, document, finding, put, recorded, report, row

NASTY = "<script>alert(1)</script>\x1b[31m`|\u202e&\"'\n# GD999 \ud800"
DAMAGED: dict[str, Any] = {
    "empty": b"",
    "text": b"hello",
    "half": b'{"schema_version": "1.0", "fin',
    "nan": b'{"schema_version": NaN}',
    "deep": b"[" * 100_000,
    "digits": b"9" * 5000,
    "not-utf-8": b'{"schema_version": "\xff"}',
    "number": 7,
    "list-of-numbers": [1, 2],
    "nothing": {},
    "no-facts": {"schema_version": "1.0"},
    "newer": document(schema_version="2.0"),
    "version-is-a-list": document(schema_version=[]),
    "verdict": document(verdict="splendid"),
    "verdict-is-a-list": document(verdict=[[]]),
    "findings-are-a-text": document(findings="GD202"),
    "finding-is-a-text": document(findings=["GD202"]),
    "finding-without-id": document(findings=[{}]),
    "finding-with-a-long-id": document(finding("GD202" * 9)),
    "severity": document(finding(severity="deadly")),
    "too-many-findings": document(*[finding()] * 501),
    "check-is-a-number": document(checks=[1]),
    "facts-of-the-wrong-type": {"schema_version": "1.0", "facts": {"gnupg": 1}},
    "facts-are-a-list": {"schema_version": "1.0", "facts": []},
    "many-documents": [document()] * 501,
}


def test_damaged_documents_are_named_counted_and_fatal_to_nobody(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", healthy=document(), **DAMAGED)
    os.mkfifo(folder / "fifo.json")
    (folder / "link.json").symlink_to("/etc/passwd")
    (folder / "circle").symlink_to(folder)
    (folder / "gone.json").symlink_to(folder / "nowhere")
    with (folder / "huge.json").open("wb") as huge:
        huge.truncate(1 << 40)
    found = report(folder)
    assert found["hosts"] == 1
    assert {it["file"] for it in found["damaged"]} == {
        *(f"{name}.json" for name in (*DAMAGED, "fifo", "link", "gone", "huge")),
        "circle",
    }
    reasons = {it["file"]: it["reason"] for it in found["damaged"]}
    assert reasons["fifo.json"] == "not a regular file"
    assert reasons["link.json"] == "a symbolic link, which is not followed"
    assert reasons["huge.json"] == "larger than 4 MiB"


@pytest.mark.parametrize("place", ["facts", "findings", "checks", "verdict", "users", "schema_version"])
@pytest.mark.parametrize("value", [None, 0, -1, True, "", NASTY, [], [None], {}, {"unknown": 1}, [[[]]], 1e308])
def test_no_value_in_any_place_ends_the_report(place: str, value: Any, tmp_path: Path) -> None:
    found = report(put(tmp_path / "d", odd={**recorded("shared-holder"), place: value}, healthy=document()))
    assert found["hosts"] + len(found["damaged"]) == 2


@pytest.mark.parametrize("name", ["id", "name", "title", "severity", "culprits", "consequence_of", "fix", "users"])
@pytest.mark.parametrize("value", [None, 0, NASTY, [], [None], {}, [{}], {"steps": [{"kind": "edit"}]}])
def test_no_value_in_a_finding_ends_the_report(name: str, value: Any, tmp_path: Path) -> None:
    found = report(put(tmp_path / "d", odd=document(finding(**{name: value})), healthy=document()))
    assert found["hosts"] + len(found["damaged"]) == 2


def nasty() -> dict[str, Any]:
    fix = {
        "applicability": "costly",
        "steps": [{"kind": "edit", "path": f"/{NASTY}", "diff": f"+{NASTY}"}, {"kind": "restart", "target": NASTY}],
    }
    check = {"id": "GD204", "name": NASTY, "subject": NASTY, "status": "unknown", "reason": NASTY}
    facts = {"gnupg": {"scdaemon_version": NASTY}, "pcscd": {"version": NASTY}, "host": {"distribution": NASTY}}
    said = finding(name=NASTY, title=NASTY, culprits=[culprit(NASTY)], users=[NASTY], fix=fix)
    return document(said, checks=[check], facts=facts, users=[{"user": NASTY}, {"user": "another"}])


def nasty_report(folder: Path) -> dict[str, Any]:
    put(folder, anna=nasty(), failed={"failed": True, "msg": NASTY}, bad={"schema_version": NASTY, "facts": {}})
    (folder / "<script>alert(2)</script>\x1b[2J.json".replace("/", "")).write_text(json.dumps(nasty()))
    return report(folder)


def test_hostile_words_are_escaped_in_text(tmp_path: Path) -> None:
    text = render(nasty_report(tmp_path / "d"))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", text)
    outside = re.sub(r"(`+).+?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    assert "script" not in outside
    assert not re.search("^# GD999", text, re.MULTILINE)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.policy = ""
        self.style = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._inside = tag
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.style += data
            self._inside = ""


def test_the_page_runs_nothing_fetches_nothing_and_escapes_everything(tmp_path: Path) -> None:
    text = page.render(nasty_report(tmp_path / "d"))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", text)
    found = Page(text)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"}
    assert not found.attributes & {"src", "href", "style", "onload", "onclick", "onerror"}
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert found.policy.startswith("default-src 'none'")
    assert f"style-src 'sha256-{digest}'" in found.policy
    assert "url(" not in found.style
    assert "@import" not in found.style
    assert "prefers-color-scheme: dark" in found.style
    assert "@media print" in found.style


def test_a_crowd_of_different_names_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpgdoctor.fleet.tally.KEYS_LIMIT", 10)
    many = [document(finding(culprits=[culprit(f"program-{host}-{it}") for it in range(20)])) for host in range(3)]
    found = report(put(tmp_path / "d", **{f"host{number}": it for number, it in enumerate(many)}))
    assert len(found["programs"]) == 10
    assert found["left_out"] == 50
    assert row(found["findings"], id="GD202")["hosts"] == ["host0", "host1", "host2"]


def test_a_file_that_grows_is_read_to_the_limit_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LIMIT_BYTES", 100)
    assert report(put(tmp_path / "d", long=document()))["damaged"][0]["reason"].startswith("larger than")


def fleet(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "gpgdoctor", "fleet", "report", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=SOURCE_TREE, timeout=60)


def test_nothing_readable_is_wrong_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").mkdir()
    for given in (tmp_path / "empty", tmp_path / "fifo", tmp_path / "missing\x1b", put(tmp_path / "d", bad=b"{")):
        done = fleet(given)
        assert (done.returncode, done.stdout) == (2, "")
        assert "nothing readable was given" in done.stderr
        assert "\x1b" not in done.stderr


def test_the_page_is_written_whole_and_json_is_one_document(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", anna=recorded("shared-holder"), bad=b"{")
    where = tmp_path / "page.html"
    where.write_text("old")
    done = fleet(folder, "--json", "--html", where)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert row(json.loads(done.stdout)["findings"], id="GD202")["hosts"] == ["anna"]
    assert where.read_text().startswith("<!DOCTYPE html>")
    assert [it.name for it in tmp_path.iterdir() if it.name.endswith(".tmp")] == []
    assert fleet(folder, "--html", tmp_path / "no" / "where.html").returncode == 2


def test_text_loads_no_template_engine(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", anna=document(finding()))
    argv = [sys.executable, "-X", "importtime", "-m", "gpgdoctor", "fleet", "report", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=SOURCE_TREE, timeout=60)
    for name in ("jinja2", "gpgdoctor.rules", "gpgdoctor.collect", "psutil"):
        assert not re.search(rf"\| +{re.escape(name)}\b", done.stderr), name
