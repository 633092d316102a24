"""GD402: whether who drives the reader may open its device: scdaemon as me, or pcscd as its own user."""

from __future__ import annotations

from gpgdoctor.facts import Facts, LogEvent, Process, Unknown, UsbInterface, known, known_or
from gpgdoctor.rules import holding, kernel, scdaemon
from gpgdoctor.rules.rule import (
    Advice,
    Culprit,
    Found,
    Stretch,
    Subject,
    Verdicts,
    advice,
    advise,
    by_hand,
    headed_by,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.services import GNUPG_MISSING, severity_for_pcsc, start_pcscd
from gpgdoctor.rules.usb_names import name_of
from gpgdoctor.wording import Command, Text, path, public, text, user

NONE_ON_USB = text("no card reader is on USB")
ROOT = 0
EXPLAIN: Command = ("gpgdoctor", "explain", "GD402")
OF_PCSCD = ("GD401", "GD313", "GD314")  # by which pcscd is of no use to me, though it may be there


def _ccid(facts: Facts) -> list[Subject]:
    return [
        Subject(name=name_of(interface), index=number)
        for number, interface in enumerate(known(facts.usb))
        if interface.ccid
    ]


@rule(
    "GD402",
    "usb-access-denied",
    "The program that drives the reader may open its USB device.",
    worst="error",
    each=_ccid,
    causes=(*GNUPG_MISSING, *hidden_by("GD205", "GD308"), *headed_by("GD401", "GD313", "GD314", at_least="error")),
    earlier=OF_PCSCD,
    no_subject=NONE_ON_USB,
    breaks=refuses(Stretch.READER, "no permission for the USB device"),
)
def usb_access_denied(facts: Facts, index: int, verdicts: Verdicts) -> Found | None:
    useless = [id for id in OF_PCSCD if verdicts.found(id)]
    return _for_scdaemon(facts, index, useless) or _for_pcscd(facts, index)


def _for_scdaemon(facts: Facts, index: int, useless: list[str]) -> Found | None:
    """Where scdaemon opens readers as me, and has none: 2.2 turns to pcscd where it cannot."""
    way = scdaemon.path(facts)
    if way is scdaemon.Path.PCSC or scdaemon.holds_a_card(facts):
        return None
    if way is scdaemon.Path.OWN_DRIVER_THEN_PCSC and known_or(facts.readers, None) != ():
        return None
    interface = known(facts.usb)[index]
    if known(interface.accessible) or (not useless and _is_told_of_the_kernel(facts, interface)):
        return None
    if any(known_or(other.accessible, False) for other in known(facts.usb) if other.ccid):
        return None  # there is another that scdaemon may open
    no_way = _no_way_by_pcscd(facts, interface, useless)
    is_kernels = kernel.driver_of(interface) is not None and kernel.keeps_all_out(facts, interface)
    return Found(
        severity="info" if interface.removable == "fixed" and not scdaemon.wanted(facts) else "error",
        summary=text(
            "scdaemon's own driver may not open {reader}: your user lacks the right.", reader=name_of(interface)
        ),
        effect=text('gpg says "No such device".'),
        because=(f"usb[{index}].node", f"usb[{index}].accessible"),
        cure=advise(_let_me(facts), Advice(text=no_way) if no_way else _through_pcscd(facts, useless)),
        headline=_no_permission(interface),
        after="GD502" if no_way is not None or is_kernels else None,
    )


def _is_told_of_the_kernel(facts: Facts, interface: UsbInterface) -> bool:
    """Whether GD502 tells what comes first: a driver of the kernel's has the reader, and keeps pcscd from it, too."""
    is_pcscds = known_or(interface.in_libccid, True) and known_or(facts.pcscd.listener, None) == "pcscd"
    return is_pcscds and kernel.driver_of(interface) is not None and facts.readers == ()


def _no_permission(interface: UsbInterface) -> Text | None:
    node = known_or(interface.node, None)
    return None if node is None else text("no permission for {node}", node=path(node))


def _let_me(facts: Facts) -> Advice:
    """A uaccess rule gives the right to who sits before the machine, so not to a log-in over SSH."""
    if known_or(facts.host.session, None) == "ssh":
        over_ssh = "Over SSH no uaccess rule helps: let an administrator give a group the right to the device."
        return advice(over_ssh, EXPLAIN)
    return advice("Let an administrator add a udev rule for it; the explanation has one.", EXPLAIN)


def _no_way_by_pcscd(facts: Facts, interface: UsbInterface, useless: list[str]) -> Text | None:
    """Why pcscd could not open the reader in scdaemon's place, where GD502 may tell more of it."""
    if known_or(interface.in_libccid, True) is False:
        return text("pcscd is no way around it: its drivers do not know this reader.")
    if useless or isinstance(facts.readers, Unknown) or holding.is_listed(facts, interface):
        return None
    if known_or(facts.pcscd.listener, None) is None:
        return None
    return text("pcscd is no way around it yet: it runs, and does not list the reader either.")


def _through_pcscd(facts: Facts, useless: list[str]) -> Advice:
    """How pcscd would open it. ``useless``: the findings by which it could not serve the reader now."""
    turns = scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER_THEN_PCSC
    if useless:
        then = public("and scdaemon turns to pcscd" if turns else "then set disable-ccid")
        return advice("Or mend pcscd first ({cause}), {then}.", cause=public(useless[0]), then=then)
    if known_or(facts.pcscd.listener, None) is not None:
        return advice("Or set disable-ccid: then pcscd opens the reader.")
    commands = start_pcscd(facts).advice[0].commands
    if turns:
        return advice("Or run pcscd: scdaemon turns to it by itself, and pcscd opens the reader.", *commands)
    return advice("Or run pcscd and set disable-ccid: then pcscd opens the reader.", *commands)


def _for_pcscd(facts: Facts, index: int) -> Found | None:
    """Where pcscd runs as a user of its own, and does not list a reader that nobody has claimed."""
    daemon = _pcscd_of_its_own_user(facts)
    interface = known(facts.usb)[index]
    if daemon is None or known_or(facts.pcscd.listener, None) != "pcscd":
        return None
    if known(interface.driver) is not None or known_or(interface.in_libccid, True) is False:
        return None
    if isinstance(facts.readers, Unknown) or holding.is_listed(facts, interface):
        return None
    logged = _logged(facts)
    if interface.accessible_to_pcscd is True and not logged:
        return None
    certain = bool(logged) or interface.accessible_to_pcscd is False
    return Found(
        severity=severity_for_pcsc(facts),
        summary=text(
            "pcscd runs as the user {user}, which {may} not open {reader}.",
            user=user(known_or(daemon.user, "pcscd")),
            may=public("may" if certain else "probably may"),
            reader=name_of(interface),
        ),
        effect=text("PC/SC does not list the reader; root or your own user would have no trouble."),
        because=(
            *(f"usb[{index}].node", f"usb[{index}].driver", "readers"),
            *(("pcscd.log",) if logged else ()),
        ),
        culprits=(
            Culprit(
                pid=daemon.pid,
                program=daemon.program,
                user=known_or(daemon.user, "") or None,
                certainty="certain" if certain else "likely",
            ),
        ),
        cure=by_hand(
            "The udev rule that gives pcscd's group the device comes with libccid 1.7.0; 1.7 loses it at a "
            "change event, 1.8.0 keeps it. Update libccid, then let udev apply the rule. Plugging the reader "
            "in again does not help by itself.",
            ("sudo", "udevadm", "trigger", "--subsystem-match=usb"),
            ("sudo", "systemctl", "restart", "pcscd.service"),
        ),
        headline=_no_permission(interface),
    )


def _pcscd_of_its_own_user(facts: Facts) -> Process | None:
    daemons = [process for process in known_or(facts.processes, ()) if process.role == "pcscd"]
    return next((process for process in daemons if known_or(process.uid, ROOT) != ROOT), None)


def _logged(facts: Facts) -> list[LogEvent]:
    return [event for event in known_or(facts.pcscd.log, ()) if event.kind == "open-failed" and event.code == "ACCESS"]


def keeps_unlisted(facts: Facts, index: int, verdicts: Verdicts) -> bool:
    """Whether GD402 explains enough of a reader that pcscd does not list.

    It does where pcscd may not open the device, and where scdaemon may not and does not ask pcscd. 2.2 asks it then:
    so a pcscd that does not list the reader is a fault of its own.
    """
    closed = [it.found for it in verdicts.found("GD402") if f"usb[{index}].node" in it.found.because]
    if any("readers" in found.because for found in closed):
        return True
    return bool(closed) and scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER
