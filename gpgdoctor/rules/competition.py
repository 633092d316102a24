"""GD205 and GD208: scdaemon's own driver and pcscd want one reader, which only one of them can have."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Reader, Unknown, UsbInterface, known, known_or
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.contention import NO_READER, NO_SCDAEMON, NOT_STARTING
from gpgdoctor.rules.own_reader import by_own_driver
from gpgdoctor.rules.reader_state import is_held
from gpgdoctor.rules.rule import (
    Advice,
    Cost,
    Cure,
    Found,
    Holds,
    Severity,
    Stretch,
    Subject,
    Subjects,
    advice,
    by_hand,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.usb_names import name_of
from gpgdoctor.wording import Command, several, text

# Where pcscd runs and cannot be looked at, it may have the reader all the same.
UNSEEN = ("GD303", "GD304", "GD305", "GD311", "GD401")
NO_PCSCD_AT_ALL = (*hidden_by("GD302"), *hidden_by(*UNSEEN, at_least="warning"))


def _listed_where_scdaemon_has_none(facts: Facts) -> Subjects:
    """What pcscd has matters only to a scdaemon that looks on USB alone, and found nothing there."""
    if isinstance(facts.readers, Unknown) and (
        scdaemon.path(facts) is not scdaemon.Path.OWN_DRIVER or scdaemon.holds_a_card(facts)
    ):
        return Holds(why=text("scdaemon does without pcscd, or asks it"))
    return holding.listed(facts)


@rule(
    "GD205",
    "ccid-driver-against-pcscd",
    "scdaemon and pcscd do not compete for the reader.",
    worst="error",
    each=_listed_where_scdaemon_has_none,
    causes=(*hidden_by("GD301", "GD308"), *NO_PCSCD_AT_ALL, *NO_SCDAEMON, *NOT_STARTING),
    no_subject=NO_READER,
    breaks=refuses(Stretch.READER, "pcscd has the reader, scdaemon looks on USB only"),
)
def ccid_driver_against_pcscd(facts: Facts, index: int) -> Found | None:
    if not _competes(facts):
        return None
    return Found(
        severity="error",
        summary=text("pcscd has this reader, and scdaemon looks for it on USB only."),
        effect=text('gpg says "No such device": since GnuPG 2.3 scdaemon does not ask pcscd by itself.'),
        because=("gnupg.scdaemon_version", "configuration.in_force", f"readers[{index}].name", "usb"),
        cure=_through_pcscd(facts, index),
    )


def _competes(facts: Facts) -> bool:
    """Whether scdaemon looks on USB alone for what pcscd has."""
    if scdaemon.path(facts) is not scdaemon.Path.OWN_DRIVER:
        return False
    interfaces = [interface for interface in known(facts.usb) if interface.ccid]
    if not interfaces:
        return True
    return not scdaemon.holds_a_card(facts) and any(known(interface.driver) == "usbfs" for interface in interfaces)


def _through_pcscd(facts: Facts, index: int) -> Cure:
    reader = known(facts.readers)[index]
    shared = is_held(reader) and scdaemon.knows(facts, "pcsc-shared")
    options = ("disable-ccid", "pcsc-shared") if shared else ("disable-ccid",)
    missing = tuple(option for option in options if not scdaemon.in_force(facts, option))
    costs = cures.sharing_costs(facts) if "pcsc-shared" in missing else cures.restart_costs(facts)
    return Cure(
        applicability="costly" if costs else "safe",
        costs=costs,
        options=missing,
        restart=True,
        advice=(_without_pcscd(facts),) if _could_do_without(facts, reader) else (),
    )


def _without_pcscd(facts: Facts) -> Advice:
    stop: dict[str, tuple[Command, ...]] = {
        "systemd": (("sudo", "systemctl", "disable", "--now", "pcscd.socket", "pcscd.service"),),
        "openrc": (("sudo", "rc-service", "pcscd", "stop"), ("sudo", "rc-update", "del", "pcscd")),
        "runit": (("sudo", "rm", "/var/service/pcscd"),),
    }
    return advice(
        "Nothing else seems to use PC/SC here: doing without pcscd is the smaller change.",
        *stop.get(known_or(facts.host.init, ""), ()),
    )


def _could_do_without(facts: Facts, reader: Reader) -> bool:
    """Whether scdaemon's own driver would find the reader on USB if pcscd let go of it, and nobody else needs pcscd."""
    mine = any(interface.ccid and known_or(interface.accessible, False) for interface in known(facts.usb))
    nobody_else = not holding.culprits(facts, holding.others(facts))
    return mine and nobody_else and not is_held(reader)


