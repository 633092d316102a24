"""GD205: scdaemon looks for a reader on USB alone, and pcscd has it."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Reader, Unknown, known
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.contention import NO_READER, NO_SCDAEMON, NOT_STARTING
from gpgdoctor.rules.reader_state import is_held
from gpgdoctor.rules.rule import Cure, Found, Holds, Subjects, advice, hidden_by, rule
from gpgdoctor.wording import text

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
    causes=(*hidden_by("GD301"), *NO_PCSCD_AT_ALL, *NO_SCDAEMON, *NOT_STARTING),
    no_subject=NO_READER,
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
    smaller = advice(
        "Nothing else seems to use PC/SC here: doing without pcscd is the smaller change.",
        ("sudo", "systemctl", "disable", "--now", "pcscd.socket", "pcscd.service"),
    )
    return Cure(
        applicability="costly" if costs else "safe",
        costs=costs,
        options=missing,
        restart=True,
        advice=(smaller,) if _could_do_without(facts, reader) else (),
    )


def _could_do_without(facts: Facts, reader: Reader) -> bool:
    """Whether scdaemon's own driver would find the reader on USB if pcscd let go of it, and nobody else needs pcscd."""
    on_usb = any(interface.ccid for interface in known(facts.usb))
    needed = any(holding.uses_cards(process) for process in holding.others(facts))
    return on_usb and not needed and not is_held(reader)
