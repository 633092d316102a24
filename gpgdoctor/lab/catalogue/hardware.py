"""Readers and cards."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import CARD_STATUS, DISABLE_CCID, ON_PCSC
from gpgdoctor.lab.scenario import File, Reader, Scenario

# A driver for no reader at all, so that nothing of the machine is taken.
A_DRIVER = File(path="/usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist", content="<plist/>\n", mode=0o644)
# As GnuPG 2.2 keeps a key that is on a card with another serial number; later versions read that as well.
NUMBER, CURVE_POINT = bytes.fromhex("D2760001240103040006123456780000"), b"@" + bytes(range(32))
STUB = File(
    path=".gnupg/private-keys-v1.d/0123456789ABCDEF0123456789ABCDEF01234567.key",
    content=(
        b"(20:shadowed-private-key(3:ecc(5:curve7:Ed25519)(5:flags5:eddsa)(1:q33:%s)"
        b"(8:shadowed5:t1-v1(16:%s9:OPENPGP.1))))" % (CURVE_POINT, NUMBER)
    ),
)

SCENARIOS = (
    Scenario(
        name="no-reader",
        about="pcscd runs and has a driver, and no reader is there.",
        readers=(),
        files=(ON_PCSC, A_DRIVER),
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
    Scenario(
        name="empty-reader-first",
        about="A built-in reader comes before the one with the card: GnuPG 2.2 takes the first through PC/SC.",
        readers=(Reader(name="Alcor Link AK9567", card="absent"), Reader()),
        files=(DISABLE_CCID,),
        expect=("GD506",),
        gpg="fails",
        expect_since_2_3=(),
        gpg_since_2_3="works",
    ),
    Scenario(
        name="keys-of-another-card",
        about="The keys are on another card: GnuPG 2.2 asks for that one, later versions do not mind.",
        files=(ON_PCSC, STUB),
        steps=(CARD_STATUS,),
        expect=("GD603",),
        expect_since_2_3=(),
        gpg="works",
    ),
)
