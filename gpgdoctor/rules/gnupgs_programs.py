"""GD308, GD310, GD315 and GD316: whether GnuPG's programs are there, and are the ones that were meant."""

from __future__ import annotations

import posixpath

from gpgdoctor.facts import Facts, NotKnown, Process, Unknown, known, known_or
from gpgdoctor.rules import cures, holding, mistakes, scdaemon
from gpgdoctor.rules.rule import Found, NotApplicable, Stretch, Subject, by_hand, hidden_by, refuses, rule
from gpgdoctor.rules.services import GNUPG_MISSING, install
from gpgdoctor.wording import Text, path, program, public, several, text

# Where distributions put what belongs to one installation: the same programs, split over several directories.
OF_THE_SYSTEM = (
    "/usr/bin/",
    "/usr/lib/",
    "/usr/lib64/",
    "/usr/libexec/",
    "/bin/",
    "/lib/",
    "/usr/sbin/",
    "/usr/share/",
)
GNUPGS = ("gpg-agent", "scdaemon")
STORES = ("/nix/store/", "/gnu/store/")
PARTS_OF_A_PREFIX = ("/bin/", "/libexec/", "/lib/", "/sbin/", "/opt/", "/Cellar/")
# In Debian the package of gpg has it, whose other files are there; Ubuntu has one of its own.
UBUNTU = "Ubuntu"
PACKAGES_OF_KEYBOXD = {"debian": "--reinstall gpg", "fedora": "gnupg2", "arch": "gnupg", "alpine": "gnupg-keyboxd"}


@rule(
    "GD308",
    "agent-elsewhere",
    "The agent's socket is that of a local gpg-agent.",
    worst="warning",
    causes=hidden_by("GD307"),
    breaks=refuses(Stretch.AGENT, "leads to an agent elsewhere"),
)
def agent_elsewhere(facts: Facts) -> Found | None:
    if isinstance(facts.gnupg.agent_listener, Unknown) and _is_forwarded(facts):
        return _elsewhere(text("Most likely your ssh connection"), "host.session")
    listener = known(facts.gnupg.agent_listener)
    if listener in (None, "gpg-agent", "systemd"):
        return None
    return _elsewhere(text("{listener}", listener=program(str(listener))))


def _elsewhere(who: Text, *because: str) -> Found:
    return Found(
        severity="warning",
        summary=text(
            "{who} listens on gpg-agent's socket: gpg talks to an agent elsewhere, and to its scdaemon.", who=who
        ),
        effect=text("What scdaemon.conf says here does not matter to gpg."),
        because=("gnupg.agent_socket", "gnupg.agent_listener", *because),
        cure=by_hand("If that is not meant, end the forwarding, remove the socket, and let gpg start its agent."),
    )


def _is_forwarded(facts: Facts) -> bool:
    """Whether sshd is most likely what listens and does not show: no agent of mine runs that could, in a log-in by SSH.

    What systemd's own socket looks like the collector knows.
    """
    if isinstance(facts.pcscd.connections, Unknown) or known_or(facts.host.hides_processes, True):
        return False  # it does not show who listens anywhere, or an agent of mine might not show
    if known_or(facts.host.session, None) != "ssh":
        return False
    mine = known(facts.host.uid)
    return not any(it.role == "gpg-agent" and known_or(it.uid, mine) == mine for it in known(facts.processes))


def _daemons(facts: Facts) -> list[Subject]:
    """Those of this home: another one's are not what gpg talks to here, and are not restarted."""
    for process in known(facts.processes):
        if process.role in GNUPGS:
            known(facts.host.uid), known(process.uid)  # else it may be mine or not
    agents = {process.pid for process in holding.agents(facts)}
    found = [
        (number, process)
        for number, process in enumerate(known(facts.processes))
        if process.pid in agents or (process.role == "scdaemon" and holding.mine(facts, process))
    ]
    names = [process.program for _, process in found]
    return [
        Subject(
            name=holding.named(process)
            if names.count(process.program) > 1
            else text("{program}", program=program(process.program)),
            index=number,
        )
        for number, process in found
    ]


