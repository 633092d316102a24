"""`demo --html`: the page is of what `check` found in the scenario that was played."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpgdoctor.commands.demo import with_page
from gpgdoctor.lab import catalogue, demo
from tests.support.labs import OpenLab
from tests.support.markup import problems, text_of


@pytest.mark.lab
def test_the_classic_as_a_page(open_lab: OpenLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_lab(replace(catalogue.BY_NAME["healthy"], readers=(), pcscd="never-started"))  # else it is skipped here
    path = tmp_path / "demo.html"
    assert with_page(catalogue.CLASSIC, str(path)) == demo.EXIT_SHOWN
    assert "$ gpgdoctor check" in capsys.readouterr().out
    page = path.read_text("utf-8")
    assert problems(page) == []
    assert (
        "Between pcscd and reader it is refused, says GD202: firefox has the card, scdaemon wants it alone."
        in text_of(page)
    )
    assert "firefox" in text_of(page) and "+pcsc-shared" in text_of(page)


def test_an_unknown_scenario_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "demo.html"
    assert with_page("no-such-scenario", str(path)) == demo.EXIT_USAGE
    assert not path.exists()
