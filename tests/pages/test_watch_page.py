"""`watch --html`: the timeline as a page, for short watches and long ones, and as a real watch writes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gpgdoctor.commands.files import write_text
from gpgdoctor.instruments.watch.page import RELOAD_S, render
from gpgdoctor.instruments.watch.series import MOST_SERIES, marks_of, series_of
from gpgdoctor.instruments.watch.timeline import Recorder, Timeline
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.scenario import Client, Scenario
from tests.support.axe import violations
from tests.support.browser import Browser
from tests.support.labs import OpenLab
from tests.support.markup import problems, text_of
from tests.support.timelines import READERS, timeline
from tests.support.watching import Watching

NASTY = "<script>document.title='owned'</script>\"'><img src=http://example.org/x>{{7*7}}</svg>\x1b[31m\u202e\ud800\n"
HOUR_S = 3600.0
PATIENCE_S = 30.0
TIMELINES = {
    "nothing": Recorder(0.0).timeline(5.0),
    "no-time": Recorder(0.0).timeline(0.0),
    "short": timeline(40, 60.0),
    "hour": timeline(10_000, HOUR_S),
    "nasty": timeline(60, 60.0, readers=(NASTY, f"{NASTY} 01"), programs=(NASTY, f"{NASTY} x", "firefox")),
    "crowd": timeline(3000, 600.0, programs=tuple(f"program-{number}" for number in range(80))),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_nothing_on_it_acts_and_its_markup_is_whole(name: str) -> None:
    page = render(TIMELINES[name])
    assert problems(page) == []
    assert all(character.isprintable() or character == "\n" for character in page)
    assert page.count('href="') == page.count('href="#')


@pytest.mark.parametrize("name", ["short", "hour"])
def test_every_program_and_reader_has_its_lane_and_its_row(name: str) -> None:
    text = text_of(render(TIMELINES[name]))
    for row in TIMELINES[name].rows:
        assert text.count(f"\n{row.program}\n") + text.count(row.program) >= 2
    for reader in READERS:
        assert reader in text


@pytest.mark.parametrize("name", TIMELINES)
def test_what_is_merged_is_all_there(name: str) -> None:
    drawn: Timeline = TIMELINES[name]
    series = series_of(drawn)
    assert len(series) <= MOST_SERIES or drawn.seconds == 0
    assert sum(it.times for it in series) == len(drawn.spans)
    begun = [it for it in drawn.marks if it.kind not in ("wait", "refused") or it.change == "began"]
    assert sum(len(it.events) for it in marks_of(drawn)) == len(begun)
    for it in series:
        assert it.start_s <= it.end_s <= max(drawn.seconds, it.end_s)


def test_every_piece_leads_to_its_row() -> None:
    page = render(TIMELINES["short"])
    targets = {part.split('"')[0] for part in page.split('href="#')[1:]}
    rows = {part.split('"')[0] for part in page.split('<tr id="')[1:]}
    assert targets and targets <= rows


def test_it_loads_itself_again_only_while_the_watch_runs() -> None:
    asks = f'<meta http-equiv="refresh" content="{RELOAD_S}">'
    assert asks in render(TIMELINES["short"], is_running=True)
    assert "refresh" not in render(TIMELINES["short"])


@pytest.mark.parametrize("name", TIMELINES)
def test_a_browser_has_nothing_to_complain_of(name: str, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "watch.html"
    path.write_text(render(TIMELINES[name]), "utf-8")
    for width in (360, 800, 1600):
        browser.open(path, width, dark=width == 800)
        assert browser.run("document.title") == "gpgdoctor watch"
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.scripts.length + document.images.length") == 0
        assert "What happened" in browser.run("document.body.innerText")
    assert browser.requests(path) == [] and browser.complaints() == []


def test_a_piece_is_reached_by_keyboard_and_leads_to_its_row(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "watch.html"
    path.write_text(render(TIMELINES["short"]), "utf-8")
    browser.open(path, 800)
    for key in ("Tab", "Enter"):
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Tab": 9, "Enter": 13}[key]
        browser.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        browser.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)
    target = browser.run("document.querySelector(':target')?.id")
    assert target and browser.run("location.hash") == f"#{target}"


def test_an_open_browser_shows_what_is_written_next(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "watch.html"
    write_text(str(path), render(TIMELINES["nothing"], is_running=True))
    browser.open(path, 800)
    assert "firefox" not in browser.run("document.body.innerText")
    write_text(str(path), render(TIMELINES["short"]))
    end = time.monotonic() + RELOAD_S + PATIENCE_S
    while "firefox" not in browser.run("document.body?.innerText ?? ''"):
        assert time.monotonic() < end, "the page was not loaded again"
        time.sleep(0.2)
    assert browser.complaints() == []


def test_hovering_and_the_keyboard_tell_what_a_piece_is(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "watch.html"
    path.write_text(render(TIMELINES["short"]), "utf-8")
    browser.open(path, 800)
    links = "[...document.querySelectorAll('svg.strip a')]"
    named = f"{links}.filter(it => it.getAttribute('aria-label') && it.querySelector('title')?.textContent).length"
    assert browser.run(named) == browser.run(f"{links}.length") > 0
    plain = browser.run(f"getComputedStyle({links}[0].querySelector('rect')).fill")
    focused = browser.run(f"({links}[0].focus(), getComputedStyle({links}[0].querySelector('rect')).fill)")
    assert plain != focused


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_by_everybody(dark: bool, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "watch.html"
    path.write_text(render(TIMELINES["short"]), "utf-8")
    browser.open(path, 1000, dark=dark)
    assert violations(browser) == []


@pytest.mark.lab
def test_a_watch_writes_it_while_it_runs_and_at_its_end(open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="watched", about="made for a test", files=(ON_PCSC,)))
    path = "/tmp/watch.html"  # of the lab

    def page() -> str:
        return str(lab.run(["cat", path]).stdout)

    watch = Watching(lab, "--json", "--html", path)
    watch.event("reader", reader=lab.readers[0])
    watch.until("a page that is loaded again", lambda: 'http-equiv="refresh"' in page())
    firefox = lab.start_client(Client(kind="shared", program="firefox"))
    watch.event("take", program="firefox")
    watch.until("the page of a watch that runs, with firefox on it", lambda: "firefox" in page())
    firefox.stop()
    watch.event("release", program="firefox")
    assert watch.interrupt() == 0
    assert "the page is written" in watch.complaints and "Traceback" not in watch.complaints
    assert "refresh" not in page() and "firefox holds the card, shared" in page()
    assert problems(page()) == []
