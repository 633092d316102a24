"""The page for several users, as hooks write it: a part for each, one ledger, nothing private."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gpgdoctor.facts import Facts
from gpgdoctor.hooks.answer import answer, judge
from gpgdoctor.hooks.bounded import LIMIT_BYTES
from gpgdoctor.hooks.survey import Survey
from gpgdoctor.hooks.targets import BY_NAME
from gpgdoctor.system.record import replace
from tests.support.axe import violations
from tests.support.browser import Browser
from tests.support.known_secrets import planted
from tests.support.markup import problems, text_of
from tests.support.page_machines import EVERY, nasty

SICK, HEALTHY = EVERY["shared-holder"], EVERY["healthy"]


def user(facts: Facts, name: str, uid: int) -> Facts:
    return replace(facts, host=replace(facts.host, user=name, uid=uid))


def survey(*each: Facts, left_out: int = 0) -> Survey:
    users = tuple(user(facts, f"person{number}", 1000 + number) for number, facts in enumerate(each))
    return Survey(machine=user(each[0] if each else HEALTHY, "root", 0), users=users, left_out=left_out)


SURVEYS = {
    "two": survey(SICK, HEALTHY),
    "nobody": survey(),
    "nasty": survey(nasty(), HEALTHY, EVERY["hostile"]),
    "planted": survey(planted(), SICK),
    "different": survey(SICK, HEALTHY, EVERY["sick"], EVERY["umlauts"]),
}


def page_of(of: Survey) -> str:
    said = answer(BY_NAME["html"], of, 0.0)
    assert said.code == 0 and said.output.isascii() and said.output.endswith("</html>\n")
    return said.output


@pytest.mark.parametrize("name", SURVEYS)
def test_nothing_on_it_acts_and_its_markup_is_whole(name: str) -> None:
    assert problems(page_of(SURVEYS[name])) == []


def test_every_user_has_a_part_and_the_machine_is_told_once() -> None:
    page = page_of(SURVEYS["two"])
    assert re.findall(r'<h2 id="name-\d">(.*?)</h2>', page) == ["user1", "user2"]
    assert re.findall(r'<a href="#(user-\d)">(.*?)</a>', page) == [("user-1", "user1"), ("user-2", "user2")]
    ids = re.findall(r'\bid="(.*?)"', page)
    assert len(ids) == len(set(ids)) and {"user-1-wide-title", "user-2-tall-desc"} <= set(ids)
    first, second = page.split('<section id="user-2"')
    assert "GD202" in first and "GD202" not in second and "Nothing was found." in second
    assert page.count("<summary>USB</summary>") == 1


def test_one_ledger_counts_for_all() -> None:
    page = page_of(SURVEYS["two"])
    assert page.count("What was redacted") == 1
    rows = dict(re.findall(r'<tr><td>(.*?)</td><td class="number" data-label="how many">(\d+)</td></tr>', page))
    ledger = judge(SURVEYS["two"], ()).ledger
    assert ledger["user"] >= 2 and {kind: int(number) for kind, number in rows.items()} == ledger


def test_it_is_redacted() -> None:
    page = page_of(SURVEYS["planted"])
    assert not re.search("alice|acme|hunter2|person", page)


def test_who_is_left_out_is_counted() -> None:
    assert "3 more users were left out." in page_of(survey(SICK, left_out=3))
    assert "No user here has a log-in" in text_of(page_of(SURVEYS["nobody"]))


def test_of_many_users_it_tells_less_but_stays_a_whole_page() -> None:
    many = survey(*[EVERY["sick"]] * 20)
    page = page_of(many)
    assert len(page) <= LIMIT_BYTES and problems(page) == []
    told = len(re.findall(r'<section id="user-', page))
    left_out = re.search(r"(\d+) more users were left out", page)
    assert told + (int(left_out[1]) if left_out else 0) == 20 and told > 0


def test_of_one_user_it_is_the_report() -> None:
    page = page_of(Survey(machine=SICK))
    assert "Every check" in page and "GD202" in page and problems(page) == []


@pytest.mark.parametrize("name", SURVEYS)
def test_a_browser_has_nothing_to_complain_of(name: str, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "users.html"
    path.write_text(page_of(SURVEYS[name]))
    for width in (360, 800, 1600):
        browser.open(path, width, dark=width == 800)
        browser.run("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.scripts.length + document.images.length") == 0
        assert "What was redacted" in browser.run("document.body.innerText")
    assert browser.requests(path) == [] and browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_by_everybody(dark: bool, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "users.html"
    path.write_text(page_of(SURVEYS["two"]))
    browser.open(path, 1000, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(it => it.open = true)")
    assert violations(browser) == []
