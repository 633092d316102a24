"""The cures that several rules share, with what they cost."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Process, Setting, known, known_or
from gpgdoctor.holders import known as known_holder
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.rule import Advice, Cure, LineChange

FORGETS = "gpg-agent restarts: it forgets cached passphrases, and ssh keys added to it for a time ask again"
ASKS_PIN = "the PIN is asked for every operation: since GnuPG 2.3 shared mode keeps no PIN"
ASKS_MORE = "the PIN is asked once more: in shared mode signing and decryption are verified apart"
INTERFERES = (
    'another program that selects another applet on the card makes gpg fail with "Card error" '
    "until scdaemon is restarted"
)
INTERFERES_LESS = (
    "another program that selects another applet may make gpg fail: this scdaemon notices it on a YubiKey "
    "and before most operations only"
)
CHECKS_INTERFERENCE_SINCE = (2, 3, 2)  # commit 044e5a3c3, YubiKey only; never in 2.2


def share(facts: Facts) -> Cure:
    """scdaemon through PC/SC, sharing the reader: both options, as far as this scdaemon knows them."""
    if not scdaemon.knows(facts, "pcsc-shared"):
        return Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="This scdaemon is older than 2.2.28 and cannot share a reader: close the other program "
                    "while gpg needs the card, or install a newer GnuPG.",
                ),
            ),
        )
    missing = tuple(option for option in ("disable-ccid", "pcsc-shared") if not scdaemon.in_force(facts, option))
    return Cure(applicability="costly", costs=sharing_costs(facts), options=missing, restart=True)


def sharing_costs(facts: Facts) -> tuple[str, ...]:
    version = scdaemon.version(facts)
    pin = ASKS_PIN if version >= (2, 3) else ASKS_MORE
    interference = INTERFERES if version < CHECKS_INTERFERENCE_SINCE else INTERFERES_LESS
    return (pin, interference, *restart_costs(facts))


def restart_costs(facts: Facts) -> tuple[str, ...]:
    """What a restart of gpg-agent costs: nothing where none runs."""
    processes = known_or(facts.processes, ())
    return (FORGETS,) if any(process.role == "gpg-agent" for process in processes) else ()


def ask_to_let_go(programs: list[Process]) -> Cure:
    """The polite way to stop or configure each program; nothing that gpgdoctor does itself."""
    advice = tuple(_polite(process) for process in programs)
    if not advice:
        advice = (Advice(text="Close the program that uses the card, then run gpgdoctor check again."),)
    return Cure(applicability="manual", advice=advice)


def _polite(process: Process) -> Advice:
    holder = known_holder(process.program)
    if holder is None:
        return Advice(text=f"{process.program} (pid {process.pid}): close it while gpg needs the card.")
    return Advice(text=f"{process.program} (pid {process.pid}): {holder.polite}", commands=holder.commands)


def restart_only(facts: Facts) -> Cure:
    costs = restart_costs(facts)
    return Cure(applicability="costly" if costs else "safe", costs=costs, restart=True)


def commented_out(setting: Setting) -> LineChange:
    """The line of a setting, out of force and still there to be read."""
    return LineChange(path=setting.path, line=setting.line, text=None)


def scdaemon_config(facts: Facts) -> str:
    """The path of the user's scdaemon.conf."""
    return f"{known(facts.gnupg.homedir)}/scdaemon.conf"
