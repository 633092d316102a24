"""What a pcscd that runs as a user of its own may not open: half of GD402 (usb_access.py)."""

from __future__ import annotations

from gpgdoctor.facts import Facts, LogEvent, Process, Unknown, UsbInterface, known, known_or
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.rules.reader_state import shows_a_card
from gpgdoctor.rules.rule import Advice, Culprit, Found, Severity, advice, advise
from gpgdoctor.rules.services import severity_for_pcsc
from gpgdoctor.rules.usb_names import name_of
from gpgdoctor.wording import Text, path, public, text, user

ROOT = 0


def lacking(facts: Facts, index: int) -> Found | None:
    """Where pcscd runs as a user of its own, and does not list a reader that nobody has claimed."""
    daemon = _of_its_own_user(facts)
    interface = known(facts.usb)[index]
    if daemon is None or known_or(facts.pcscd.listener, None) != "pcscd":
        return None
    if known(interface.driver) is not None or known_or(interface.in_libccid, True) is False:
        return None
    if isinstance(facts.readers, Unknown) or holding.is_listed(facts, interface):
        return None
    logged, is_told = _logged(facts, interface), interface.accessible_to_pcscd is False
    if interface.accessible_to_pcscd is True and not logged:
        return None
    certain = bool(logged) or is_told
    return Found(
        severity=_severity(facts),
        summary=text(
            "pcscd runs as the user {user}, which {may} not open {reader}.",
            user=user(known_or(daemon.user, "pcscd")),
            may=public("may" if certain else "probably may"),
            reader=name_of(interface),
        ),
        effect=_effect(facts, interface),
        because=(
            *(f"usb[{index}].node", f"usb[{index}].driver"),
            *((f"usb[{index}].accessible_to_pcscd",) if is_told else ()),
            *((f"usb[{index}].accessible",) if _lacks_it_too(facts, interface) else ()),
            "readers",
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
        cure=advise(_LET_PCSCD, *((_OR_ME,) if _lacks_it_too(facts, interface) else ())),
        headline=no_permission(interface),
    )


def no_permission(interface: UsbInterface) -> Text | None:
    """What stands in pictures at the node that is closed, where that is known."""
    node = known_or(interface.node, None)
    return None if node is None else text("no permission for {node}", node=path(node))


def _severity(facts: Facts) -> Severity:
    """No harm is done where scdaemon finds a card in a reader that is listed."""
    return "info" if any(map(shows_a_card, known(facts.readers))) else severity_for_pcsc(facts)


def _effect(facts: Facts, interface: UsbInterface) -> Text:
    if _lacks_it_too(facts, interface):
        return text(
            "PC/SC does not list the reader; and scdaemon's own driver, which comes first, may not open it either: "
            "your user lacks the right."
        )
    if interface.accessible is True:
        return text("PC/SC does not list the reader; root or your own user would have no trouble.")
    return text("PC/SC does not list the reader; root would have no trouble.")


def _lacks_it_too(facts: Facts, interface: UsbInterface) -> bool:
    """Whether scdaemon takes its own driver first, and may not open the device as me."""
    denied = interface.ccid and interface.accessible is False
    return denied and scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER_THEN_PCSC


# Each driver's package has to bring the rule for its readers, as libccid does (src/92_pcscd_ccid.rules).
_LET_PCSCD: Advice = advice(
    "The udev rule that gives pcscd's group the device comes with the package that brings its driver. libccid has it "
    "since 1.7.0 (1.7 loses it at a change event, 1.8.0 keeps it), acsccid since 1.1.13. Update that package, then let "
    "udev apply the rule. Plugging the reader in again does not help by itself.",
    ("sudo", "udevadm", "trigger", "--subsystem-match=usb"),
    ("sudo", "systemctl", "restart", "pcscd.service"),
)
_OR_ME: Advice = advice(
    "Or let an administrator give the device to your user: scdaemon's own driver then opens it.",
    ("gpgdoctor", "explain", "GD402"),
)


def _of_its_own_user(facts: Facts) -> Process | None:
    daemons = [process for process in known_or(facts.processes, ()) if process.role == "pcscd"]
    return next((process for process in daemons if known_or(process.uid, ROOT) != ROOT), None)


def _logged(facts: Facts, interface: UsbInterface) -> list[LogEvent]:
    """What pcscd's log says of rights, where it is not about another device."""
    device = (interface.vendor.lower(), interface.product.lower())
    return [
        event
        for event in known_or(facts.pcscd.log, ())
        if event.kind == "open-failed"
        and event.code == "ACCESS"
        and device == ((event.vendor or device[0]).lower(), (event.product or device[1]).lower())
    ]
