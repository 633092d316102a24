"""What no fixed text can say: a ticket of GnuPG's by its number, and a daemon that crashed, whoever reports it."""

from __future__ import annotations

import re
from functools import cache

from gpgdoctor.manual.pages import Page, pages
from gpgdoctor.manual.speakers import Line

TICKET = re.compile(r"(?<!\w)(t\d{4})(?!\d)")
# A number alone may be anything: beside it stands whose ticket it is.
OF_GNUPG = re.compile(r"dev\.gnupg\.org|gnupg|\bgpg\b|scdaemon|yubikey|smart ?card")
DAEMON = r"(?:scdaemon|gpg-agent|keyboxd|pcscd)"
CRASH = r"(?:segfault\w*|segmentation fault|core ?dump\w*|dumped core|sig(?:segv|abrt|bus)|signal (?:6|11)|crash\w*)"
CRASHED = re.compile(rf"\b{DAEMON}\b.*\b{CRASH}|\b{CRASH}\b.*\b{DAEMON}\b")
OF_A_CRASH = "other-known-versions"


def in_line(said: Line) -> list[tuple[Page, str]]:
    """The pages that a line leads to by a sign, and the words that did."""
    whole = said.whole
    found = []
    if OF_GNUPG.search(whole):
        found = [(page, number) for number in TICKET.findall(whole) for page in _by_ticket().get(number, ())]
    crashed = CRASHED.search(whole)
    return [*found, *((page, crashed[0]) for page in pages() if crashed and page.id == OF_A_CRASH)]


@cache
def _by_ticket() -> dict[str, list[Page]]:
    """The pages that name a ticket."""
    named: dict[str, list[Page]] = {}
    for page in pages():
        for number in dict.fromkeys(TICKET.findall(page.text.lower())):
            named.setdefault(number, []).append(page)
    return named
