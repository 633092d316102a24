"""GD5xx: is there a reader, is there a card, does either answer?"""

from __future__ import annotations

from gpgdoctor.facts import Facts, known
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.contention import NO_PCSCD, NO_READER
from gpgdoctor.rules.rule import Advice, Cure, Found, NotApplicable, rule
from gpgdoctor.rules.rule import readers as each_reader


@rule(
    "GD501",
    "no-reader",
    "There is a reader.",
    worst="warning",
    needs=tuple(id for id in NO_PCSCD if id != "GD301"),
)
def no_reader(facts: Facts) -> Found | None:
    if known(facts.usb):
        return None
    if known(facts.readers):
        return None
    if known(facts.pcscd.listener) is None and scdaemon.path(facts) is scdaemon.Path.PCSC:
        raise NotApplicable("folded under GD301")
    return Found(
        severity="warning",
        summary="Neither USB nor PC/SC knows a reader.",
        effect='gpg says "No such device".',
        because=("readers", "usb"),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="Plug the reader or token in, straight into the computer. In a virtual machine or a "
                    "container, hand the USB device through.",
                ),
            ),
        ),
    )


@rule("GD503", "no-card", "There is a card in a reader.", worst="info", needs=(*NO_PCSCD, "GD501"))
def no_card(facts: Facts) -> Found | None:
    readers = known(facts.readers)
    if not readers:
        raise NotApplicable(NO_READER)
    if not all("EMPTY" in known(reader.state) for reader in readers):
        return None
    many = "All readers are" if len(readers) > 1 else "The reader is"
    return Found(
        severity="info",
        summary=f"{many} empty.",
        effect='gpg says "No such device", as for everything else.',
        because=tuple(f"readers[{number}].state" for number in range(len(readers))),
        cure=Cure(applicability="manual", advice=(Advice(text="Put the card in, the chip first and facing up."),)),
    )


@rule(
    "GD504",
    "mute-card",
    "The card answers when it is powered.",
    worst="error",
    each=each_reader,
    needs=NO_PCSCD,
    nothing=NO_READER,
)
def mute_card(facts: Facts, index: int) -> Found | None:
    if "MUTE" not in known(known(facts.readers)[index].state):
        return None
    return Found(
        severity="error",
        summary="A card is in this reader, and it does not answer.",
        effect="No program can use it.",
        because=(f"readers[{index}].state",),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="Take the card out, see that its chip is clean and faces the right way, and put it in again."
                ),
            ),
        ),
    )


@rule(
    "GD505",
    "reader-unavailable",
    "pcscd can talk to the reader.",
    worst="error",
    each=each_reader,
    needs=NO_PCSCD,
    nothing=NO_READER,
)
def reader_unavailable(facts: Facts, index: int) -> Found | None:
    if "UNAVAILABLE" not in known(known(facts.readers)[index].state):
        return None
    return Found(
        severity="error",
        summary="pcscd lists this reader, but cannot talk to it.",
        effect="No program can use it, until it is plugged in again.",
        because=(f"readers[{index}].state",),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(text="Unplug the reader, wait a moment, plug it in again; after a suspend this is common."),
            ),
        ),
    )
