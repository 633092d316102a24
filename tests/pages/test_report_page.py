"""`report --html`: what stands on the page, that nothing on it acts, and how a real browser shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.redact.redact import redact
from gpgdoctor.report.html import render
from gpgdoctor.system.record import replace
from tests.support import drawings
from tests.support.axe import violations
from tests.support.browser import Browser
from tests.support.documents import MACHINES
from tests.support.evil_names import EVIL, all_renamed
from tests.support.known_secrets import planted
from tests.support.markup import problems, text_of
from tests.support.page_machines import EVERY, NASTY

SHOWN = drawings.shown()
CONSPICUOUS = ("shared-holder", "transaction-held", "sick", "hostile", "long", "pcscd-never-started", "many-readers")


def page_of(facts: Facts) -> str:
    return render(*redact(diagnose(facts)))


def page_as_it_is(facts: Facts) -> str:
    """Without redaction, which would take most of an attack out."""
    return render(diagnose(facts), {NASTY: 1})


# -- what stands on it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_nothing_on_it_acts_and_its_markup_is_whole(name: str) -> None:
    for page in (page_of(EVERY[name]), page_as_it_is(EVERY[name])):
        assert problems(page) == []
        assert all(character.isprintable() or character == "\n" for character in page)
        assert "49" not in re.findall(r"\b49\b", text_of(page)) or "{{" not in NASTY


@pytest.mark.parametrize("name", [*MACHINES, "sick"])
def test_all_of_it_is_told(name: str) -> None:
    diagnosis, ledger = redact(diagnose(EVERY[name]))
    words = " ".join(text_of(render(diagnosis, ledger)).split())
    for finding in diagnosis.findings:
        assert f"{finding.id} {finding.rule.name}" in words
        assert f"gpgdoctor explain {finding.id}" in words
        for who in finding.found.culprits:
            assert who.certainty in words
    for check in diagnosis.checks:
        assert check.rule.title in words
    for kind in ledger:
        assert kind in words


def test_the_cure_is_a_diff_with_its_costs() -> None:
    page = page_of(MACHINES["shared"])
    assert '<span class="add">+disable-ccid</span>' in page
    assert "the PIN is asked once more" in page


def test_the_picture_has_a_title_and_a_description() -> None:
    page = page_of(MACHINES["shared"])
    for name in ("wide", "tall"):
        assert f'aria-labelledby="{name}-title {name}-desc"' in page
    described = re.search(r'<desc id="wide-desc">(.*?)</desc>', page)
    broken = "Between pcscd and reader it is refused, says GD202: firefox has the card, scdaemon wants it alone."
    assert described and broken in described[1]


@pytest.mark.parametrize(
    ("machine", "sign", "path"),
    [
        ("shared-holder", "\N{MULTIPLICATION SIGN}", "M-4.5 -4.5L"),
        ("usb-scdaemon-first", "!", "M0 -5V1"),
        ("transaction-held", "\N{HORIZONTAL ELLIPSIS}", "M-4.5 0h.1"),
    ],
)
def test_a_mark_differs_by_more_than_its_colour(machine: str, sign: str, path: str) -> None:
    page = page_of(EVERY[machine])
    assert re.search(rf'<text class="caption \w+"[^>]*>{sign} GD\d', page)
    assert path in page
    assert not any(other in page for other in {"M-4.5 -4.5L", "M0 -5V1", "M-4.5 0h.1"} - {path})


def test_a_readers_name_is_as_long_as_it_takes_to_know_it() -> None:
    """Where it is on USB stands beneath; pcscd's numbers only where there is another of that name."""
    assert ">USB 1-1:1.2</text>" in page_of(SHOWN["GD402"])
    assert not re.search(r'class="name"[^>]*>[^<]*00', page_of(SHOWN["GD202"]))
    assert re.search(r'class="name"[^>]*>[^<]*00 0', page_of(SHOWN["GD205"]))


def test_it_is_redacted() -> None:
    page = page_of(planted())
    assert not re.search("alice|acme|hunter2", page)


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("machine", ["shared-holder", "two-users", "sick", "planted"])
def test_every_name_on_a_machine_may_be_hostile(name: str, machine: str, browser: Browser, tmp_path: Path) -> None:
    page = page_as_it_is(all_renamed(EVERY[machine], EVIL[name]))
    assert problems(page) == []
    path = tmp_path / "report.html"
    path.write_text(page, "utf-8")
    browser.open(path, 360)
    assert browser.run("document.title") == "gpgdoctor report"
    assert browser.run("document.scripts.length + document.images.length + document.links.length") == 0
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert "What was redacted" in browser.run("document.body.innerText")
    assert browser.requests(path) == [] and browser.complaints() == []


