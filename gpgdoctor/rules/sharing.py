"""GD6xx: what sharing a reader costs."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Process, Reader, known, known_or
from gpgdoctor.holders import known as known_holder
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.reader_state import Hold, hold
from gpgdoctor.rules.rule import Cost, Cure, Found, Holds, NotApplicable, Subjects, advice, advise, hidden_by, rule
from gpgdoctor.rules.services import GNUPG_MISSING
from gpgdoctor.wording import several, text

KEEPS_NO_PIN_SINCE = (2, 3)  # scd/app-openpgp.c, cache_pin
# From when on scdaemon selects its applet again, and on which cards (NEWS 2.3.2, 2.5.23).
SELECTS_AGAIN = (("yubi", cures.CHECKS_INTERFERENCE_SINCE), ("nitrokey 3", (2, 5, 23)))


@rule(
    "GD601",
    "pin-asked-every-time",
    "The PIN is asked no more often than the card demands.",
    worst="info",
    causes=GNUPG_MISSING,
)
def pin_asked_every_time(facts: Facts) -> Found | None:
    shared = scdaemon.setting(facts, "pcsc-shared")
    if shared is None or scdaemon.version(facts) < KEEPS_NO_PIN_SINCE:
        return None
    if scdaemon.path(facts) is not scdaemon.Path.PCSC:
        return None
    return Found(
        severity="info",
        summary=text(
            "pcsc-shared is in force: since GnuPG 2.3 scdaemon then keeps no PIN, and asks for it again and again."
        ),
        effect=text("It is the price of sharing the reader, and no fault."),
        because=(scdaemon.place(facts, shared), "gnupg.scdaemon_version"),
        cure=Cure(
            applicability="costly",
            costs=(Cost.EXCLUDES, *cures.restart_costs(facts)),
            changes=cures.out_of_force(facts, "pcsc-shared"),
            restart=True,
        ),
    )


def _shared(facts: Facts) -> Subjects:
    """The readers that scdaemon may have in common with somebody."""
    if scdaemon.setting(facts, "pcsc-shared") is None:
        raise NotApplicable(text("pcsc-shared is not set"))
    if not scdaemon.reaches_through_pcsc(facts):
        raise NotApplicable(text("scdaemon does not go through PC/SC"))
    subjects = holding.contended(facts)
    if isinstance(subjects, Holds):
        return subjects
    return [subject for subject in subjects if _is_shared(facts, subject.index)] or Holds(
        why=text("no reader is shared")
    )


def _is_shared(facts: Facts, index: int) -> bool:
    taken = scdaemon.reader_taken(facts)
    return hold(known(facts.readers)[index]) is Hold.SHARED and taken in (None, index)


@rule(
    "GD602",
    "applet-interference",
    "No other program changes the applet under scdaemon.",
    worst="warning",
    each=_shared,
    causes=(*GNUPG_MISSING, *hidden_by("GD109")),
)
def applet_interference(facts: Facts, index: int) -> Found | None:
    others = holding.others(facts)
    culprits = holding.culprits(facts, others)
    if not culprits or _selects_again(facts, known(facts.readers)[index]):
        return None
    selecting = [process for process in others if _selects(process)]
    shared = scdaemon.setting(facts, "pcsc-shared")
    assert shared is not None
    return Found(
        severity="warning" if selecting else "info",
        summary=text(
            "{who} selects its own applet on the cards that it finds, and this scdaemon does not notice it.",
            who=several(map(holding.named, selecting)),
        )
        if selecting
        else text("Another program is connected, and this scdaemon would not notice if it selected another applet."),
        effect=text('gpg then says "Card error", until scdaemon is restarted.'),
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
    restart = advice(
        'Where gpg says "Card error" already, scdaemon has to start again afterwards:',
        ("gpgconf", "--kill", "scdaemon"),
    )
    return advise(*cures.ask_to_let_go(programs).advice, restart)


def _selects_again(facts: Facts, reader: Reader) -> bool:
    """Whether this scdaemon notices another applet on this card, and selects its own: scd/app.c."""
    card = reader.name.lower() + bytes.fromhex(known_or(reader.atr, None) or "").decode("latin-1").lower()
    return any(word in card and scdaemon.version(facts) >= since for word, since in SELECTS_AGAIN)


def _selects(process: Process) -> bool:
    holder = known_holder(process.program)
    return holder is not None and holder.selects_applets and holding.uses_cards(process)
