"""GD201-GD204 and GD207: two programs want one reader."""

from __future__ import annotations

from gpgdoctor.facts import Facts, NotKnown, Process, Reader, Reason, Unknown, known, known_or
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.holding import named
from gpgdoctor.rules.reader_state import Hold, hold, is_held, was_shown_exclusive
from gpgdoctor.rules.rule import (
    Advice,
    Cost,
    Culprit,
    Cure,
    Found,
    Holds,
    NotApplicable,
    Severity,
    Stretch,
    Subjects,
    advice,
    advise,
    blocks,
    by_hand,
    headed_by,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.system.record import replace
from gpgdoctor.wording import Text, public, several, text

UNASKED = hidden_by("GD301", "GD302", "GD303", "GD304", "GD305", "GD311", "GD401")
NO_PCSCD = (*UNASKED, *hidden_by("GD308"))
NO_SCDAEMON = hidden_by("GD306", "GD307", "GD108")
NOT_STARTING = hidden_by("GD101", "GD102", stopping="scdaemon")
NO_READER = text("PC/SC lists no reader")


@rule(
    "GD201",
    "scdaemon-excludes-others",
    "scdaemon lets other programs use the reader too.",
    worst="error",
    each=holding.contended,
    causes=(*UNASKED, *hidden_by("GD306", "GD307", "GD204", "GD109")),
    no_subject=NO_READER,
    breaks=refuses(Stretch.OTHERS, "kept out by scdaemon"),
)
def scdaemon_excludes_others(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    if not was_shown_exclusive(reader) or not holding.is_scdaemons(facts, index):
        return None
    running = known(facts.gnupg.running)
    me = [process for process in holding.clients(facts) if running and process.pid == running.pid]
    one_of_several = len([it for it in known(facts.readers) if is_held(it)]) > 1 and not holding.is_alone(facts)
    kept_out = _kept_out(facts, index)
    whom = several(map(named, kept_out)) if kept_out else public("every other program that wants it")
    refusals = [event for event in known_or(facts.pcscd.log, ()) if event.kind == "refused-exclusive"]
    return Found(
        severity="error" if kept_out else "info",
        summary=text("scdaemon has opened this reader exclusively, and keeps out {whom}.", whom=whom),
        effect=text(
            "Other programs get a sharing violation (0x8010000B) until scdaemon ends or the card is pulled out."
        ),
        because=(
            *(f"readers[{index}].state", *_probed(reader, index), "gnupg.running.cards"),
            *(("pcscd.log",) if refusals else ()),
        ),
        culprits=tuple(holding.culprit(process, "likely" if one_of_several else "certain") for process in me),
        cure=cures.share(facts, costs=(Cost.STARTED_BEFORE,), also=(cures.free_it_once(facts),)),
        note=_were_refused(len(refusals)) if refusals else None,
    )


def _kept_out(facts: Facts, index: int) -> list[Process]:
    """Who wants cards and is connected. Nobody, where each of them may have a reader of its own already."""
    wanting = [process for process in holding.others(facts) if holding.uses_cards(process)]
    elsewhere = [at for at, it in enumerate(known(facts.readers)) if at != index and hold(it) is Hold.SHARED]
    return wanting if len(wanting) > len(elsewhere) else []


def _were_refused(number: int) -> Text:
    """A line of pcscd's log names nobody, so it raises nothing."""
    return text("pcscd's log tells of {number} refusals in the last 15 minutes, but not of whom.", number=number)


@rule(
    "GD202",
    "shared-holder-blocks-scdaemon",
    "scdaemon can share the reader with other programs.",
    worst="error",
    each=holding.contended,
    causes=(*NO_PCSCD, *NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD204", "GD206", "GD109", "GD106")),
    no_subject=NO_READER,
    breaks=refuses(Stretch.READER, "{who} {has} the card, scdaemon wants it alone"),
)
def shared_holder_blocks_scdaemon(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    if hold(reader) is not Hold.SHARED:
        return None
    if known(reader.probe) == "not-made" and reader.not_made_reason not in (Reason.NO_PROBE, Reason.PASSIVE):
        # It may as well be a transaction (GD204), for which this is no cure.
        raise NotKnown(_why_not_probed(reader))
    if scdaemon.holds_a_card(facts) or scdaemon.in_force(facts, "pcsc-shared"):
        return None
    if not scdaemon.reaches_through_pcsc(facts) or not scdaemon.would_take(facts, index):
        return None
    suspects = holding.suspects(facts)
    candidates = holding.able(suspects, Hold.SHARED)
    handles = known_or(reader.handles, 0)
    return Found(
        severity=_wanted(facts),
        summary=text(
            "{who} this reader, and scdaemon insists on having it alone.",
            who=_sharing(facts, candidates, handles),
        ),
        effect=text('gpg says "No such device" as long as the other program is connected.'),
        because=(
            f"readers[{index}].state",
            *((f"readers[{index}].handles",) if handles > 1 else ()),
            "configuration.in_force",
        ),
        culprits=holding.culprits(facts, candidates, handles, by_table=candidates != suspects),
        cure=cures.share(facts, also=_instead(facts, candidates)),
        note=_who_else(facts, candidates),
    )


@rule(
    "GD203",
    "exclusive-holder",
    "No other program holds the reader exclusively.",
    worst="error",
    each=holding.contended,
    causes=(*NO_PCSCD, *NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD109", "GD204", "GD206")),
    no_subject=NO_READER,
    breaks=refuses(Stretch.READER, "{who} {has} the card exclusively"),
)
def exclusive_holder(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    if not was_shown_exclusive(reader) or holding.is_scdaemons(facts, index):
        return None
    suspects = holding.suspects(facts)
    candidates = holding.able(suspects, Hold.EXCLUSIVE)
    return Found(
        severity="warning" if scdaemon.is_spared(facts, index) else _wanted(facts),
        summary=text("{who} has opened this reader exclusively.", who=holding.one_of(facts, candidates)),
        effect=text(
            'gpg says "No such device" until that program lets go. Sharing on scdaemon\'s side does not help here.'
        ),
        because=(f"readers[{index}].state", *_probed(reader, index), "gnupg.running"),
        culprits=holding.culprits(facts, candidates, by_table=candidates != suspects),
        cure=advise(*cures.let_go(facts, candidates)),
        note=_who_else(facts, candidates),
    )


def _sharing(facts: Facts, candidates: list[Process], handles: int) -> Text:
    """Who it is, with its verb: each of them, where pcscd counts as many connections as there are programs."""
    if 1 < handles == len(candidates) + holding.unseen(facts) == len(candidates):
        return text("Each of {who} shares", who=several(map(named, candidates), " and "))
    return text("{who} shares", who=holding.one_of(facts, candidates))


def _instead(facts: Facts, candidates: list[Process]) -> tuple[Advice, ...]:
    """The smaller cure where it is one: the other program lets go, and scdaemon stays as it is."""
    return cures.let_go(facts, candidates) if candidates else ()


def _probed(reader: Reader, index: int) -> tuple[str, ...]:
    """As evidence, where a probe was made: an EXCLUSIVE reader shows as such without one."""
    return () if reader.probe in ("not-made", "not-needed") else (f"readers[{index}].probe",)


def _why_not_probed(reader: Reader) -> Text:
    return Unknown(
        reader.not_made_reason or Reason.OTHER, reader.not_made_because or "the reader was not probed"
    ).text()


def _who_else(facts: Facts, candidates: list[Process]) -> Text | None:
    return None if candidates and holding.all_paired(facts) else holding.what_would_show_more(facts)


@rule(
    "GD204",
    "transaction-held",
    "No program keeps the card in a transaction.",
    worst="error",
    each=holding.contended,
    causes=NO_PCSCD,
    no_subject=NO_READER,
    breaks=blocks(Stretch.READER, "{who} is busy with the card, all wait"),
)
def transaction_held(facts: Facts, index: int) -> Found | None:
    readers = known(facts.readers)
    reader = readers[index]
    probe = known(reader.probe)
    if probe in ("not-needed", "ok", "refused", "gone", "denied"):
        return None
    # A probe waits for a reader that is shared; one that is held EXCLUSIVE refuses it at once.
    may_block = [number for number, other in enumerate(readers) if hold(other) is Hold.SHARED]
    if probe == "not-made" and may_block == [index]:
        if known_or(facts.pcscd.waiting, 0):
            return _transaction(facts, index, ("pcscd.waiting",))
        if known_or(facts.pcscd.waiting_programs, 0):
            return _transaction(facts, index, ("pcscd.waiting_programs",))
    if probe == "not-made" and reader.not_made_reason is Reason.NO_PROBE:
        raise NotApplicable(text("switched off with --no-probe"), switched_off=True)
    if probe == "not-made":
        raise NotKnown(_why_not_probed(reader))
    if probe == "failed":
        raise NotKnown(text("the probe failed with {code}", code=public(str(known(reader.probe_code)))))
    return _transaction(facts, index, (f"readers[{index}].probe", f"readers[{index}].seconds"))


def _transaction(facts: Facts, index: int, because: tuple[str, ...]) -> Found:
    candidates = holding.suspects(facts)
    if known_or(facts.pcscd.waiting_programs, 0):
        candidates = holding.oldest_first(candidates)
    who = holding.one_of(facts, candidates)
    finish = advice("Finish what it asks for (touch, PIN), or close it.", ("gpgdoctor", "check"))
    return Found(
        severity="error",
        summary=text("{who} is in the middle of a transaction with this card, and all others wait.", who=who),
        effect=text("gpg hangs until it ends. A touch, a PIN entry or a key generation looks the same while it lasts."),
        because=(f"readers[{index}].state", *because),
        culprits=_of_a_transaction(facts, candidates),
        cure=advise(finish, *(cures.let_go(facts, candidates) if candidates else ())),
        note=text("Look again in a minute: what is gone by then was an operation, and no fault."),
    )


def _of_a_transaction(facts: Facts, candidates: list[Process]) -> tuple[Culprit, ...]:
    """Programs that were seen to wait for the transaction are candidates, too: the only one may be one of them."""
    found = holding.culprits(facts, candidates)
    waiting = known_or(facts.pcscd.waiting_programs, 0)
    if not waiting or (holding.all_paired(facts) and len(holding.clients(facts)) > waiting):
        return found
    return tuple(replace(culprit, certainty="possible") for culprit in found)


def _held_by_somebody(facts: Facts) -> Subjects:
    subjects = holding.contended(facts)
    if isinstance(subjects, Holds):
        return subjects
    held = [subject for subject in subjects if is_held(known(facts.readers)[subject.index])]
    return held or Holds(why=text("no reader is held"))


@rule(
    "GD207",
    "unseen-client",
    "The program that holds the reader is visible.",
    worst="info",
    each=_held_by_somebody,
    causes=(*NO_PCSCD, *headed_by("GD202", "GD203", "GD204")),
)
def unseen_client(facts: Facts, index: int) -> Found | None:
    if scdaemon.holds_a_card(facts) or holding.clients(facts):
        return None
    return Found(
        severity="info",
        summary=text("Something holds this reader, and no visible program explains it."),
        effect=text("It may belong to another user, or run in a container or sandbox with its own network."),
        because=(f"readers[{index}].state", "pcscd.connections", "pcscd.hidden"),
        cure=_see_more(facts),
    )


def _see_more(facts: Facts) -> Cure:
    more = holding.what_would_show_more(facts) or text("Look for containers and sandboxes that see pcscd.")
    if known_or(facts.host.root, False):
        return by_hand("{more} gpgdoctor explain GD207 says where to look.", more=more)
    return advise(Advice(text=more, commands=(("sudo", "gpgdoctor", "check"),)))


def _wanted(facts: Facts) -> Severity:
    return "error" if scdaemon.wanted(facts) else "warning"
