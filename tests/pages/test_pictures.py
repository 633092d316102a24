"""README's pictures are those that the documented command makes, and show what they should."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.browser import Browser
from tests.support.pictures import FOLDER, PICTURES, drawn


@pytest.mark.parametrize("name", PICTURES)
def test_it_can_be_made_anew(name: str) -> None:
    assert (FOLDER / f"{name}.svg").read_text("utf-8") == drawn(PICTURES[name]), "python tests/support/pictures.py"


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_it_is_an_image_that_runs_and_fetches_nothing(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and root.find("{*}title") is not None and root.find("{*}desc") is not None
    assert not re.search(r"<script|href|url\(|\son\w+=|@import", text)


def test_a_browser_shows_it_as_an_image(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    images = "".join(f'<img src="{(FOLDER / name).as_uri()}.svg" width="600">' for name in PICTURES)
    page.write_text(images)
    browser.open(page, 800)
    shown = "Promise.all([...document.images].map(it => it.decode().then(() => it.naturalWidth > 0)))"
    assert browser.run(shown) == [True] * len(PICTURES)
    assert browser.complaints() == []
