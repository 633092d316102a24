"""GD311 to GD314: what keeps pcscd from serving: too many clients, or what its log, service and drivers show."""

from __future__ import annotations

from gpgdoctor.facts import Facts, LogEvent, NotKnown, Reason, Unknown, known, known_or
from gpgdoctor.rules import cures, holding
from gpgdoctor.rules.rule import Cure, Found, NotApplicable, Stretch, advice, advise, by_hand, hidden_by, refuses, rule
from gpgdoctor.rules.services import PCSCD_DOES_NOT_RUN, install, severity_for_pcsc
from gpgdoctor.wording import Text, public, text

FULL = 190  # of 200: pcsc-lite 2.5.1 src/pcscd.h.in, PCSC_MAX_CONTEXT_THREADS
FAILED = "failed"
PACKAGES_OF_DRIVERS = {
    "debian": "libccid",
    "fedora": "pcsc-lite-ccid",
    "arch": "ccid",
    "alpine": "ccid",
    "suse": "pcsc-ccid",
}
PROTOCOLS = {"4:4": "1.8.24 to 2.2", "4:5": "2.3 and 2.4", "4:6": "2.5 and later"}  # src/winscard_msg.h of the tags


@rule(
    "GD311",
    "pcscd-full",
    "pcscd has room for more connections.",
    worst="error",
    causes=hidden_by("GD302", "GD303", "GD305", "GD308"),
    breaks=refuses(Stretch.PCSCD, "full: {who} has the connections"),
)
def pcscd_full(facts: Facts) -> Found | None:
    connections = known(facts.pcscd.connections)
    if len(connections) + known_or(facts.pcscd.hidden, 0) < FULL:
        if known_or(facts.pcscd.listener, "pcscd") is None:
            raise NotApplicable(PCSCD_DOES_NOT_RUN)
        return None
    pids = [known_or(connection.pid, 0) for connection in connections]
    counts = {pid: pids.count(pid) for pid in set(pids) if pid}
    most = max(counts, key=lambda pid: counts[pid], default=0)
    worst = [process for process in known_or(facts.processes, ()) if process.pid == most]
    by = text(", {most} of them by {who}", most=counts[most], who=holding.named(worst[0])) if worst else text("")
    return Found(
        severity="error",
        summary=text("{number} of pcscd's 200 connections are taken{by}.", number=len(connections), by=by),
        effect=text("New programs are refused with 0x8010006A or 0x8010001D, as if they were not allowed."),
        because=("pcscd.connections",),
        culprits=tuple(holding.culprit(process, "certain") for process in worst),
        cure=cures.ask_to_let_go(worst),
    )


def _events(facts: Facts, kind: str) -> list[tuple[int, LogEvent]]:
    """Events of a kind with their places; none where the log may not be read, which makes nothing incomplete."""
    return [(number, event) for number, event in enumerate(known_or(facts.pcscd.log, ())) if event.kind == kind]


@rule(
    "GD312",
    "client-protocol-mismatch",
    "All programs speak pcscd's protocol.",
    worst="warning",
    causes=hidden_by("GD302", "GD303", "GD304", "GD305"),
    breaks=refuses(Stretch.OTHERS, "other PC/SC version"),
)
def client_protocol_mismatch(facts: Facts) -> Found | None:
    if isinstance(facts.pcscd.log, Unknown):
        if facts.pcscd.log.reason is Reason.NOT_NEEDED:
            raise NotApplicable(facts.pcscd.log.text())
        raise NotKnown(facts.pcscd.log, counts=False)
    found = _events(facts, "protocol-mismatch")
    if not found:
        return None
    number, event = found[-1]
    return Found(
        severity="warning",
        summary=text(
            "A program that brings its own PC/SC library speaks protocol {client}, and pcscd speaks {server}.",
            client=public(_of_versions(event.client)),
            server=public(_of_versions(event.server)),
        ),
        effect=text("That program is refused, as if there were no pcscd; gpg with the system's library is not."),
        because=(f"pcscd.log[{number}]",),
        cure=by_hand(
            "Flatpaks, snaps, static programs and Nix profiles bring their own library. Update the program; or "
            "update pcscd, which takes older clients from pcsc-lite 2.4.1 on.",
            ("flatpak", "update"),
        ),
    )


