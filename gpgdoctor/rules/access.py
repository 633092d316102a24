"""GD4xx: who may reach pcscd, and who the reader."""

from __future__ import annotations

from gpgdoctor.facts import Facts, UsbInterface, known, known_or
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.rule import Found, NotApplicable, Subject, by_hand, hidden_by, rule
from gpgdoctor.rules.services import GNUPG_MISSING, PCSCD_DOES_NOT_RUN, severity_for_pcsc
from gpgdoctor.wording import Text, free, public, reader_name, text

# SCARD_W_SECURITY_VIOLATION, SCARD_F_COMM_ERROR, SCARD_E_NO_SERVICE: which of them a refusal becomes depends on
# the version, and on how much of the request had been read (pcsc-lite src/winscard_msg.c).
REFUSALS = ("0x8010006A", "0x80100013", "0x8010001D")
DESKTOPS = ("x11", "wayland", "mir")
NONE_ON_USB = text("no card reader is on USB")


@rule(
    "GD401",
    "pcscd-refuses-me",
    "pcscd lets this session in.",
    worst="error",
    causes=hidden_by("GD302", "GD303", "GD305", "GD311"),
)
def pcscd_refuses_me(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    answer = known(facts.pcscd.answer)
    if answer not in REFUSALS or not known(facts.pcscd.polkit):
        return None
    session = known_or(facts.host.session, None)
    return Found(
        severity=severity_for_pcsc(facts),
        summary=text(
            "pcscd runs and refuses {this} ({answer}), as it does where polkit does not allow it.",
            this=_this(session),
            answer=public(answer),
        ),
        effect=_effect(session),
        because=("pcscd.answer", "pcscd.polkit", *(("host.session",) if session else ())),
        cure=by_hand(
            "Use the desktop session of this machine, or let an administrator add a polkit rule; the "
            "explanation has one.",
            ("gpgdoctor", "explain", "GD401"),
        ),
    )


def _this(session: str | None) -> Text:
    if session == "ssh":
        return text("this log-in over SSH")
    if session:
        return text("this session ({session})", session=free(session))
    return text("this program, which belongs to no desktop session")


def _effect(session: str | None) -> Text:
    denied = text('gpg says "No such device", or since 2.3 "Service is not running".')
    if session in DESKTOPS:
        return denied
    return text("{denied} A desktop session on this machine may be let in.", denied=denied)


def _ccid(facts: Facts) -> list[Subject]:
    return [
        Subject(name=name_of(interface), index=number)
        for number, interface in enumerate(known(facts.usb))
        if interface.ccid
    ]


def name_of(interface: UsbInterface) -> Text:
    """How a person knows it, and where sysfs has it."""
    title = known_or(interface.title, f"{interface.vendor}:{interface.product}")
    return text("{title} (USB {place})", title=reader_name(title), place=public(interface.name))


@rule(
    "GD402",
    "usb-access-denied",
    "The reader's USB device may be opened by whoever needs it.",
    worst="error",
    each=_ccid,
    causes=(*GNUPG_MISSING, *hidden_by("GD205")),
    no_subject=NONE_ON_USB,
)
def usb_access_denied(facts: Facts, index: int) -> Found | None:
    interface = known(facts.usb)[index]
    if not _is_needed(facts) or known(interface.accessible):
        return None
    if any(known_or(other.accessible, False) for other in known(facts.usb) if other.ccid):
        return None  # there is another that scdaemon may open
    return Found(
        severity="error",
        summary=text("scdaemon's own driver may not open {reader}.", reader=name_of(interface)),
        effect=text('gpg says "No such device".'),
        because=(f"usb[{index}].node", f"usb[{index}].accessible"),
        cure=by_hand(
            "Let an administrator add a udev rule for it; the explanation has one. Or run pcscd and set "
            "disable-ccid: then pcscd opens the reader.",
            ("gpgdoctor", "explain", "GD402"),
        ),
    )


def _is_needed(facts: Facts) -> bool:
    """Whether scdaemon opens readers as me, and has none: 2.2 turns to pcscd where it cannot."""
    way = scdaemon.path(facts)
    if way is scdaemon.Path.PCSC or scdaemon.holds_a_card(facts):
        return False
    return way is scdaemon.Path.OWN_DRIVER or known_or(facts.readers, None) == ()
