"""GD201-GD204, GD206 and GD207: two programs want one reader."""

from __future__ import annotations

from gpgdoctor.facts import Facts, NotKnown, Process, Reader, known, known_or
from gpgdoctor.rules import cures, holding, mistakes, scdaemon
from gpgdoctor.rules.rule import Advice, Certainty, Cure, Found, NotApplicable, Passes, Severity, Subject, rule

# While pcscd runs and cannot be looked at, it may have the reader all the same.
UNSEEN = ("GD303", "GD304", "GD305", "GD311", "GD401")
NO_PCSCD = ("GD301", "GD302", "GD303", "GD304", "GD305", "GD311", "GD401")
NO_SCDAEMON = ("GD306", "GD307", "GD108")
NO_READER = "PC/SC lists no reader"
NO_PROBE = "--no-probe"
NOT_ASKED_FOR = (NO_PROBE, "a passive look connects to no reader")


@rule(
    "GD201",
    "scdaemon-excludes-others",
    "scdaemon leaves the reader to other programs too.",
    worst="error",
    each=holding.contended,
    needs=(*NO_PCSCD, "GD204", "GD109"),
    nothing=NO_READER,
)
def scdaemon_excludes_others(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    if "EXCLUSIVE" not in holding.held(reader) or known(reader.probe) in ("ok", "gone"):
        return None
    if not holding.is_scdaemons(facts, index):
        return None
    running = known(facts.gnupg.running)
    me = [process for process in holding.clients(facts) if running and process.pid == running.pid]
    # A program of which nothing is known uses cards where another reader is in use.
    elsewhere = any(holding.held(other) for number, other in enumerate(known(facts.readers)) if number != index)
    kept_out = [process for process in holding.others(facts) if holding.uses_cards(process, if_unknown=elsewhere)]
    severity: Severity = "error" if kept_out else "warning"
    whom = ", ".join(f"{process.program} (pid {process.pid})" for process in kept_out) or "every other program"
    return Found(
        severity=severity,
        summary=f"scdaemon has opened this reader for itself alone, and keeps out {whom}.",
        effect="Other programs get a sharing violation (0x8010000B) until scdaemon ends or the card is pulled out.",
        because=(f"readers[{index}].state", *_probed(reader, index), "gnupg.running.cards"),
        culprits=tuple(holding.culprit(process, "certain") for process in me),
        cure=cures.share(facts),
    )


@rule(
    "GD202",
    "shared-holder-blocks-scdaemon",
    "scdaemon can share the reader with other programs.",
    worst="error",
    each=holding.contended,
    needs=(*NO_PCSCD, *NO_SCDAEMON, "GD204", "GD206", "GD109", "GD106"),
    nothing=NO_READER,
)
def shared_holder_blocks_scdaemon(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    if holding.held(reader) != {"INUSE"}:
        return None
    if known(reader.probe) == "not-made" and reader.not_made_because not in NOT_ASKED_FOR:
        # It may as well be a transaction (GD204), for which this is no cure.
        raise NotKnown(reader.not_made_because or "the reader was not probed")
    if scdaemon.holds_a_card(facts) or scdaemon.in_force(facts, "pcsc-shared"):
        return None
    # First, for a line that does not let it start may be the one that would send it to PC/SC.
    mistakes.needs_scdaemon_to_start(facts)
    if not scdaemon.reaches_through_pcsc(facts) or not scdaemon.would_take(facts, index):
        return None
    candidates = holding.suspects(facts)
    return Found(
        severity=_wanted(facts),
        summary=f"{_names(facts, candidates)} shares this reader, and scdaemon insists on having it alone.",
        effect='gpg says "No such device" as long as the other program is connected.',
        because=(f"readers[{index}].state", "configuration.in_force"),
        culprits=holding.culprits(facts, candidates),
        cure=cures.share(facts),
        note=None if candidates and holding.all_paired(facts) else holding.what_would_show_more(facts),
    )


@rule(
    "GD203",
    "exclusive-holder",
    "No other program has the reader for itself alone.",
    worst="error",
    each=holding.contended,
    needs=(*NO_PCSCD, "GD109", "GD204", "GD206"),
    nothing=NO_READER,
)
def exclusive_holder(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    if "EXCLUSIVE" not in holding.held(reader) or known(reader.probe) in ("ok", "gone"):
        return None
    if holding.is_scdaemons(facts, index):
        return None
    candidates = holding.suspects(facts)
    return Found(
        severity="warning" if scdaemon.is_spared(facts, index) else _wanted(facts),
        summary=f"{_names(facts, candidates)} has opened this reader for itself alone.",
        effect='gpg says "No such device" until that program lets go. Sharing on scdaemon\'s side does not help here.',
        because=(f"readers[{index}].state", *_probed(reader, index), "gnupg.running"),
        culprits=holding.culprits(facts, candidates),
        cure=_ask_to_let_go(facts, candidates),
        note=None if candidates and holding.all_paired(facts) else holding.what_would_show_more(facts),
    )


def _probed(reader: Reader, index: int) -> tuple[str, ...]:
    """As evidence, where a probe was made: an EXCLUSIVE reader shows as such without one."""
    return () if reader.probe == "not-made" else (f"readers[{index}].probe",)


def _ask_to_let_go(facts: Facts, candidates: list[Process]) -> Cure:
    programs = [process for process in candidates if process.role != "scdaemon"]
    scdaemons = tuple(_stop_one(facts, process) for process in candidates if process.role == "scdaemon")
    polite = cures.ask_to_let_go(programs).advice if programs or not scdaemons else ()
    return Cure(applicability="manual", advice=(*polite, *scdaemons))


@rule(
    "GD204",
    "transaction-held",
    "No program keeps the card in a transaction.",
    worst="error",
    each=holding.contended,
    needs=NO_PCSCD,
    nothing=NO_READER,
)
def transaction_held(facts: Facts, index: int) -> Found | None:
    readers = known(facts.readers)
    reader = readers[index]
    probe = known(reader.probe)
    if probe in ("not-needed", "ok", "refused", "gone", "denied"):
        return None
    waiting = known_or(facts.pcscd.waiting, 0)
    if probe == "not-made" and waiting and _may_block(reader) and len(list(filter(_may_block, readers))) == 1:
        return _transaction(facts, index, ("pcscd.waiting",))
    if probe == "not-made" and reader.not_made_because == NO_PROBE:
        raise NotApplicable("switched off with --no-probe")
    if probe in ("not-made", "failed"):
        raise NotKnown(reader.not_made_because or f"the probe failed with {known(reader.probe_code)}")
    return _transaction(facts, index, (f"readers[{index}].probe", f"readers[{index}].seconds"))


def _transaction(facts: Facts, index: int, because: tuple[str, ...]) -> Found:
    candidates = holding.suspects(facts)
    return Found(
        severity="error",
        summary=f"{_names(facts, candidates)} is in the middle of a transaction with this card, and all others wait.",
        effect="gpg hangs until it ends. A touch, a PIN entry or a key generation looks the same while it lasts.",
        because=(f"readers[{index}].state", *because),
        culprits=holding.culprits(facts, candidates),
        cure=_wait(facts, candidates),
        note="Look again in a minute: what is gone by then was an operation, and no fault.",
    )


def _wait(facts: Facts, candidates: list[Process]) -> Cure:
    advice = Advice(text="Finish what it asks for (touch, PIN), or close it.", commands=(("gpgdoctor", "check"),))
    polite = _ask_to_let_go(facts, candidates).advice if candidates else ()
    return Cure(applicability="manual", advice=(advice, *polite))


def _may_block(reader: Reader) -> bool:
    """Whether a probe may wait for this reader: one that is held EXCLUSIVE refuses it at once."""
    return holding.held(reader) == {"INUSE"}


@rule(
    "GD206",
    "second-scdaemon",
    "No scdaemon of another home or user has the reader.",
    worst="error",
    each=holding.contended,
    needs=(*NO_PCSCD, "GD204"),
    nothing=NO_READER,
)
def second_scdaemon(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    known(facts.processes)
    known(facts.pcscd.connections)
    candidates = [process for process in holding.other_scdaemons(facts) if known_or(process.cards, 1) != 0]
    if not holding.held(reader) or scdaemon.holds_a_card(facts) or not candidates:
        return None
    if holding.is_scdaemons(facts, index):
        return None
    says_so = [process for process in candidates if known_or(process.cards, None)]
    if len(holding.held_by_others(facts)) > sum(known_or(process.cards, None) or 0 for process in says_so):
        says_so = []
    rivals = [process for process in holding.others(facts) if not holding.is_idle_service(process)]
    if not says_so and rivals:
        return None  # then it is one suspect among others
    alone = len(candidates) + len(holding.others(facts)) + holding.unseen(facts) == 1
    otherwise: Certainty = "possible" if not alone else "certain" if holding.all_paired(facts) else "likely"
    return Found(
        severity="error",
        summary=f"{_names(facts, says_so or candidates, certain=True)} {_whose(facts, says_so or candidates)} "
        f"{'has' if says_so or alone else 'may have'} this reader.",
        effect='gpg says "No such device" here until that scdaemon lets go.',
        because=(f"readers[{index}].state", *_places(facts, candidates)),
        culprits=tuple(
            holding.culprit(process, "certain" if says_so else otherwise) for process in says_so or candidates
        ),
        cure=_stop_scdaemon(facts, says_so or candidates),
    )


def _stop_scdaemon(facts: Facts, candidates: list[Process]) -> Cure:
    return Cure(applicability="manual", advice=tuple(_stop_one(facts, process) for process in candidates))


def _whose(facts: Facts, scdaemons: list[Process]) -> str:
    if all(holding.is_of_this_home(facts, process) for process in scdaemons):
        return "outside your gpg-agent"
    return "of another GnuPG home or user"


def _stop_one(facts: Facts, process: Process) -> Advice:
    who = f"scdaemon (pid {process.pid})"
    if known_or(process.uid, -1) != known_or(facts.host.uid, -2):
        user = known_or(process.user, "its user")
        return Advice(text=f"{who} belongs to {user}, who stops it with: gpgconf --kill scdaemon")
    if holding.is_of_this_home(facts, process):
        return Advice(text=f"{who} is yours, but not the one that gpg uses: end the program that started it.")
    home = known_or(process.homedir, None)
    if home is None:
        return Advice(
            text=f"{who} serves your default home. Stop it, without GNUPGHOME set:",
            commands=(("env", "-u", "GNUPGHOME", "gpgconf", "--kill", "scdaemon"),),
        )
    return Advice(
        text=f"{who} serves the home {home}. Stop it:", commands=(("gpgconf", "--homedir", home, "--kill", "scdaemon"),)
    )


def _held_by_somebody(facts: Facts) -> list[Subject]:
    subjects = holding.contended(facts)
    readers = known(facts.readers)
    held = [subject for subject in subjects if holding.held(readers[subject.index])]
    if not held:
        raise Passes("no reader is held")
    return held


@rule(
    "GD207",
    "unseen-client",
    "Whoever holds the reader is visible.",
    worst="info",
    each=_held_by_somebody,
    needs=NO_PCSCD,
    consequence_of=("GD202", "GD203", "GD204"),
)
def unseen_client(facts: Facts, index: int) -> Found | None:
    if scdaemon.holds_a_card(facts) or holding.clients(facts):
        return None
    more = holding.what_would_show_more(facts) or "Look for containers and sandboxes that see pcscd."
    is_root = known_or(facts.host.root, False)
    return Found(
        severity="info",
        summary="Something holds this reader, and no visible program explains it.",
        effect="It may belong to another user, or run in a container or sandbox with its own network.",
        because=(f"readers[{index}].state", "pcscd.connections", "pcscd.hidden"),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text=f"{more} gpgdoctor explain GD207 says where to look." if is_root else more,
                    commands=() if is_root else (("sudo", "gpgdoctor", "check"),),
                ),
            ),
        ),
    )


def _names(facts: Facts, programs: list[Process], *, certain: bool = False) -> str:
    if not programs:
        return "A program that is not visible"
    unseen = 0 if certain else holding.unseen(facts)
    if len(programs) + unseen == 1:
        return f"{programs[0].program} (pid {programs[0].pid})"
    return f"One of {len(programs) + unseen} programs"


def _places(facts: Facts, programs: list[Process]) -> tuple[str, ...]:
    pids = {process.pid for process in programs}
    return tuple(
        f"processes[{number}].pid" for number, process in enumerate(known(facts.processes)) if process.pid in pids
    )


def _wanted(facts: Facts) -> Severity:
    return "error" if scdaemon.wanted(facts) else "warning"
