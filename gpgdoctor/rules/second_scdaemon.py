"""GD206: the scdaemon of another home or user has the reader, through pcscd or by its own driver."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Process, Unknown, UsbInterface, known, known_or
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.contention import NO_SCDAEMON, NOT_STARTING
from gpgdoctor.rules.reader_state import Hold, hold, is_held
from gpgdoctor.rules.rule import (
    HAS,
    Certainty,
    Found,
    Holds,
    Stretch,
    Subject,
    Subjects,
    advise,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.usb_names import name_of
from gpgdoctor.wording import Privacy, Private, Text, pid, public, text, user

HOME_SHOWN = 40  # characters of another home's path

# A pcscd that is of no use says nothing about a reader that is held by scdaemon's own driver.
PCSCD_FAILS = hidden_by("GD301", "GD302", "GD303", "GD304", "GD305", "GD311", "GD401", at_least="warning")


def _readers_and_devices(facts: Facts) -> Subjects:
    """Each reader of PC/SC, then each device that somebody has claimed and PC/SC does not list."""
    devices = _claimed(facts)
    does_without = isinstance(facts.readers, Unknown) and scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER
    readers = Holds(why=text("scdaemon does without pcscd")) if does_without else holding.contended(facts)
    if isinstance(readers, Holds):
        return devices or readers
    return [*readers, *devices]


def _claimed(facts: Facts) -> list[Subject]:
    """Devices by their place on USB, behind the readers: their index is less than 0."""
    return [
        Subject(name=name_of(interface), index=-1 - number)
        for number, interface in enumerate(known_or(facts.usb, ()))
        if interface.ccid and known_or(interface.driver, "usbfs") == "usbfs" and not holding.is_listed(facts, interface)
    ]


@rule(
    "GD206",
    "second-scdaemon",
    "No scdaemon of another home or user has the reader.",
    worst="error",
    each=_readers_and_devices,
    causes=(*PCSCD_FAILS, *NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD204", "GD308")),
    no_subject=text("PC/SC lists no reader"),
    breaks=refuses(Stretch.READER, "scdaemon of another home or user {has} the reader"),
)
def second_scdaemon(facts: Facts, index: int) -> Found | None:
    return _by_own_driver(facts, -1 - index) if index < 0 else _through_pcscd(facts, index)


def _through_pcscd(facts: Facts, index: int) -> Found | None:
    reader = known(facts.readers)[index]
    known(facts.processes)
    known(facts.pcscd.connections)
    candidates = [process for process in holding.other_scdaemons(facts) if known_or(process.cards, 1) != 0]
    if not is_held(reader) or scdaemon.holds_a_card(facts) or not candidates or holding.is_scdaemons(facts, index):
        return None
    says_so = _say_they_have_it(facts, candidates)
    able = holding.able([*holding.others(facts), *candidates], hold(reader))
    number = len(able) + holding.unseen(facts)
    each_holds = number > 1 and known_or(reader.handles, 0) >= number
    if not says_so and not each_holds and any(_explains_it(it, hold(reader)) for it in able):
        return None  # then it is one suspect among others
    alone = len(candidates) + len(holding.others(facts)) + holding.unseen(facts) == 1
    otherwise: Certainty = "likely" if number == 1 or each_holds else "possible"
    otherwise = "certain" if alone and holding.all_paired(facts) else otherwise
    return _found(
        facts,
        says_so or candidates,
        certainty="certain" if says_so else otherwise,
        has=bool(says_so) or alone,
        what="card",
        because=(f"readers[{index}].state", *holding.places(facts, candidates)),
    )


def _explains_it(process: Process, how: Hold) -> bool:
    """Whether a program may have the reader in this way as well as a scdaemon; one that shares is no usual scdaemon."""
    return process.role != "scdaemon" and (how is Hold.SHARED or not holding.is_idle_service(process))


def _by_own_driver(facts: Facts, index: int) -> Found | None:
    """Where an interface is claimed, and neither pcscd nor my scdaemon has it."""
    candidates = [it for it in _by_their_own_driver(facts) if known_or(it.cards, 1) != 0]
    if not candidates or scdaemon.holds_a_card(facts):
        return None
    known(known(facts.usb)[index].driver)
    if known(facts.pcscd.listener) == "pcscd":
        known(facts.readers)  # else it may as well be pcscd that has claimed it
    if _has_a_way(facts):
        return None
    says_so = [process for process in candidates if known_or(process.cards, None)]
    certainty: Certainty = "certain" if len(says_so) == 1 else "likely" if len(candidates) == 1 else "possible"
    return _found(
        facts,
        says_so or candidates,
        certainty=certainty,
        has=certainty == "certain",
        what="reader",
        because=(f"usb[{index}].driver", *holding.places(facts, candidates)),
    )


def _by_their_own_driver(facts: Facts) -> list[Process]:
    """The scdaemons of others that are no clients of pcscd, so that what they have they have by their own driver."""
    connected = {process.pid for process in holding.clients(facts)}
    return [
        process
        for process in known(facts.processes)
        if process.role == "scdaemon" and process.pid not in connected and not holding.mine(facts, process)
    ]


def _has_a_way(facts: Facts) -> bool:
    """Whether my scdaemon does not depend on one that is claimed: another is free, or PC/SC has a card."""
    if scdaemon.path(facts) is not scdaemon.Path.PCSC and any(map(_is_another_free, known(facts.usb))):
        return True
    listed = known_or(facts.readers, ())
    return scdaemon.reaches_through_pcsc(facts) and any("PRESENT" in known_or(it.state, ()) for it in listed)


def _is_another_free(interface: UsbInterface) -> bool:
    return interface.ccid and interface.driver is None and interface.accessible is True


def _found(
    facts: Facts, scdaemons: list[Process], *, certainty: Certainty, has: bool, what: str, because: tuple[str, ...]
) -> Found:
    """``what`` they have: the card, through pcscd, or the reader, on USB."""
    return Found(
        severity="error",
        summary=text(
            "{who} {whose} {has} this reader.",
            who=holding.one_of(facts, scdaemons, certain=True),
            whose=_whose(facts, scdaemons),
            has=public("has" if has else "may have"),
        ),
        effect=text('gpg says "No such device" here until that scdaemon lets go.'),
        because=because,
        culprits=tuple(holding.culprit(process, certainty) for process in scdaemons),
        cure=advise(*(cures.stop_scdaemon(facts, process) for process in scdaemons)),
        headline=text(
            "scdaemon {whose} {has} the {what}",
            whose=_owner(facts, scdaemons[0]) if len(scdaemons) == 1 else _whose(facts, scdaemons),
            has=public(HAS[certainty]),
            what=public(what),
        ),
    )


def _owner(facts: Facts, process: Process) -> Text:
    """Whose scdaemon it is, as far as that is known: another user's, or that of another home of mine."""
    name = known_or(process.user, "")
    home = known_or(process.homedir, "")
    if holding.is_of_this_home(facts, process):
        whose = text("outside your gpg-agent")
    elif name and name != known_or(facts.host.user, ""):
        whose = text("of {user}", user=user(name))
    elif home != "":
        whose = text("of your default home") if home is None else text("of the home {home}", home=_cut(home))
    else:
        whose = _whose(facts, [process])
    return text("(pid {pid}) {whose}", pid=pid(process.pid), whose=whose)


def _cut(home: str) -> Private:
    return Private(privacy=Privacy.PATH, value=home, at_most=HOME_SHOWN)


def _say_they_have_it(facts: Facts, scdaemons: list[Process]) -> list[Process]:
    """Those that say they hold a card, where that explains every reader that is held."""
    found = [process for process in scdaemons if known_or(process.cards, None)]
    explained = sum(known_or(process.cards, None) or 0 for process in found)
    return found if len(holding.held_by_others(facts)) <= explained else []


def _whose(facts: Facts, scdaemons: list[Process]) -> Text:
    if all(holding.is_of_this_home(facts, process) for process in scdaemons):
        return text("outside your gpg-agent")
    return text("of another GnuPG home or user")
