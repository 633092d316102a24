"""The scenarios that can be played, by name."""

from __future__ import annotations

from gpgdoctor.lab.scenario import Client, File, Reader, Scenario, Step

CARD_STATUS = Step(argv=("gpg", "--card-status"))
SHARED_OPTIONS = File(path=".gnupg/scdaemon.conf", content="disable-ccid\npcsc-shared\n")
DISABLE_CCID = File(path=".gnupg/scdaemon.conf", content="disable-ccid\n")
SECOND_READER = Reader(name="Gemalto PC Twin Reader")

SCENARIOS = (
    Scenario(
        name="healthy",
        about="A reader, a card, nobody else: gpg works.",
    ),
    Scenario(
        name="scdaemon-exclusive",
        about="scdaemon works, and keeps every other program from the card.",
        steps=(CARD_STATUS,),
        expect=("GD201",),
    ),
    Scenario(
        name="shared-holder",
        about='Another program shares the reader: gpg says "No such device".',
        clients=(Client(kind="shared"),),
        steps=(Step(argv=("gpg", "--card-status"), code=2),),
        expect=("GD202",),
    ),
)

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
