"""The cures that several rules share, with what they cost."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from gpgdoctor.facts import Facts, Process, Unknown, UsbInterface, known, known_or
from gpgdoctor.holders import known as known_holder
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.rules.holding import named
from gpgdoctor.rules.rule import Advice, Cost, Cure, LineChange, advice, advise, by_hand
from gpgdoctor.wording import Command, path, public, text, user

MERGED = ("/bin/", "/lib/", "/lib64/", "/sbin/")
CHECKS_INTERFERENCE_SINCE = (2, 3, 2)  # commit 044e5a3c3, YubiKey only; never in 2.2


def share(facts: Facts, *, costs: tuple[Cost, ...] = (), also: tuple[Advice, ...] = ()) -> Cure:
    """scdaemon through PC/SC, sharing the reader: both options, as far as this scdaemon knows them.

    `costs` come beside those of sharing, `also` is what else would help.
    """
    if not scdaemon.knows(facts, "pcsc-shared"):
        return advise(
            advice(
                "This scdaemon is older than 2.2.28 and cannot share a reader: close the other program "
                "while gpg needs the card, or install a newer GnuPG."
            ),
            *also,
        )
    missing = tuple(option for option in ("disable-ccid", "pcsc-shared") if not scdaemon.in_force(facts, option))
    all_costs = (*sharing_costs(facts), *costs)
    return Cure(applicability="costly", costs=all_costs, options=missing, restart=True, advice=also)


def sharing_costs(facts: Facts) -> tuple[Cost, ...]:
    version = scdaemon.version(facts)
    pin = Cost.ASKS_PIN if version >= (2, 3) and not scdaemon.keeps_off_piv(facts) else Cost.ASKS_MORE
    interference = Cost.INTERFERES if version < CHECKS_INTERFERENCE_SINCE else Cost.INTERFERES_LESS
    return (pin, interference, *restart_costs(facts))


def restart_costs(facts: Facts) -> tuple[Cost, ...]:
    """What a restart of gpg-agent costs: nothing where none runs."""
    processes = known_or(facts.processes, ())
    return (Cost.FORGETS,) if any(process.role == "gpg-agent" for process in processes) else ()


def ask_to_let_go(programs: list[Process]) -> Cure:
    """How to stop or configure each program without harm; nothing that gpgdoctor does itself."""
    if not programs:
        return by_hand("Close the program that uses the card, then run gpgdoctor check again.")
    return advise(*map(polite, programs))


def polite(process: Process) -> Advice:
    """How this program is made to let go."""
    holder = known_holder(process.program)
    if holder is None:
        return advice("{who}: close it while gpg needs the card.", who=named(process))
    how = text("{who}: {polite}", who=named(process), polite=public(holder.polite))
    return Advice(text=how, commands=holder.commands)


def let_go(facts: Facts, candidates: list[Process]) -> tuple[Advice, ...]:
    """The polite way for each of these, scdaemons of others among them."""
    programs = [process for process in candidates if process.role != "scdaemon"]
    scdaemons = tuple(stop_scdaemon(facts, process) for process in candidates if process.role == "scdaemon")
    polite = ask_to_let_go(programs).advice if programs or not scdaemons else ()
    return (*polite, *scdaemons)


def stop_scdaemon(facts: Facts, process: Process) -> Advice:
    """How to stop the scdaemon of another home or user, and who can do it."""
    who = named(process)
    if known_or(process.uid, -1) != known_or(facts.host.uid, -2):
        whose = user(process.user) if isinstance(process.user, str) else public("its user")
        stop = "{who} belongs to {user}, who stops it with: gpgconf --kill scdaemon"
        return advice(stop, who=who, user=whose)
    if holding.is_of_this_home(facts, process):
        return advice("{who} is yours, but not the one that gpg uses: end the program that started it.", who=who)
    home = known_or(process.homedir, None)
    if home is None:
        return advice(
            "{who} serves your default home. Stop it, without GNUPGHOME set:",
            ("env", "-u", "GNUPGHOME", "gpgconf", "--kill", "scdaemon"),
            who=who,
        )
    return advice(
        "{who} serves the home {home}. Stop it:",
        ("gpgconf", "--homedir", path(home), "--kill", "scdaemon"),
        who=who,
        home=path(home),
    )


def free_it_once(facts: Facts) -> Advice:
    """How my own scdaemon lets go, without a change of its configuration."""
    home = known_or(facts.gnupg.homedir, None)
    named_home = () if known_or(facts.gnupg.home_is_default, True) or home is None else ("--homedir", path(home))
    stop: Command = ("gpgconf", *named_home, "--kill", "scdaemon")
    return advice("To free the reader until gpg next uses the card, without a change:", stop)


def restart_only(facts: Facts) -> Cure:
    return rewrite(facts, ())


def rewrite(facts: Facts, changes: Iterable[LineChange]) -> Cure:
    """Lines to be changed, and the restart that puts the change in force."""
    costs = restart_costs(facts)
    return Cure(applicability="costly" if costs else "safe", costs=costs, changes=tuple(changes), restart=True)


def without_disable_ccid(facts: Facts, interface: UsbInterface, otherwise: Advice) -> Cure:
    """disable-ccid out of force, where pcscd cannot use a reader and scdaemon's own driver could."""
    lines = out_of_force(facts, "disable-ccid") if not isinstance(facts.configuration.in_force, Unknown) else ()
    could_open_it = interface.ccid and interface.driver is None and interface.accessible is True
    if not lines or not known_or(facts.gnupg.own_ccid_driver, False) or not could_open_it:
        return advise(otherwise)
    costs = restart_costs(facts)
    return Cure(
        applicability="costly" if costs else "safe", costs=costs, changes=lines, restart=True, advice=(otherwise,)
    )


def out_of_force(facts: Facts, option: str) -> tuple[LineChange, ...]:
    """Every line of an option, commented out: out of force, and still there to be read."""
    return tuple(LineChange(path=it.path, line=it.line, text=None) for it in scdaemon.settings(facts, option))


def is_same_program(one: str, other: str | None) -> bool:
    """Whether two paths name one program, however they are spelt."""
    return other is not None and _plain(one) == _plain(other)


def _plain(spelling: str) -> str:
    """A path in its shortest spelling; /lib is /usr/lib since /usr was merged."""
    shortest = posixpath.normpath(spelling)
    return f"/usr{shortest}" if shortest.startswith(MERGED) else shortest


def scdaemon_config(facts: Facts) -> str:
    """The path of the user's scdaemon.conf."""
    return f"{known(facts.gnupg.homedir)}/scdaemon.conf"