def _claimed_by_me(facts: Facts) -> Subjects:
    """The devices whose CCID interface my scdaemon has by its own driver."""
    if not scdaemon.holds_a_card(facts):
        return Holds(why=text("no scdaemon of yours has a card"))
    if not holding.holds_by_own_driver(facts):
        return Holds(why=text("scdaemon has its card through pcscd"))
    if scdaemon.path(facts) is scdaemon.Path.PCSC:
        return Holds(why=text("scdaemon's own driver is out of use"))
    interfaces = known(facts.usb)
    return [Subject(name=name_of(interfaces[number]), index=number) for number in by_own_driver(facts)]


@rule(
    "GD208",
    "own-driver-excludes-pcscd",
    "pcscd can use the readers that scdaemon uses.",
    worst="error",
    each=_claimed_by_me,
    causes=(*NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD109")),
    no_subject=text("scdaemon has claimed no reader on USB"),
    breaks=refuses(Stretch.OTHERS, "kept out by scdaemon's own USB driver"),
)
def own_driver_excludes_pcscd(facts: Facts, index: int) -> Found | None:
    kept_out = [process for process in holding.others(facts) if holding.uses_cards(process)]
    whom = several(map(holding.named, kept_out)) if kept_out else text("every other program")
    runs = known_or(facts.pcscd.listener, None) == "pcscd" and not _was_woken_by_us(facts)
    running = known(facts.gnupg.running)
    me = [it for it in known_or(facts.processes, ()) if running is not None and it.pid == running.pid]
    severity: Severity = "error" if kept_out else "warning" if runs else "info"
    if is_lost_to_pcscd(facts, known(facts.usb)[index]):
        severity = "info"  # pcscd would have no use for it
    return Found(
        severity=severity,
        summary=text(
            "scdaemon has {reader} by its own driver, so that pcscd cannot have it: {whom} finds no reader.",
            reader=name_of(known(facts.usb)[index]),
            whom=whom,
        ),
        effect=text("gpg works. PC/SC does not list this reader, until pcscd looks again after scdaemon let go."),
        because=(f"usb[{index}].driver", "gnupg.running.cards", "readers"),
        culprits=tuple(holding.culprit(process, "certain") for process in me),
        cure=_hand_over(facts, known(facts.usb)[index]),
    )


def _was_woken_by_us(facts: Facts) -> bool:
    """Whether pcscd runs only since this look began (--wake): it was asleep when the processes were listed."""
    if known_or(facts.host.hides_processes, True) or known_or(facts.pcscd.mounted, True):
        return False
    processes = known_or(facts.processes, None)
    return processes is not None and not any(process.role == "pcscd" for process in processes)


def _hand_over(facts: Facts, interface: UsbInterface) -> Cure | None:
    """disable-ccid: PC/SC then serves both, where there is a pcscd that can use the reader."""
    if is_lost_to_pcscd(facts, interface):
        return None
    if facts.pcscd.listener is None:
        return by_hand(
            "No pcscd runs. Where other programs are to use this reader, start it, then:", ("gpgdoctor", "fix", "GD208")
        )
    costs = (*cures.restart_costs(facts), Cost.STARTED_BEFORE)
    return Cure(applicability="costly", costs=costs, options=("disable-ccid",), restart=True)


def is_lost_to_pcscd(facts: Facts, interface: UsbInterface) -> bool:
    """Whether pcscd could not use the device if it had it: it has no driver for it, or none at all."""
    return known_or(interface.in_libccid, True) is False or known_or(facts.pcscd.drivers, True) is False
