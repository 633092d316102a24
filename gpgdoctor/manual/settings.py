"""Options of GnuPG that a text names: what somebody set and tells of belongs among the first pages."""

from __future__ import annotations

import re

# The option, and the page on what it may do to a card.
PAGES = {
    "reader-port": "GD105",
    "scdaemon-program": "GD108",
    "disable-scdaemon": "GD108",
    "disable-ccid": "GD205",
    "pcsc-shared": "GD202",
    "pcsc-driver": "GD106",
    "shared-access": "GD101",
    "card-timeout": "GD110",
    "ctapi-driver": "GD110",
    "disable-keypad": "GD110",
    "pinentry-program": "GD113",
    "use-keyboxd": "GD315",
    "disable-application": "GD117",
    "deny-admin": "GD117",
    "--homedir": "other-wrong-home",
}
OPTION = re.compile(rf"(?<![\w-])(?:{'|'.join(PAGES)})(?![\w-])")


def pages_for(text: str) -> list[str]:
    """The ids of the pages on the options that a text names, in the text's order, each once."""
    return list(dict.fromkeys(PAGES[option] for option in OPTION.findall(text.lower())))
