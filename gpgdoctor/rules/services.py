"""GD301 to GD304, GD306 and GD307: is what has to run there, and does it answer?"""

from __future__ import annotations

from gpgdoctor.facts import Facts, NotKnown, Process, UsbInterface, known, known_or
from gpgdoctor.rules import holding, kernel, scdaemon
from gpgdoctor.rules.rule import (
    Advice,
    Cure,
    Found,
    NotApplicable,
    Severity,
    Stretch,
    Verdicts,
    advice,
    advise,
    blocks,
    by_hand,
    headed_by,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.usb_names import of_readers
from gpgdoctor.wording import Text, path, pid, public, text

SCARD_E_SERVICE_STOPPED = "0x8010001E"  # since 1.8.26 only said where the protocols differ
SCDAEMON_STARTS = ("GD101", "GD102", "GD108")
GNUPG_MISSING = hidden_by("GD306", "GD307")
# Under an agent elsewhere nothing of this machine's scdaemon, pcscd and readers is what gpg depends on.
AGENT_ELSEWHERE = hidden_by("GD308")
PCSCD_DOES_NOT_RUN = text("pcscd does not run")


@rule(
    "GD307",
    "gnupg-missing",
    "GnuPG is installed.",
    worst="error",
    breaks=refuses(Stretch.AGENT, "GnuPG is not installed"),
)
def gnupg_missing(facts: Facts) -> Found | None:
    if known(facts.gnupg.gpgconf) is not None:
        return None
    return Found(
        severity="error",
        summary=text("No gpgconf is in the search path, so there is no GnuPG here that gpgdoctor could look at."),
        because=("gnupg.gpgconf",),
        cure=_beside_pcscd(
            facts,
            install(facts, "GnuPG", {"debian": "gnupg", "fedora": "gnupg2", "arch": "gnupg", "alpine": "gnupg"}),
        ),
    )


@rule(
    "GD306",
    "scdaemon-missing",
    "scdaemon is installed.",
    worst="error",
    causes=(*hidden_by("GD307"), *AGENT_ELSEWHERE),
    breaks=refuses(Stretch.SCDAEMON, "scdaemon is not installed"),
)
def scdaemon_missing(facts: Facts) -> Found | None:
    named = known(facts.gnupg.scdaemon)
    if named is not None and known(facts.gnupg.scdaemon_exists):
        return None
    if known_or(facts.configuration.scdaemon_program_exists, None):
        raise NotApplicable(text("gpg-agent starts another program as its scdaemon"))
    return Found(
        severity="error",
        summary=text(
            "gpgconf names {program}, and no such program is there.",
            program=path(named) if named else public("no scdaemon"),
        ),
        effect=text('gpg says "No SmartCard daemon".'),
        because=("gnupg.scdaemon", "gnupg.scdaemon_exists"),
        cure=_beside_pcscd(
            facts,
            install(
                facts,
                "scdaemon",
                {"debian": "scdaemon", "fedora": "gnupg2-scdaemon", "arch": "gnupg", "alpine": "gnupg-scdaemon"},
            ),
        ),
    )


def _beside_pcscd(facts: Facts, cure: Cure) -> Cure:
    """The same, and pcscd: who plugged a reader in without scdaemon may want it for another program."""
    plugged = any(it.ccid or known_or(it.in_libccid, False) for it in known_or(facts.usb, ()))
    absent = facts.pcscd.listener is None and facts.pcscd.socket_file == "absent" and facts.pcscd.mounted is False
    if not plugged or not absent or any(it.role == "pcscd" for it in known_or(facts.processes, ())):
        return cure
    (how,) = start_pcscd(facts).advice
    others = text(
        "{why} (GD301): other programs reach no card either.", why=_why_it_does_not_run(facts) or PCSCD_DOES_NOT_RUN
    )
    return advise(*cure.advice, Advice(text=text("{others} {how}", others=others, how=how.text), commands=how.commands))


INSTALLERS = {
    "debian": ("apt-get", "install"),
    "fedora": ("dnf", "install"),
    "suse": ("zypper", "install"),
    "arch": ("pacman", "-S"),
    "alpine": ("apk", "add"),
}


def _is_nixos(facts: Facts) -> bool:
    return known_or(facts.host.distribution, "").startswith("nixos")


def install(facts: Facts, what: str, packages: dict[str, str]) -> Cure:
    family = known_or(facts.host.distribution, "").split(" ")[0]
    if _is_nixos(facts):
        wanted = "Let NixOS bring {what}: programs.gnupg.agent.enable = true; then nixos-rebuild switch."
        return by_hand(wanted, what=public(what))
    if family not in packages:
        return by_hand("Install {what} with your system's package manager.", what=public(what))
    command = ("sudo", *INSTALLERS[family], *packages[family].split())
    return by_hand("Install {what}:", command, what=public(what))


@rule("GD309", "pcscd-asleep", "pcscd is awake.", worst="info")
def pcscd_asleep(facts: Facts) -> Found | None:
    listener = known(facts.pcscd.listener)
    if listener is None:
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    if listener != "activator":
        return None
    return Found(
        severity="info",
        summary=text("pcscd is not running; its socket starts it at the first connect. Nobody is connected to it now."),
        effect=text("Readers and cards were not looked at, because looking would have started it."),
        because=("pcscd.listener",),
        cure=by_hand("To look all the same, and start pcscd:", ("gpgdoctor", "check", "--wake")),
    )


@rule(
    "GD301",
    "pcscd-not-running",
    "pcscd runs, or starts when it is needed.",
    worst="error",
    causes=(
        *hidden_by("GD305", "GD108", "GD308", "GD313"),
        *hidden_by("GD101", "GD102", stopping="scdaemon"),
        *headed_by("GD501"),
    ),
    breaks=refuses(Stretch.PCSCD, "pcscd does not run"),
)
def pcscd_not_running(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) is not None:
        return None
    if known(facts.pcscd.mounted):
        if holding.is_served_unseen(facts):
            return None
        raise NotKnown(
            text("the socket of pcscd comes from outside this container, and who listens there is not visible")
        )
    if known(facts.pcscd.socket_file) != "absent":
        return None
    if _processes(facts, "pcscd"):
        raise NotKnown(text("a program of that name runs, but where it listens is not visible"))
    if known_or(facts.gnupg.scdaemon, None) is None or is_without_scdaemon(facts):
        raise NotApplicable(text("there is no scdaemon that could need it"))
    if scdaemon.path(facts) is scdaemon.Path.PCSC:
        return _not_running(facts, "error")
    return _not_running(facts, "info") if not of_readers(facts) else None


def _not_running(facts: Facts, severity: Severity) -> Found:
    return Found(
        severity=severity,
        summary=text("pcscd does not run, and nothing would start it when a program asks for it."),
        effect=text('gpg says "No such device", or since 2.3 "Service is not running".'),
        because=("pcscd.listener", "pcscd.socket_file", "pcscd.installed", "pcscd.unit"),
        cure=start_pcscd(facts),
        headline=_why_it_does_not_run(facts),
    )


def _why_it_does_not_run(facts: Facts) -> Text | None:
    if not known_or(facts.pcscd.installed, True):
        return text("pcscd is not installed")
    why = {"masked": "it is masked", "disabled": "its socket is disabled", "enabled": "its socket is not started"}
    unit = known_or(facts.pcscd.unit, None) or ""
    return text("pcscd does not run: {why}", why=public(why[unit])) if unit in why else None


def start_pcscd(facts: Facts) -> Cure:
    if _is_nixos(facts):
        return by_hand("Let NixOS run it: services.pcscd.enable = true; then nixos-rebuild switch.")
    if not known_or(facts.pcscd.installed, True):
        return install(
            facts, "pcscd", {"debian": "pcscd", "fedora": "pcsc-lite", "arch": "pcsclite ccid", "alpine": "pcsc-lite"}
        )
    unit = known_or(facts.pcscd.unit, None)
    first = (("sudo", "systemctl", "unmask", "pcscd.socket", "pcscd.service"),) if unit == "masked" else ()
    start = {
        "systemd": (*first, ("sudo", "systemctl", "enable", "--now", "pcscd.socket")),
        "openrc": (("sudo", "rc-update", "add", "pcscd"), ("sudo", "rc-service", "pcscd", "start")),
        "runit": (("sudo", "ln", "-s", "/etc/sv/pcscd", "/var/service/"),),
    }.get(known_or(facts.host.init, ""), (("sudo", "pcscd"),))
    return by_hand("Start pcscd:", *start)


@rule(
    "GD302",
    "pcscd-stale-socket",
    "pcscd listens on its socket.",
    worst="error",
    causes=hidden_by("GD308", "GD313"),
    breaks=refuses(Stretch.PCSCD, "a left-over socket, no pcscd"),
)
def pcscd_stale_socket(facts: Facts) -> Found | None:
    if known(facts.pcscd.socket_file) == "absent" or known(facts.pcscd.listener) is not None:
        return None
    if holding.is_served_unseen(facts) or not known(facts.pcscd.refused):
        return None
    socket = path(facts.pcscd.socket) if isinstance(facts.pcscd.socket, str) else public("its socket")
    severity = severity_for_pcsc(facts)
    others = text("Programs that use PC/SC get no service (0x8010001D).")
    return Found(
        severity=severity,
        summary=text("{socket} is left from a pcscd that ended; nobody listens there.", socket=socket),
        effect=text("{others} gpg is among them.", others=others) if severity == "error" else others,
        because=("pcscd.socket_file", "pcscd.listener", "pcscd.refused"),
        cure=start_pcscd(facts),
    )


@rule(
    "GD303",
    "pcscd-not-answering",
    "pcscd answers.",
    worst="error",
    causes=hidden_by("GD302", "GD305", "GD308"),
    breaks=blocks(Stretch.PCSCD, "pcscd does not answer"),
)
def pcscd_not_answering(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    if known(facts.pcscd.answer) != "no-answer":
        return None
    daemons = _processes(facts, "pcscd")
    stopped = [process for process in daemons if known_or(process.state, "") == "T"]
    why = public("it is stopped (state T)" if stopped else "it does nothing")
    return Found(
        severity=severity_for_pcsc(facts),
        summary=text("pcscd runs but does not answer: {why}.", why=why),
        effect=text("Every program that asks for a reader hangs."),
        because=("pcscd.answer", *_states(facts)),
        cure=advise(_continue(stopped[0]) if stopped else _restart_pcscd(facts)),
    )


def _continue(process: Process) -> Advice:
    return advice("Let it go on:", ("sudo", "kill", "-CONT", pid(process.pid)))


def _restart_pcscd(facts: Facts) -> Advice:
    systemd = known_or(facts.host.init, "") == "systemd"
    commands = (("sudo", "systemctl", "restart", "pcscd.service"),) if systemd else ()
    return advice("Restart it; that ends the connections of all its clients.", *commands)


def _states(facts: Facts) -> tuple[str, ...]:
    return tuple(
        f"processes[{number}].state"
        for number, process in enumerate(known_or(facts.processes, ()))
        if process.role == "pcscd"
    )


@rule(
    "GD304",
    "pcscd-version-mismatch",
    "pcscd and its library speak the same protocol.",
    worst="error",
    causes=hidden_by("GD302", "GD303", "GD305", "GD308"),
    breaks=refuses(Stretch.PCSCD, "pcscd speaks another PC/SC version"),
)
def pcscd_version_mismatch(facts: Facts) -> Found | None:
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    if known(facts.pcscd.answer) != SCARD_E_SERVICE_STOPPED:
        return None
    versions = (known_or(facts.pcscd.library_version, None), known_or(facts.pcscd.version, None))
    library, daemon = (public(version or "version not known") for version in versions)
    return Found(
        severity=severity_for_pcsc(facts),
        summary=text(
            "The PC/SC library ({library}) and pcscd ({daemon}) speak different protocols.",
            library=library,
            daemon=daemon,
        ),
        effect=text("No program that loads this library reaches a card; others may."),
        because=(
            *("pcscd.answer", "pcscd.version", "pcscd.library"),
            *(("pcscd.library_version",) if known_or(facts.pcscd.library_version, None) else ()),
        ),
        cure=by_hand(
            "Use one pcsc-lite on both sides, or 2.4.1 or later on one of them. A library in /usr/local, "
            "in a snap, a flatpak or a Nix profile is the usual reason."
        ),
    )


def scdaemon_would_answer(verdicts: Verdicts) -> bool:
    """Whether gpg gets as far as a scdaemon of GnuPG's own, so that its words are about readers and cards.

    For rules with ``earlier=SCDAEMON_STARTS``: where scdaemon does not start, gpg says something else.
    """
    stopped = any(it.found.stops == "scdaemon" for id in ("GD101", "GD102") for it in verdicts.found(id))
    return not stopped and not verdicts.found("GD108")


def _processes(facts: Facts, role: str) -> list[Process]:
    return [process for process in known(facts.processes) if process.role == role]


def severity_for_pcsc(
    facts: Facts, *, refused: bool = False, unlisted: UsbInterface | None = None, of_library: bool = False
) -> Severity:
    """An error where scdaemon's path needs PC/SC; the unknown counts as needed. A scdaemon that is missing has none.

    One that looks on USB first needs it for no reader that is not there: then GD501 is what is wrong.
    ``refused``: pcscd is well, and does not serve me. ``unlisted``: a reader that it does not list: the kernel's driver
    may keep it from scdaemon's own driver, too. ``of_library``: it is no worse than a pcscd that is missing beside it.
    """
    if is_without_scdaemon(facts):
        return "info"
    try:
        needed = scdaemon.needs_pcsc(facts) and not _looks_for_nothing(facts, refused)
        needed = needed and not (of_library and scdaemon.finds_no_pcscd(facts))
        shut_out = unlisted is not None and kernel.keeps_scdaemon_out(facts, unlisted)
        return "error" if needed or shut_out else "info"
    except NotKnown:
        return "error"


def _looks_for_nothing(facts: Facts, refused: bool) -> bool:
    """Whether scdaemon takes its own driver first, and no reader is known, nor a pcscd that may have one beside USB."""
    if scdaemon.path(facts) is scdaemon.Path.PCSC or known_or(facts.readers, ()):
        return False
    if any(interface.ccid or known_or(interface.in_libccid, False) for interface in known(facts.usb)):
        return False
    if facts.pcscd.listener is None:
        # One that ended without its service manager left its socket behind, and what it served is not known.
        return facts.pcscd.socket_file == "absent" or facts.pcscd.service in ("inactive", "failed")
    return refused


def is_without_scdaemon(facts: Facts) -> bool:
    """Whether GnuPG or scdaemon is missing (GD307, GD306), and no other program is run in its place."""
    if known_or(facts.gnupg.gpgconf, "") is None:
        return True
    if known_or(facts.configuration.scdaemon_program_exists, None):
        return False
    return known_or(facts.gnupg.scdaemon, "") is None or known_or(facts.gnupg.scdaemon_exists, True) is False