@rule(
    "GD310",
    "daemon-older-than-installed",
    "The running daemons are the installed ones.",
    worst="warning",
    each=_daemons,
    causes=GNUPG_MISSING,
    no_subject=text("no daemon of GnuPG runs"),
)
def daemon_older_than_installed(facts: Facts, index: int) -> Found | None:
    process = known(facts.processes)[index]
    if _is_another_program(facts, process):
        return None
    because = _proof_of_age(facts, process, index)
    if not because:
        return None
    return Found(
        severity="warning",
        summary=text("{who} was started before the installed version came.", who=holding.named(process)),
        effect=text("It goes on with its old code, and gpg may warn that it is older."),
        because=because,
        cure=cures.restart_only(facts),
    )


def _proof_of_age(facts: Facts, process: Process, index: int) -> tuple[str, ...]:
    """Where the facts show that the installed program is another version, which a restart would bring."""
    running = known_or(facts.gnupg.running, None)
    installed = known_or(facts.gnupg.scdaemon_version, None)
    if running is not None and process.pid == running.pid and installed is not None:
        return ("gnupg.running.version", "gnupg.scdaemon_version") if running.version != installed else ()
    if _is_of_an_older_generation(facts, process):
        return (f"processes[{index}].executable", "gnupg.agent")
    return (f"processes[{index}].replaced",) if known(process.replaced) else ()


def _is_of_an_older_generation(facts: Facts, process: Process) -> bool:
    """Of gpg-agent, which nobody asks for its version: two store paths of one package, by the versions in them."""
    theirs, installed = known_or(process.executable, None), _installed(facts, process)
    if process.role != "gpg-agent" or theirs is None or installed is None:
        return False
    if not (theirs.startswith(STORES) and installed.startswith(STORES)):
        return False
    return _package_of(theirs) == _package_of(installed) and _name_in_store(theirs) != _name_in_store(installed)


def _is_another_program(facts: Facts, process: Process) -> bool:
    """Whether a daemon is another installation's, or the program that scdaemon-program names: not an older one."""
    if _installation_of(known_or(process.executable, None)) is None or known_or(process.replaced, False):
        return False
    return _is_foreign(facts, process) or _is_configured(facts, process)


def _is_configured(facts: Facts, process: Process) -> bool:
    """Whether gpg-agent is told to start another scdaemon than gpgconf's, with which this one is not compared.

    Its path may be a link or a script, so that what runs has another one.
    """
    settings = known_or(facts.configuration.agent_in_force, ())
    named = [setting.value for setting in settings if setting.option == "scdaemon-program"]
    if process.role != "scdaemon" or not named or named[-1] is None:
        return False
    return not cures.is_same_program(named[-1], known_or(facts.gnupg.scdaemon, None))


def _is_foreign(facts: Facts, process: Process) -> bool:
    mine = _installation_of(_installed(facts, process))
    its = _installation_of(known_or(process.executable, None))
    return mine is not None and its is not None and mine != its


def _installed(facts: Facts, process: Process) -> str | None:
    """The program that gpgconf names for the daemon, with every link followed where that is known."""
    if process.role == "scdaemon":
        return known_or(facts.gnupg.scdaemon_real, None) or known_or(facts.gnupg.scdaemon, None)
    return known_or(facts.gnupg.agent, None) or known_or(facts.gnupg.gpgconf, None)


def _installation_of(executable: str | None) -> str | None:
    """What a program belongs to, by its path: the system, a store's package by its name, or a prefix of its own."""
    if executable is None or not executable.startswith("/"):
        return None
    real = posixpath.normpath(executable.removesuffix(" (deleted)"))
    if real.startswith(STORES):
        return _package_of(real)
    if real.startswith(OF_THE_SYSTEM):
        return "/usr"
    places = [real.index(part) for part in PARTS_OF_A_PREFIX if part in real]
    return real[: min(places)] if places else posixpath.dirname(real)


def _package_of(real: str) -> str:
    """Two generations of one package in a store are one installation: its name without hash and version."""
    return f"store:{_name_in_store(real).rstrip('0123456789.').rstrip('-')}"


def _name_in_store(real: str) -> str:
    """What stands behind the hash: gnupg-2.4.5."""
    return real.split("/")[3].partition("-")[2]


