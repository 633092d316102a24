"""GD401 and GD404: who may reach pcscd, and what the kernel may use."""

from __future__ import annotations

import math

from gpgdoctor.facts import Facts, LogEvent, NotKnown, Process, Reason, Unknown, known, known_or
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.rules.reader_state import Card, card
from gpgdoctor.rules.rule import (
    Advice,
    Found,
    Holds,
    NotApplicable,
    Severity,
    Stretch,
    Subject,
    Subjects,
    Verdicts,
    advice,
    advise,
    by_hand,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.services import (
    AGENT_ELSEWHERE,
    INSTALLERS,
    PCSCD_DOES_NOT_RUN,
    SCDAEMON_STARTS,
    scdaemon_would_answer,
    severity_for_pcsc,
)
from gpgdoctor.rules.usb_names import name_of
from gpgdoctor.system.record import replace
from gpgdoctor.wording import Command, Text, free, public, text

# SCARD_W_SECURITY_VIOLATION, SCARD_F_COMM_ERROR, SCARD_E_NO_SERVICE: which of them a refusal becomes depends on
# the version, and on how much of the request had been read (pcsc-lite src/winscard_msg.c).
REFUSED = "0x8010006A"
REFUSALS = (REFUSED, "0x80100013", "0x8010001D")
DESKTOPS = ("x11", "wayland", "mir")
NOBODY = 65534  # what polkit sees where pcscd runs with users of its own (pcsc-lite 2.3.2)
PACKAGES_OF_POLKIT = {"debian": "polkitd", "fedora": "polkit", "suse": "polkit", "arch": "polkit", "alpine": "polkit"}
START_POLKIT: dict[str, tuple[Command, ...]] = {
    "systemd": (("sudo", "systemctl", "start", "polkit.service"),),
    "openrc": (("sudo", "rc-update", "add", "polkit"), ("sudo", "rc-service", "polkit", "start")),
    "runit": (("sudo", "ln", "-s", "/etc/sv/polkitd", "/var/service/"),),
}
EXPLAIN: Command = ("gpgdoctor", "explain", "GD401")


@rule(
    "GD401",
    "pcscd-refuses-me",
    "pcscd lets this session in.",
    worst="error",
    causes=hidden_by("GD302", "GD303", "GD305", "GD308", "GD311"),
    earlier=SCDAEMON_STARTS,
    breaks=refuses(Stretch.PCSCD, "polkit refuses this session"),
)
def pcscd_refuses_me(facts: Facts, verdicts: Verdicts) -> Found | None:
    found = _refuses_me(facts)
    return found if found is None or scdaemon_would_answer(verdicts) else replace(found, effect=None)


def _refuses_me(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    answer = known(facts.pcscd.answer)
    if _scdaemon_is_let_in(facts):
        return None
    if _is_refusal(facts, answer):
        _check_whose_answer_it_is(facts)
        return _refused(facts, text("{answer}", answer=public(answer)), ("pcscd.answer",))
    denied = [number for number, reader in enumerate(known_or(facts.readers, ())) if reader.probe == "denied"]
    if denied:
        _check_whose_answer_it_is(facts)
        return _refused(facts, text("its second question, access_card"), (f"readers[{denied[0]}].probe",))
    return _second_question(facts)


def _scdaemon_is_let_in(facts: Facts) -> bool:
    """Whether my scdaemon has a card through pcscd: then its session is let in, whatever this one hears."""
    running = known_or(facts.gnupg.running, None)
    if running is None or not running.cards or isinstance(facts.pcscd.connections, Unknown):
        return False
    return holding.holds_through_pcsc(facts)


def _is_refusal(facts: Facts, answer: str) -> bool:
    """The first code means nothing else; the others may have other reasons where pcscd has no polkit."""
    return answer == REFUSED or (answer in REFUSALS and known(facts.pcscd.polkit))


def _gnupgs_session(facts: Facts) -> tuple[str, str] | None:
    """The session of my scdaemon, else of my gpg-agent, which starts it; and whose that is."""
    processes = known_or(facts.processes, ())
    mine: list[Process] = [
        process for process in processes if process.role == "scdaemon" and holding.mine(facts, process)
    ]
    for process in (*mine, *holding.agents(facts)):
        session = known_or(process.session, None)
        if session is not None:
            return session, process.program
    return None


def _check_whose_answer_it_is(facts: Facts) -> None:
    """polkit judges a process by its session; raises NotKnown where scdaemon's is another one than this."""
    gnupgs, asked = _gnupgs_session(facts), known_or(facts.host.session_unit, None)
    if gnupgs is None or asked is None or gnupgs[0] == asked or _log_refuses_me(facts):
        return
    if _lines_without_polkitd(facts):
        return  # nobody is let in
    if gnupgs[0].startswith("user@") and facts.host.at_seat is False:
        return  # polkit judges a user manager's processes by a session of that user: none is better off than this one
    if facts.pcscd.policy is False:
        return  # polkit refuses everybody what it does not know
    why = "pcscd refuses this session ({asked}); {program} runs in another one ({other}), which may be let in"
    raise NotKnown(text(why, asked=public(asked), program=public(gnupgs[1]), other=public(gnupgs[0])))


def _log_refuses_me(facts: Facts) -> list[LogEvent]:
    """Refusals in pcscd's log that are of scdaemon, or of gpg-agent; another user's are harmless to me."""
    mine = {
        process.pid
        for process in known_or(facts.processes, ())
        if process.role in ("scdaemon", "gpg-agent") and known_or(process.uid, -1) == known_or(facts.host.uid, -2)
    }
    return [event for event in known_or(facts.pcscd.log, ()) if event.kind == "not-authorised" and event.pid in mine]


def _second_question(facts: Facts) -> Found | None:
    """Who may ask pcscd may still not connect: polkit is asked again, at every connect (access_card)."""
    access = facts.pcscd.card_access
    asks = known_or(facts.pcscd.polkit, not isinstance(access, Unknown))  # polkit's word is there where pcscd asks it
    if not asks or not scdaemon.reaches_through_pcsc(facts):
        return None
    readers = known(facts.readers)
    if any(reader.probe == "ok" for reader in readers) or not any(card(it) is Card.PRESENT for it in readers):
        return None
    access = facts.pcscd.card_access
    if access is not None and not isinstance(access, Unknown) and access.answer == "yes":
        return None
    uid = known_or(facts.host.uid, -1)
    logged = [
        number
        for number, event in enumerate(known_or(facts.pcscd.log, ()))
        if event.kind == "not-authorised" and event.action == "access_card" and event.uid == uid
    ]
    if logged:
        return _refused(facts, text("its second question, access_card"), (f"pcscd.log[{logged[-1]}]",))
    if isinstance(access, Unknown):
        raise NotKnown(access, counts=False)
    if access is None:
        return None
    if not access.with_reader:
        why = "polkit does not say yes to access_card for {whose}, but was asked without the reader's name"
        raise NotKnown(text(why, whose=public(access.about)), counts=False)
    return _refused(facts, text("its second question, access_card"), ("pcscd.card_access",))


def _refused(facts: Facts, what: Text, because: tuple[str, ...]) -> Found:
    session = known_or(facts.host.session, None)
    why, advice = _why(facts, session)
    by_session = EXPLAIN in advice.commands
    severity: Severity = (
        "error" if by_session and _is_shut_out_on_usb(facts) else severity_for_pcsc(facts, refused=True)
    )
    effect = _effect(session, by_session=by_session and not _tracks_no_sessions(facts))
    return Found(
        severity=severity,
        summary=text("pcscd runs and refuses {this} ({what}): {why}.", this=_this(session), what=what, why=why),
        effect=effect if severity == "error" else text("Programs of this session reach no card through PC/SC."),
        because=(
            *because,
            "pcscd.polkit",
            *(("host.session",) if session else ()),
            *(("host.container",) if known_or(facts.host.container, None) else ()),
            *(("host.hides_processes",) if known_or(facts.host.hides_processes, False) else ()),
            *(f"pcscd.log[{number}]" for number in _lines_without_polkitd(facts)[-1:]),
        ),
        cure=advise(advice),
    )


def _is_shut_out_on_usb(facts: Facts) -> bool:
    """Whether scdaemon's own driver is no way either: an inactive session gets neither pcscd nor the device (GD402)."""
    running = known_or(facts.gnupg.running, None)
    interfaces = [interface for interface in known_or(facts.usb, ()) if interface.ccid]
    closed = bool(interfaces) and not any(known_or(interface.accessible, True) for interface in interfaces)
    drives = known_or(facts.gnupg.own_ccid_driver, False)  # unknown where there is no scdaemon
    return drives and closed and (running is None or not running.cards)


def _why(facts: Facts, session: str | None) -> tuple[Text, Advice]:
    """The reason that is seen here, and what helps against that one: a rule does not help against each."""
    log = known_or(facts.pcscd.log, ())
    if known_or(facts.host.hides_processes, False) or any(event.kind == "caller-hidden" for event in log):
        return text("polkitd cannot see who asks, for /proc hides the processes of others (hidepid)"), advice(
            "A polkit rule does not help: none is ever evaluated. Mount /proc with gid= of a group that polkitd's "
            "user is in, or without hidepid.",
            ("findmnt", "/proc"),
        )
    if known_or(facts.host.container, None) not in (None, "wsl"):
        return text("in a container there is neither a session nor a polkitd that could allow it"), advice(
            "No polkit rule can help there. Start the container's pcscd with --disable-polkit, or mount the "
            "host's socket /run/pcscd/pcscd.comm into the container."
        )
    if _lines_without_polkitd(facts):
        return text("polkitd could not be asked, as pcscd's log says, so nobody is let in"), _have_polkitd(facts)
    if (known_or(facts.host.root, False) and known_or(facts.host.uid, -1) == 0) or _refuses_root(facts):
        return text(
            "even root is refused, so polkit came to no rule: polkitd does not answer, or cannot see who asks"
        ), (
            advice(
                "See whether polkitd runs and sees processes; hidepid on /proc is the usual reason:",
                ("systemctl", "status", "polkit"),
                ("findmnt", "/proc"),
            )
        )
    if known_or(facts.pcscd.policy, True) is False:
        return text("polkit does not know pcscd's actions, for their description is not installed"), _policy(facts)
    if any(event.kind == "not-authorised" and event.uid == NOBODY for event in log):
        return text("pcscd runs with users of its own, so that polkit sees nobody instead of you"), advice(
            "pcsc-lite 2.3.2 does so, 2.3.3 does not; no rule helps until it is updated.", ("pcscd", "--version")
        )
    if _tracks_no_sessions(facts):
        return text("nothing here tells polkit who sits at this machine, so no session counts as active"), advice(
            "Install elogind, start it, and log in again: it tracks the sessions that systemd would elsewhere. Or let "
            "an administrator add a polkit rule for both actions, without a reader's name:",
            EXPLAIN,
        )
    return text("polkit does not allow it"), Advice(text=_rule_or_session(session), commands=(EXPLAIN,))


def _lines_without_polkitd(facts: Facts) -> list[int]:
    """The lines of pcscd's log that say that there was no polkitd to ask, since one last refused."""
    log = known_or(facts.pcscd.log, ())
    refused_s = min((it.age for it in log if it.kind == "not-authorised"), default=math.inf)
    return [number for number, it in enumerate(log) if it.kind == "no-polkit" and it.age < refused_s]


def _have_polkitd(facts: Facts) -> Advice:
    """It may be missing, not run, or have no system bus: to start it tells which."""
    name = known_or(facts.host.distribution, "")
    if name.startswith("nixos"):
        return advice("No polkit rule helps before polkitd runs: security.polkit.enable = true; then switch.")
    package = PACKAGES_OF_POLKIT.get(name.split(" ")[0])
    get: tuple[Command, ...] = (("sudo", *INSTALLERS[name.split(" ")[0]], package),) if package else ()
    return advice(
        "No polkit rule helps before polkitd runs: install polkit and D-Bus, and start them, or a pcscd that may do "
        "without with --disable-polkit.",
        *get,
        *START_POLKIT.get(known_or(facts.host.init, ""), ()),
    )


def _tracks_no_sessions(facts: Facts) -> bool:
    """Neither systemd-logind nor elogind, which alone know sessions and seats."""
    seat = facts.host.at_seat
    untold = isinstance(seat, Unknown) and seat.reason is not Reason.OF_LATER_VERSIONS
    return untold and facts.host.session_unit is None and known_or(facts.host.init, "systemd") != "systemd"


def _refuses_root(facts: Facts) -> bool:
    """In documents of 0.1.0 that were taken with sudo, root is who was refused."""
    return known_or(facts.host.called_by, None) is not None and isinstance(facts.host.session_unit, Unknown)


def _policy(facts: Facts) -> Advice:
    if known_or(facts.host.distribution, "").startswith("nixos"):
        return advice(
            "Let NixOS register it: security.polkit.enable = true; services.pcscd.enable = true; and the package "
            "of pcsc-lite in environment.systemPackages."
        )
    return advice("Install pcscd's package again: it brings org.debian.pcsc-lite.policy for polkit.")


def _rule_or_session(session: str | None) -> Text:
    if session in DESKTOPS:
        return text("Let an administrator add a polkit rule for both actions, without a reader's name:")
    return text(
        "Use the desktop session of this machine, or let an administrator add a polkit rule for both actions, "
        "without a reader's name; the explanation has one."
    )


def _this(session: str | None) -> Text:
    if session == "ssh":
        return text("this log-in over SSH")
    if session:
        return text("this session ({session})", session=free(session))
    return text("this program, which belongs to no desktop session")


def _effect(session: str | None, *, by_session: bool) -> Text:
    denied = text('gpg says "No such device", or since 2.3 "Service is not running".')
    if session in DESKTOPS or not by_session:
        return denied
    return text("{denied} A desktop session on this machine may be let in.", denied=denied)


def _blocked(facts: Facts) -> Subjects:
    if isinstance(facts.usb_blocked, Unknown) and _a_card_is_there(facts):
        return []
    blocked = [Subject(name=name_of(device), index=number) for number, device in enumerate(known(facts.usb_blocked))]
    return blocked or Holds(why=text("no reader or token on USB is blocked"))


def _a_card_is_there(facts: Facts) -> bool:
    running = known_or(facts.gnupg.running, None)
    if running is not None and running.cards:
        return True
    return any("PRESENT" in known_or(reader.state, ()) for reader in known_or(facts.readers, ()))


@rule(
    "GD404",
    "usb-device-blocked",
    "The kernel may use every card reader on USB.",
    worst="error",
    each=_blocked,
    causes=AGENT_ELSEWHERE,
    no_subject=text("nobody looked, and there is a card"),
    breaks=refuses(Stretch.READER, "the kernel was told to block the reader"),
)
def usb_device_blocked(facts: Facts, index: int) -> Found | None:
    return Found(
        severity="info" if _a_card_is_there(facts) else "error",
        summary=text(
            "{device} is plugged in, and the kernel was told not to use it (authorized is 0).",
            device=name_of(known(facts.usb_blocked)[index]),
        ),
        effect=text("No program sees it, root's neither."),
        because=(f"usb_blocked[{index}]",),
        cure=by_hand(
            "USBGuard does that to devices that no rule of it allows, and GNOME to those that are plugged in "
            "while the screen is locked: allow it there, or unlock the screen and plug it in again.",
            ("sudo", "usbguard", "list-devices", "-b"),
        ),
    )
