"""GD506: scdaemon looks into one reader only, and the card is in another."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Unknown, known
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.contention import NO_PCSCD, NO_READER, NO_SCDAEMON, NOT_STARTING
from gpgdoctor.rules.reader_state import Card, card
from gpgdoctor.rules.rule import Cure, Found, LineChange, NotApplicable, Stretch, hidden_by, refuses, rule
from gpgdoctor.wording import reader_name, text

FEWEST_WORDS = 2  # of a reader's name: "Yubico YubiKey" says which, "Yubico" hardly


@rule(
    "GD506",
    "other-reader-taken",
    "scdaemon takes the reader that has the card.",
    worst="error",
    causes=(*NO_PCSCD, *NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD105", "GD308")),
    breaks=refuses(Stretch.CARD, "the card is in another reader"),
)
def other_reader_taken(facts: Facts) -> Found | None:
    if not scdaemon.reaches_through_pcsc(facts):
        raise NotApplicable(text("scdaemon's own driver looks into every reader"))
    if holding.is_served_unseen(facts) or (isinstance(facts.readers, Unknown) and scdaemon.holds_a_card(facts)):
        return None
    if holding.has_nothing_to_wake_for(facts):
        raise NotApplicable(NO_READER)
    readers = known(facts.readers)
    if len(readers) < 2:
        raise NotApplicable(NO_READER if not readers else text("there is one reader only"))
    taken = scdaemon.reader_taken(facts)
    if taken is None or taken >= len(readers) or scdaemon.holds_a_card(facts):
        return None
    better = with_card(facts, besides=taken)
    content = card(readers[taken])
    if better is None or content not in (Card.ABSENT, Card.PRESENT):
        return None
    empty = content is Card.ABSENT
    return Found(
        severity="error" if empty else "info",
        summary=text(
            "scdaemon takes {taken}, which is empty; a card is in {other}."
            if empty
            else "scdaemon takes {taken} and looks into no other; another card is in {other}.",
            taken=reader_name(readers[taken].name),
            other=reader_name(readers[better].name),
        ),
        effect=text('gpg says "No such device": through PC/SC this scdaemon takes one reader only.') if empty else None,
        because=("gnupg.scdaemon_version", *(f"readers[{number}].state" for number in sorted((taken, better)))),
        cure=take(facts, better),
    )


def with_card(facts: Facts, besides: int = -1) -> int | None:
    """The first other reader with a card in it."""
    found = (number for number, reader in enumerate(known(facts.readers)) if card(reader) is Card.PRESENT)
    return next((number for number in found if number != besides), None)


def take(facts: Facts, index: int) -> Cure:
    """reader-port with as much of the reader's name as tells it from those before it (a match by its beginning)."""
    statement = f"reader-port {beginning(facts, index)}"
    lines = scdaemon.settings(facts, "reader-port")
    costs = cures.restart_costs(facts)
    return Cure(
        applicability="costly" if costs else "safe",
        costs=costs,
        options=() if lines else (statement,),
        changes=tuple(LineChange(path=it.path, line=it.line, text=statement) for it in lines[-1:]),
        restart=True,
    )


def beginning(facts: Facts, index: int) -> str:
    """The shortest beginning of a reader's name, in whole words, by which scdaemon finds this one first."""
    names = [reader.name for reader in known(facts.readers)]
    words = names[index].split(" ")
    for number in range(min(FEWEST_WORDS, len(words)), len(words)):
        start = " ".join(words[:number])
        if start and next(at for at, name in enumerate(names) if name.startswith(start)) == index:
            return start
    return names[index]
