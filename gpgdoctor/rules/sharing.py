"""GD6xx: what sharing a reader costs."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Process, Reader, known, known_or
from gpgdoctor.holders import known as known_holder
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.rule import Advice, Cure, Found, NotApplicable, Passes, Subject, rule
from gpgdoctor.rules.services import GNUPG_MISSING

KEEPS_NO_PIN_SINCE = (2, 3)  # scd/app-openpgp.c, cache_pin
# From when on scdaemon selects its applet again, and on which cards (NEWS 2.3.2, 2.5.23).
SELECTS_AGAIN = (("yubi", cures.CHECKS_INTERFERENCE_SINCE), ("nitrokey 3", (2, 5, 23)))
EXCLUDES = "scdaemon then keeps the reader to itself, and is refused where another program has it"


@rule(
    "GD601",
    "pin-asked-every-time",
    "The PIN is asked no more often than the card demands.",
    worst="info",
    needs=GNUPG_MISSING,
)
def pin_asked_every_time(facts: Facts) -> Found | None:
    shared = scdaemon.setting(facts, "pcsc-shared")
    if shared is None or scdaemon.version(facts) < KEEPS_NO_PIN_SINCE:
        return None
    if scdaemon.path(facts) is not scdaemon.Path.PCSC:
        return None
    return Found(
        severity="info",
        summary="pcsc-shared is in force: since GnuPG 2.3 scdaemon then keeps no PIN, and asks for it again and again.",
        effect="It is the price of sharing the reader, and no fault.",
        because=(scdaemon.place(facts, shared), "gnupg.scdaemon_version"),
        cure=Cure(
            applicability="costly",
            costs=(EXCLUDES, *cures.restart_costs(facts)),
            changes=tuple(cures.commented_out(setting) for setting in scdaemon.settings(facts, "pcsc-shared")),
            restart=True,
        ),
    )


def _shared(facts: Facts) -> list[Subject]:
    """The readers that scdaemon may have in common with somebody."""
    if scdaemon.setting(facts, "pcsc-shared") is None:
        raise NotApplicable("pcsc-shared is not set")
    if not scdaemon.reaches_through_pcsc(facts):
        raise NotApplicable("scdaemon does not go through PC/SC")
    subjects = [subject for subject in holding.contended(facts) if _is_shared(facts, subject.index)]
    if not subjects:
        raise Passes("no reader is shared")
    return subjects


def _is_shared(facts: Facts, index: int) -> bool:
    taken = scdaemon.reader_taken(facts)
    return holding.held(known(facts.readers)[index]) == {"INUSE"} and taken in (None, index)


@rule(
    "GD602",
    "applet-interference",
    "No other program changes the applet under scdaemon.",
    worst="warning",
    each=_shared,
    needs=(*GNUPG_MISSING, "GD109"),
)
def applet_interference(facts: Facts, index: int) -> Found | None:
    others = holding.others(facts)
    culprits = holding.culprits(facts, others)
    reader = known(facts.readers)[index]
    if not culprits or _selects_again(facts, reader):
        return None
    selecting = [process for process in others if _selects(process)]
    named = ", ".join(f"{process.program} (pid {process.pid})" for process in selecting)
    shared = scdaemon.setting(facts, "pcsc-shared")
    assert shared is not None
    return Found(
        severity="warning" if selecting else "info",
        summary=f"{named} selects its own applet on the cards that it finds, and this scdaemon does not notice it."
        if selecting
        else "Another program is connected, and this scdaemon would not notice if it selected another applet.",
        effect='gpg then says "Card error", until scdaemon is restarted.',
        because=(
            f"readers[{index}].state",
            scdaemon.place(facts, shared),
            "gnupg.scdaemon_version",
            "pcscd.connections",
        ),
        culprits=culprits,
        cure=_let_go_and_restart(selecting or others),
    )


def _let_go_and_restart(programs: list[Process]) -> Cure:
    restart = Advice(
        text='Where gpg says "Card error" already, scdaemon has to start again afterwards:',
        commands=(("gpgconf", "--kill", "scdaemon"),),
    )
    return Cure(applicability="manual", advice=(*cures.ask_to_let_go(programs).advice, restart))


def _selects_again(facts: Facts, reader: Reader) -> bool:
    """Whether this scdaemon notices another applet on this card, and selects its own: scd/app.c."""
    card = reader.name.lower() + bytes.fromhex(known_or(reader.atr, None) or "").decode("latin-1").lower()
    return any(word in card and scdaemon.version(facts) >= since for word, since in SELECTS_AGAIN)


def _selects(process: Process) -> bool:
    holder = known_holder(process.program)
    return holder is not None and holder.leaves != "nothing" and holding.uses_cards(process)