# -- the command -------------------------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gpgdoctor", "report", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_TREE)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def snapshot(name: str) -> str:
    return str(SOURCE_TREE / "fixtures" / "snapshots" / f"{name}.json")


HEALTHY = snapshot("healthy")


def test_the_command_writes_a_page_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    done = run("--from", snapshot("shared-holder"), "--html", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("<!DOCTYPE html>") and "GD202" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_one_line_and_1(tmp_path: Path) -> None:
    done = run("--from", snapshot("shared-holder"), "--html", str(tmp_path / "no" / "report.html"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "No such file" in done.stderr


@pytest.mark.parametrize("command", ["check", "report"])
def test_jinja_is_not_loaded_where_no_page_is_written(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gpgdoctor", command, "--from", HEALTHY],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(SOURCE_TREE)},
    )
    assert "gpgdoctor.diagnosis" in done.stderr and "jinja2" not in done.stderr


# -- as a browser shows it ---------------------------------------------------------------------------------------


def shown(facts: Facts, path: Path) -> Path:
    path.write_text(page_as_it_is(facts), "utf-8")
    return path


@pytest.mark.parametrize("name", ["healthy", *CONSPICUOUS, "nasty", "planted"])
def test_a_browser_has_nothing_to_complain_of(name: str, browser: Browser, tmp_path: Path) -> None:
    path = shown(EVERY[name], tmp_path / "report.html")
    for width in (360, 800, 1600):
        browser.open(path, width, dark=width == 800)
        browser.run("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert browser.run("document.title") == "gpgdoctor report"
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.scripts.length + document.images.length + document.links.length") == 0
        assert "What was redacted" in browser.run("document.body.innerText")
        assert browser.run("document.querySelectorAll('svg.way').length") == 2
        seen = "[...document.querySelectorAll('svg.way')].filter(it => it.getBoundingClientRect().width > 0).length"
        assert browser.run(seen) == 1
    assert browser.requests(path) == [] and browser.complaints() == []


@pytest.mark.parametrize("name", ["healthy", *CONSPICUOUS])
def test_no_text_of_the_picture_leaves_its_box(name: str, browser: Browser, tmp_path: Path) -> None:
    path = shown(EVERY[name], tmp_path / "report.html")
    outside = """
        [...document.querySelectorAll('svg.way text')].filter(text => {
            const box = text.getBBox(), view = text.ownerSVGElement.viewBox.baseVal;
            return box.width > 0 && (box.x < 0 || box.x + box.width > view.width || box.y + box.height > view.height);
        }).map(text => text.textContent)"""
    wider = """
        [...document.querySelectorAll('svg.way rect')].flatMap(rect => {
            const room = rect.getBBox();
            return [...rect.parentNode.querySelectorAll('text.name, text.note')].filter(text => {
                const box = text.getBBox();
                const x = box.x + box.width / 2, y = box.y + box.height / 2;
                const within = x > room.x && x < room.x + room.width && y > room.y && y < room.y + room.height;
                return within && box.width > room.width;
            }).map(text => text.textContent);
        })"""
    for width in (360, 1600):
        browser.open(path, width)
        assert browser.run(outside) == [] and browser.run(wider) == []


def test_it_is_printed_on_two_pages(browser: Browser, tmp_path: Path) -> None:
    browser.open(shown(MACHINES["shared"], tmp_path / "report.html"), 800)
    assert browser.pdf_pages() <= 2


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["sick", "shared-holder"])
def test_it_can_be_read_by_everybody(name: str, dark: bool, browser: Browser, tmp_path: Path) -> None:
    """axe-core's rules, colours and their contrast among them."""
    browser.open(shown(EVERY[name], tmp_path / "report.html"), 1000, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(it => it.open = true)")
    assert violations(browser) == []


# -- colours, those of the picture too, which axe-core does not look into ----------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_colour_of_text_stands_out() -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1."""
    style = (SOURCE_TREE / "gpgdoctor" / "report" / "pages" / "colours.css").read_text()
    for scheme in re.findall(r":root \{(.*?)\n *\}", style, re.DOTALL)[:2]:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for text in ("ink", "faint", "error", "warning", "info", "pass"):
            for ground in ("paper", "panel"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, colours)


def test_a_machine_may_have_everything_wrong_at_once() -> None:
    facts = replace(EVERY["sick"], readers=EVERY["many-readers"].readers)
    assert problems(page_as_it_is(facts)) == []
