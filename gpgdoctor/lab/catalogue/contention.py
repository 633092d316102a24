"""Who has the reader, and who wants it."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import (
    ANOTHER_READER,
    CARD_STATUS,
    CARD_STATUS_FAILS,
    DISABLE_CCID,
    ON_PCSC,
    SHARED_OPTIONS,
)
from gpgdoctor.lab.layout import HOME
from gpgdoctor.lab.scenario import Client, File, Reader, Scenario, Step

WORK_HOME = ".gnupg-work"
ANOTHER_USER = 1002
ANOTHER_USERS_CARD_STATUS = (
    "mkdir -m 700 /tmp/other && echo disable-ccid >/tmp/other/scdaemon.conf && gpg --homedir /tmp/other --card-status"
)

SCENARIOS = (
    Scenario(
        name="healthy",
        about="A reader, a card, nobody else: gpg works.",
        files=(ON_PCSC,),
        gpg="works",
    ),
    Scenario(
        name="idle-client",
        about="Another program talks to pcscd, but holds no card: gpg works.",
        clients=(Client(kind="idle"),),
        files=(ON_PCSC,),
        gpg="works",
    ),
    Scenario(
        name="shared-options-in-force",
        about="scdaemon has the card and shares it: gpg works, and so may others.",
        files=(SHARED_OPTIONS,),
        steps=(CARD_STATUS,),
        gpg="works",
    ),
    Scenario(
        name="scdaemon-exclusive",
        about="gpg works, and scdaemon then keeps every other program from the card.",
        files=(ON_PCSC,),
        steps=(CARD_STATUS,),
        expect=(),
        info=("GD201",),
        gpg="works",
    ),
    Scenario(
        name="scdaemon-exclusive-idle-client",
        about="The same, and another program waits that will not get the card.",
        clients=(Client(kind="idle"),),
        files=(ON_PCSC,),
        steps=(CARD_STATUS,),
        expect=("GD201",),
        gpg="works",
        cure=True,
    ),
    Scenario(
        name="shared-holder",
        about='Another program shares the reader; scdaemon wants it alone: gpg says "No such device".',
        clients=(Client(kind="shared"),),
        files=(ON_PCSC,),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD202",),
        gpg="fails",
        cure=True,
    ),
    Scenario(
        name="shared-holder-other-network",
        about="The same, with a holder that is not to be seen, as in a container.",
        clients=(Client(kind="shared", other_network=True),),
        files=(ON_PCSC,),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD202",),
        gpg="fails",
        cure=True,
    ),
    Scenario(
        name="second-reader-holder",
        about="Another program has a second reader, which scdaemon would not take: gpg works.",
        readers=(Reader(), ANOTHER_READER),
        clients=(Client(kind="shared", reader=1),),
        files=(ON_PCSC,),
        gpg="works",
    ),
    Scenario(
        name="exclusive-holder",
        about="Another program holds the card exclusively; no option of scdaemon helps.",
        clients=(Client(kind="exclusive", program="yubikey-agent"),),
        files=(ON_PCSC,),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD203",),
        gpg="fails",
    ),
    Scenario(
        name="transaction-held",
        about="Another program does not let go of a transaction: gpg hangs.",
        clients=(Client(kind="transaction"),),
        files=(ON_PCSC,),
        expect=("GD204",),
        gpg="hangs",
    ),
    Scenario(
        name="ccid-driver-against-pcscd",
        about="pcscd has the reader; GnuPG since 2.3 does not turn to pcscd by itself.",
        gpg="works",
        expect_since_2_3=("GD205",),
        gpg_since_2_3="fails",
        cure=True,
    ),
    Scenario(
        name="two-homes",
        about="A second GNUPGHOME's scdaemon has the card.",
        homes=(".gnupg", WORK_HOME),
        files=(ON_PCSC, File(path=f"{WORK_HOME}/scdaemon.conf", content="disable-ccid\n")),
        steps=(Step(argv=("gpg", "--homedir", f"{HOME}/{WORK_HOME}", "--card-status")), CARD_STATUS_FAILS),
        expect=("GD206",),
        gpg="fails",
    ),
    Scenario(
        name="two-users",
        about="Another user's scdaemon has the card.",
        files=(ON_PCSC,),
        steps=(Step(argv=("sh", "-c", ANOTHER_USERS_CARD_STATUS), user=ANOTHER_USER), CARD_STATUS_FAILS),
        expect=("GD206",),
        gpg="fails",
    ),
    Scenario(
        name="foreign-select",
        about='The card is shared, and another program selects its own applet: gpg says "Card error", and again.',
        readers=(ANOTHER_READER,),  # later versions of scdaemon notice it on a YubiKey
        clients=(Client(kind="foreign-select", program="keepassxc", after_steps=True),),
        files=(SHARED_OPTIONS,),
        steps=(CARD_STATUS,),
        expect=("GD602",),
        gpg="fails",
    ),
    Scenario(
        name="full-pcscd",
        about="One program has used up pcscd's 200 connections.",
        clients=(Client(kind="crowd", program="java"),),
        files=(DISABLE_CCID,),
        expect=("GD311",),
        gpg="fails",
    ),
)