@rule(
    "GD316",
    "two-gnupgs-one-home",
    "Only one GnuPG uses this home.",
    worst="warning",
    causes=(*GNUPG_MISSING, *hidden_by("GD308")),
)
def two_gnupgs_one_home(facts: Facts) -> Found | None:
    daemons = [subject.index for subject in _daemons(facts)]
    processes = known(facts.processes)
    foreign = [number for number in daemons if _is_foreign_and_here(facts, processes[number])]
    if not foreign:
        _check_that_all_are_seen(facts, [processes[number] for number in daemons])
        return None
    return Found(
        severity="warning",
        summary=text(
            "{running} of another GnuPG than the one on the search path, {installed}.",
            running=several((_named_by_path(processes[number]) for number in foreign), " and "),
            installed=path(_installed(facts, processes[foreign[0]]) or ""),
        ),
        effect=text("Whichever starts first serves both, by its own system-wide configuration and its own driver."),
        because=(*(f"processes[{number}].executable" for number in foreign), "gnupg.gpgconf", "gnupg.scdaemon"),
        culprits=tuple(holding.culprit(processes[number], "certain") for number in foreign),
        cure=by_hand(
            "Keep one GnuPG on PATH, or give the other a home of its own with GNUPGHOME.",
            ("type", "-a", "gpg", "gpgconf"),
        ),
    )


def _named_by_path(process: Process) -> Text:
    return text("{who} runs from {place}", who=holding.named(process), place=path(known_or(process.executable, "")))


def _is_foreign_and_here(facts: Facts, process: Process) -> bool:
    """Whether a daemon is another installation's, whose program is still in its place."""
    if known_or(process.replaced, True) or not _is_foreign(facts, process):
        return False
    return not _is_configured(facts, process)


def _check_that_all_are_seen(facts: Facts, daemons: list[Process]) -> None:
    """GnuPG's daemons forbid ptrace, so that their program files are shown to root alone, not to their own user.

    A scdaemon that says the installed version is the installed one, and so is the agent that started it. Where
    that does not help either it is unknown, which makes no look incomplete: it would be so for everybody.
    """
    running, installed = known_or(facts.gnupg.running, None), known_or(facts.gnupg.scdaemon_version, None)
    if running is not None and running.version == installed:
        return
    for process in daemons:
        if isinstance(process.executable, Unknown):
            raise NotKnown(process.executable, counts=False)
        if isinstance(process.replaced, Unknown):
            raise NotKnown(process.replaced, counts=False)


@rule(
    "GD315",
    "keyboxd-missing",
    "The keyboxd that GnuPG is configured to use exists.",
    worst="warning",
    causes=GNUPG_MISSING,
)
def keyboxd_missing(facts: Facts) -> Found | None:
    place = _uses_keyboxd(facts)
    if place is None or scdaemon.version(facts) < mistakes.READS_COMMON_CONF_SINCE:
        raise NotApplicable(text("use-keyboxd is not set"))
    if known(facts.gnupg.keyboxd_exists):
        return None
    named = known_or(facts.gnupg.keyboxd, None)
    return Found(
        severity="warning",
        summary=text(
            "common.conf says use-keyboxd, and {keyboxd} is not there.",
            keyboxd=path(named) if named else public("no keyboxd"),
        ),
        effect=text("gpg has no public keys, signs and decrypts nothing. The card is well: gpg --card-status works."),
        because=(f"{place}.number", f"{place}.text", "gnupg.keyboxd_exists"),
        cure=install(facts, "keyboxd", PACKAGES_OF_KEYBOXD | _of_ubuntu(facts)),
    )


def _of_ubuntu(facts: Facts) -> dict[str, str]:
    return {"debian": "keyboxd"} if UBUNTU in known_or(facts.host.distribution, "") else {}


def _uses_keyboxd(facts: Facts) -> str | None:
    """Where the facts have the option."""
    for number, file in enumerate(known(facts.configuration.files)):
        for at, line in enumerate(file.lines):
            if file.program == "common" and line.kind == "option" and line.option == "use-keyboxd":
                return f"configuration.files[{number}].lines[{at}]"
    return None
