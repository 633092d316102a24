"""GD603: whether the card in the reader is one that the user's keys name."""

from __future__ import annotations

import re

from gpgdoctor.facts import Facts, known, known_or
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.contention import NO_SCDAEMON, NOT_STARTING
from gpgdoctor.rules.rule import Found, NotApplicable, by_hand, hidden_by, rule
from gpgdoctor.wording import text

SIGNS_BY_KEYGRIP_SINCE = (2, 3)  # agent/divert-scd.c: any card that has the key will do
# An OpenPGP card's application identifier: 6 bytes of application, 2 of version, 2 of maker, 4 of serial number.
OPENPGP = re.compile(r"D27600012401([0-9A-F]{4})([0-9A-F]{12})[0-9A-F]*", re.IGNORECASE)


@rule(
    "GD603",
    "keys-of-another-card",
    "The card is one that your keys name.",
    worst="warning",
    causes=(*NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD308")),
)
def keys_of_another_card(facts: Facts) -> Found | None:
    running = known(facts.gnupg.running)
    if running is None or not running.cards:
        raise NotApplicable(text("scdaemon has no card"))
    any_card_will_do = scdaemon.version(facts) >= SIGNS_BY_KEYGRIP_SINCE
    # From 2.3 on it is for information only, so that what is not known makes nothing incomplete.
    stubs = known_or(facts.gnupg.stub_serials, ()) if any_card_will_do else known(facts.gnupg.stub_serials)
    if not stubs or {_plain(serial) for serial in stubs} & {_plain(card) for card in running.cards}:
        return None
    others = len({_plain(serial) for serial in stubs})
    return Found(
        severity="info" if any_card_will_do else "warning",
        summary=text(
            "Your keys are on {number} other card{s}, not on the one that scdaemon has.",
            number=others,
            s=text("s" if others > 1 else ""),
        ),
        effect=text("A card with the same keys works all the same.")
        if any_card_will_do
        else text("gpg asks for the card with the other serial number."),
        because=("gnupg.stub_serials", "gnupg.running.cards"),
        cure=by_hand(
            "Put the other card in; or, if this one has the same keys, have GnuPG learn it:",
            ("gpg-connect-agent", "scd serialno", "learn --force", "/bye"),
        ),
    )


def _plain(serial: str) -> str:
    """Without the version, which scdaemon 2.4 reports as 0000 where older stubs have the card's own (scd/app.c)."""
    found = OPENPGP.fullmatch(serial)
    return found[2].upper() if found else serial.upper()
