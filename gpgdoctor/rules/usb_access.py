"""GD402: whether who drives the reader may open its device: scdaemon as me, or pcscd as its own user."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Unknown, UsbInterface, known, known_or
from gpgdoctor.rules import holding, kernel, pcsc_library, pcscds_rights, scdaemon
from gpgdoctor.rules.rule import (
    Advice,
    Found,
    Stretch,
    Subject,
    Verdicts,
    advice,
    advise,
    headed_by,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.services import GNUPG_MISSING, start_pcscd
from gpgdoctor.rules.usb_names import device_of, name_of
from gpgdoctor.wording import Command, Text, public, text

NONE_ON_USB = text("no card reader is on USB")
EXPLAIN: Command = ("gpgdoctor", "explain", "GD402")
OF_PCSCD = ("GD401", "GD313", "GD314")  # by which pcscd is of no use to me, though it may be there


def _drivable(facts: Facts) -> list[Subject]:
    """Every CCID interface; of a device without one, the first that a driver of pcscd's knows."""
    interfaces = known(facts.usb)
    ccid = {device_of(it) for it in interfaces if it.ccid}
    others: dict[str, int] = {}
    for number, it in enumerate(interfaces):
        if device_of(it) not in ccid and known_or(it.in_libccid, False):
            others.setdefault(device_of(it), number)
    drivable = [number for number, it in enumerate(interfaces) if it.ccid or number in others.values()]
    return [Subject(name=name_of(interfaces[number]), index=number) for number in drivable]


@rule(
    "GD402",
    "usb-access-denied",
    "The program that drives the reader may open its USB device.",
    worst="error",
    each=_drivable,
    causes=(*GNUPG_MISSING, *hidden_by("GD205", "GD308"), *headed_by("GD401", "GD313", "GD314", at_least="error")),
    earlier=OF_PCSCD,
    no_subject=NONE_ON_USB,
    breaks=refuses(Stretch.READER, "no permission for the USB device"),
)
def usb_access_denied(facts: Facts, index: int, verdicts: Verdicts) -> Found | None:
    """Whose lack comes first: pcscd's, where scdaemon's path ends there and pcscd could serve it otherwise."""
    useless = [id for id in OF_PCSCD if verdicts.found(id)]
    if scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER or useless:
        return _for_scdaemon(facts, index, useless) or pcscds_rights.lacking(facts, index)
    return pcscds_rights.lacking(facts, index) or _for_scdaemon(facts, index, useless)


def _for_scdaemon(facts: Facts, index: int, useless: list[str]) -> Found | None:
    """Where scdaemon opens readers as me, and has none: 2.2 turns to pcscd where it cannot."""
    way = scdaemon.path(facts)
    if way is scdaemon.Path.PCSC or scdaemon.holds_a_card(facts):
        return None
    if way is scdaemon.Path.OWN_DRIVER_THEN_PCSC and known_or(facts.readers, None) != ():
        return None
    interface = known(facts.usb)[index]
    if not interface.ccid or known(interface.accessible) or (not useless and _is_told_of_the_kernel(facts, interface)):
        return None
    if any(known_or(other.accessible, False) for other in known(facts.usb) if other.ccid):
        return None  # there is another that scdaemon may open
    no_way = _no_way_by_pcscd(facts, index, useless)
    is_kernels = kernel.driver_of(interface) is not None and kernel.keeps_all_out(facts, interface)
    return Found(
        severity="info" if interface.removable == "fixed" and not scdaemon.wanted(facts) else "error",
        summary=text(
            "scdaemon's own driver may not open {reader}: your user lacks the right.", reader=name_of(interface)
        ),
        effect=_effect(useless),
        because=(f"usb[{index}].node", f"usb[{index}].accessible"),
        cure=advise(_let_me(facts), Advice(text=no_way) if no_way else _through_pcscd(facts, useless)),
        headline=pcscds_rights.no_permission(interface),
        after="GD502" if no_way is not None or is_kernels else None,
    )


def _effect(useless: list[str]) -> Text:
    if "GD401" in useless:
        return text('gpg says "No such device". pcscd, the other way, refuses this session (GD401).')
    return text('gpg says "No such device".')


def _is_told_of_the_kernel(facts: Facts, interface: UsbInterface) -> bool:
    """Whether GD502 tells what comes first: a driver of the kernel's has the reader, and keeps pcscd from it, too."""
    is_pcscds = known_or(interface.in_libccid, True) and known_or(facts.pcscd.listener, None) == "pcscd"
    return is_pcscds and kernel.driver_of(interface) is not None and facts.readers == ()


def _let_me(facts: Facts) -> Advice:
    """A uaccess rule gives the right to who sits before the machine, so not to a log-in over SSH."""
    if known_or(facts.host.session, None) == "ssh":
        over_ssh = "Over SSH no uaccess rule helps: let an administrator give a group the right to the device."
        return advice(over_ssh, EXPLAIN)
    return advice("Let an administrator add a udev rule for it; the explanation has one.", EXPLAIN)


def _no_way_by_pcscd(facts: Facts, index: int, useless: list[str]) -> Text | None:
    """Why pcscd could not open the reader in scdaemon's place, where GD502 may tell more of it."""
    interface = known(facts.usb)[index]
    if known_or(interface.in_libccid, True) is False:
        return text("pcscd is no way around it: its drivers do not know this reader.")
    if useless or isinstance(facts.readers, Unknown) or holding.is_listed(facts, interface):
        return None
    if known_or(facts.pcscd.listener, None) is None:
        return None
    closed = None if isinstance(interface.driver, Unknown) else pcscds_rights.lacking(facts, index)
    if closed is not None:
        return text("pcscd is no way around it yet. {why}", why=closed.summary)
    return text("pcscd is no way around it yet: it runs, and does not list the reader either.")


def _through_pcscd(facts: Facts, useless: list[str]) -> Advice:
    """How pcscd would open it. ``useless``: the findings by which it could not serve the reader now."""
    turns = scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER_THEN_PCSC
    if useless:
        then = public("and scdaemon turns to pcscd" if turns else "then set disable-ccid")
        return advice("Or mend pcscd first ({cause}), {then}.", cause=public(useless[0]), then=then)
    runs = known_or(facts.pcscd.listener, None) is not None
    library: tuple[Command, ...] = ()
    first = public("")
    if pcsc_library.is_missing(facts):
        first = public("install the PC/SC library and " if runs or turns else "install the PC/SC library, ")
        library = pcsc_library.get(facts).advice[0].commands
    if runs:
        return advice("Or {first}set disable-ccid: then pcscd opens the reader.", *library, first=first)
    then = public(": scdaemon turns to it by itself, and pcscd" if turns else " and set disable-ccid: then pcscd")
    commands = (*library, *start_pcscd(facts).advice[0].commands)
    return advice("Or {first}run pcscd{then} opens the reader.", *commands, first=first, then=then)


def keeps_unlisted(facts: Facts, index: int, verdicts: Verdicts) -> bool:
    """Whether GD402 explains enough of a reader that pcscd does not list.

    It does where pcscd may not open the device, and where scdaemon may not and does not ask pcscd. 2.2 asks it then:
    so a pcscd that does not list the reader is a fault of its own.
    """
    closed = [it.found for it in verdicts.found("GD402") if f"usb[{index}].node" in it.found.because]
    if any("readers" in found.because for found in closed):
        return True
    return bool(closed) and scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER
