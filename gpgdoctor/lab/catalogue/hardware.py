"""Readers and cards."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.scenario import Reader, Scenario

SCENARIOS = (
    Scenario(
        name="no-reader",
        about="pcscd runs, and no reader is there.",
        readers=(),
        files=(ON_PCSC,),
        expect=("GD501",),
        gpg="fails",
    ),
    Scenario(
        name="empty-reader",
        about="No card is in the reader.",
        readers=(Reader(card="absent"),),
        files=(ON_PCSC,),
        info=("GD503",),
        gpg="fails",
    ),
    Scenario(
        name="mute-card",
        about="The card does not answer, as when it is in upside down.",
        readers=(Reader(card="mute"),),
        files=(ON_PCSC,),
        expect=("GD504",),
        gpg="fails",
    ),
    Scenario(
        name="foreign-card",
        about="The card is fine, and is no OpenPGP card: which shows only when the card is asked.",
        readers=(Reader(card="foreign"),),
        files=(ON_PCSC,),
        gpg="fails",
    ),
)