def _of_versions(protocol: str | None) -> str:
    if protocol is None:
        return "another one"
    of_versions = PROTOCOLS.get(protocol)
    return f"{protocol} (pcsc-lite {of_versions})" if of_versions else protocol


@rule(
    "GD313",
    "pcscd-cannot-start",
    "pcscd can start.",
    worst="error",
    causes=hidden_by("GD305", "GD308"),
    breaks=refuses(Stretch.PCSCD, "pcscd cannot start"),
)
def pcscd_cannot_start(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) == "pcscd":
        return None
    if isinstance(facts.pcscd.service, Unknown):
        raise NotKnown(facts.pcscd.service, counts=False)
    if facts.pcscd.service != FAILED:
        if known_or(facts.pcscd.installed, True) is False:
            raise NotApplicable(text("pcscd is not installed"))
        return None
    events = _events(facts, "start-failed")
    return Found(
        severity=severity_for_pcsc(facts),
        summary=text("pcscd was started and ended at once{why}.", why=_why(events)),
        effect=text("Every program that uses PC/SC gets no service (0x8010001D)."),
        because=("pcscd.service", *(f"pcscd.log[{number}]" for number, _ in events[-1:])),
        cure=by_hand(
            "Its log says why. When that is mended, let systemd try again:",
            ("journalctl", "-b", "-u", "pcscd.service", "-n", "30"),
            ("sudo", "systemctl", "reset-failed", "pcscd.service", "pcscd.socket"),
            ("sudo", "systemctl", "restart", "pcscd.socket"),
        ),
    )


def _why(events: list[tuple[int, LogEvent]]) -> Text:
    codes = [event.code for _, event in events if event.code]
    if "another-pcscd" in codes:
        return text(": another pcscd runs already")
    return text(" ({code})", code=public(codes[-1])) if codes else text("")


@rule(
    "GD314",
    "pcscd-without-drivers",
    "pcscd has drivers for readers.",
    worst="error",
    causes=hidden_by("GD301", "GD302", "GD303", "GD304", "GD305", "GD308", "GD311", "GD313", "GD401"),
    breaks=refuses(Stretch.READER, "pcscd has no drivers"),
)
def pcscd_without_drivers(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    if holding.is_served_unseen(facts) or known(facts.readers):
        return None
    events = _events(facts, "no-drivers")
    if not events and not _has_none(facts):
        return None
    return Found(
        severity=severity_for_pcsc(facts),
        summary=text("pcscd runs and has no driver for any reader."),
        effect=text("It lists no reader, whatever is plugged in."),
        because=(
            "readers",
            *(f"pcscd.log[{number}]" for number, _ in events[-1:]),
            *(() if events else ("pcscd.drivers",)),
        ),
        cure=_cure(facts),
    )


def _has_none(facts: Facts) -> bool:
    """By what is installed."""
    if isinstance(facts.pcscd.drivers, Unknown):
        raise NotKnown(facts.pcscd.drivers, counts=False)
    return not facts.pcscd.drivers


def _cure(facts: Facts) -> Cure:
    if known_or(facts.host.distribution, "").startswith("nixos"):
        drivers = advice("Let NixOS give pcscd drivers: services.pcscd.plugins names their packages.")
    else:
        drivers = install(facts, "the drivers", PACKAGES_OF_DRIVERS).advice[0]
    usable = [it for it in known_or(facts.usb, ()) if it.ccid and it.driver is None and it.accessible is True]
    return cures.without_disable_ccid(facts, usable[0], drivers) if usable else advise(drivers)
