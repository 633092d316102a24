"""GD601 and GD602: what sharing a reader costs."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Process, Reader, known, known_or
from gpgdoctor.holders import Leaves
from gpgdoctor.holders import known as known_holder
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.reader_state import Hold, hold
from gpgdoctor.rules.rule import (
    Cost,
    Cure,
    Found,
    Holds,
    NotApplicable,
    Subjects,
    advice,
    advise,
    headed_by,
    hidden_by,
    rule,
)
from gpgdoctor.rules.services import GNUPG_MISSING
from gpgdoctor.wording import Text, public, several, text

KEEPS_NO_PIN_SINCE = (2, 3)  # scd/app-openpgp.c, cache_pin
# From when on scdaemon selects its applet again, and on which cards (NEWS 2.3.2, 2.5.23).
YUBIKEY = "yubi"
SELECTS_AGAIN = ((YUBIKEY, cures.CHECKS_INTERFERENCE_SINCE), ("nitrokey 3", (2, 5, 23)))
LEFT_AS = {"reset": "reset", "power-off": "without power", "selection": "on another applet"}


@rule(
    "GD601",
    "pin-asked-every-time",
    "The PIN is asked no more often than the card demands.",
    worst="info",
    causes=(
        *GNUPG_MISSING,
        *hidden_by("GD108"),
        *hidden_by("GD101", "GD102", stopping="scdaemon"),
        *headed_by("GD104"),
    ),
)
def pin_asked_every_time(facts: Facts) -> Found | None:
    shared = scdaemon.setting(facts, "pcsc-shared")
    if shared is None or scdaemon.version(facts) < KEEPS_NO_PIN_SINCE:
        return None
    return Found(
        severity="info",
        summary=text(
            "pcsc-shared is set: since GnuPG 2.3 scdaemon then keeps no PIN. {how_often}", how_often=_asked(facts)
        ),
        effect=text("It is the price of sharing the reader, and no fault.")
        if scdaemon.in_force(facts, "disable-ccid")
        else None,
        because=(scdaemon.place(facts, shared), "gnupg.scdaemon_version"),
        cure=Cure(
            applicability="costly",
            costs=(Cost.EXCLUDES, *cures.restart_costs(facts)),
            changes=cures.out_of_force(facts, "pcsc-shared"),
            restart=True,
            advice=() if scdaemon.keeps_off_piv(facts) else (_KEEP_OFF_PIV,),
        ),
    )


# Measured on 2.4.9 and 2.5.12: three signatures ask once, two decryptions once, signing after decrypting once
# more; where the card has PIV as well, each operation asks.
_KEEP_OFF_PIV = advice(
    "Where the card has PIV and gpg does not use it, the line `disable-application piv` in scdaemon.conf "
    "brings that down to once for signatures and once for decryptions; sharing stays.",
    ("gpgconf", "--kill", "scdaemon"),
)


def _asked(facts: Facts) -> Text:
    if scdaemon.keeps_off_piv(facts):
        return text("It is asked once for signatures, once for decryptions, and when signing follows decrypting.")
    return text("Where the card has PIV as well, it is asked for every operation.")


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
    causes=(*GNUPG_MISSING, *hidden_by("GD108", "GD109")),
)
def applet_interference(facts: Facts, index: int) -> Found | None:
    connected = [process for process in holding.others(facts) if not holding.is_harmless_beside(process)]
    culprits = holding.culprits(facts, connected)
    harmful = [process for process in connected if _harms(facts, known(facts.readers)[index], process)]
    hidden = holding.one_of_mine_hides(facts)
    if not culprits or not (harmful or hidden or not _selects_again(facts, known(facts.readers)[index])):
        return None
    shared = scdaemon.setting(facts, "pcsc-shared")
    assert shared is not None
    return Found(
        severity="warning" if harmful else "info",
        summary=text(
            "{who} leaves the card as this scdaemon does not expect it: {how}.",
            who=several(map(holding.named, harmful)),
            how=several(dict.fromkeys(public(LEFT_AS[_leaves(process)]) for process in harmful)),
        )
        if harmful
        else _that_may_interfere(facts, index),
        effect=text('gpg then hangs or says "Card error", until scdaemon is restarted.'),
        because=(
            f"readers[{index}].state",
            scdaemon.place(facts, shared),
            "gnupg.scdaemon_version",
            "pcscd.connections",
        ),
        culprits=culprits,
        cure=_let_go_and_restart(harmful or connected),
        note=holding.what_would_show_more(facts) if hidden else None,
    )


def _that_may_interfere(facts: Facts, index: int) -> Text:
    """Of a program of which nothing is known. One that hides may be of those that break every scdaemon."""
    if _selects_again(facts, known(facts.readers)[index]):
        return text("A program of yours is connected and hides which it is; some of those leave the card changed.")
    return text("Another program is connected, and this scdaemon would not notice if it selected another applet.")


def _let_go_and_restart(programs: list[Process]) -> Cure:
    restart = advice(
        'Where gpg says "Card error" already, scdaemon has to start again afterwards:',
        ("gpgconf", "--kill", "scdaemon"),
    )
    return advise(*cures.ask_to_let_go(programs).advice, restart)


def _selects_again(facts: Facts, reader: Reader) -> bool:
    """Whether this scdaemon notices another applet on this card, and selects its own: scd/app.c."""
    return any(word in _words(reader) and scdaemon.version(facts) >= since for word, since in SELECTS_AGAIN)


def _words(reader: Reader) -> str:
    """What the reader's name and the card's answer to reset say in letters, in small ones."""
    return reader.name.lower() + bytes.fromhex(known_or(reader.atr, None) or "").decode("latin-1").lower()


def _harms(facts: Facts, reader: Reader, process: Process) -> bool:
    """Whether it was measured or reported to harm this card.

    A card that was left reset or without power makes scdaemon fail on every card: it meets 0x80100068 when it
    selects again, and gives up. Another applet is noticed where this scdaemon selects again.
    """
    left = _leaves(process)
    if left in ("reset", "power-off") or _was_reported(reader, process):
        return True
    return left == "selection" and not _selects_again(facts, reader)


def _was_reported(reader: Reader, process: Process) -> bool:
    """Whether it broke gpg on a YubiKey although scdaemon selects again there."""
    holder = known_holder(process.program)
    return holder is not None and holder.breaks_yubikeys and YUBIKEY in _words(reader)


def _leaves(process: Process) -> Leaves:
    holder = known_holder(process.program)
    return holder.leaves if holder is not None else "nothing"
