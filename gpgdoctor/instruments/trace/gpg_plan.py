"""Whether a trace can run on this machine, what forbids it, and the plan that `trace --gpg` shows first."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence

from gpgdoctor.facts import Facts, NotKnown, Unknown, known_or
from gpgdoctor.fix import agent
from gpgdoctor.fix.restart import Running
from gpgdoctor.instruments.trace.copies import uses_keyboxd
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.system.deadline import Deadline

BUSY_AFTER_S = 1.0


def no_pcscd(facts: Facts) -> str | None:
    """Why there is no pcscd to connect to."""
    if known_or(facts.pcscd.listener, "pcscd") is not None:
        return None
    socket = known_or(facts.pcscd.socket, "its socket")
    return f"pcscd does not run, and nothing listens at {socket} that would start it: there is no call to be traced"


def is_asleep(facts: Facts) -> bool:
    return known_or(facts.pcscd.listener, None) == "activator"


def not_through_pcsc(facts: Facts) -> str | None:
    """Why a scdaemon would make no call: it is not there, or reaches the reader by itself."""
    if known_or(facts.gnupg.gpgconf, "") is None or known_or(facts.gnupg.scdaemon, "") is None:
        return "GnuPG's scdaemon is not installed: there is nothing that could be traced"
    if known_or(facts.gnupg.scdaemon_exists, True) is False:
        return f"{known_or(facts.gnupg.scdaemon, 'scdaemon')} does not exist: there is nothing that could be traced"
    try:
        path = scdaemon.path(facts)
        if path is scdaemon.Path.PCSC or scdaemon.reaches_through_pcsc(facts):
            return None
    except NotKnown:
        return None  # the trace will show
    return (
        "scdaemon's path here is its own CCID driver, which makes no PC/SC call: there is nothing to trace. "
        "With disable-ccid in scdaemon.conf it goes through pcscd"
    )


def own_holder(facts: Facts) -> int | None:
    """The pid of my own scdaemon where it has a card."""
    running = known_or(facts.gnupg.running, None)
    return running.pid if running is not None and running.cards else None


def shares(facts: Facts) -> bool:
    try:
        return scdaemon.in_force(facts, "pcsc-shared")
    except NotKnown:
        return False


# -- trace --gpg ------------------------------------------------------------------------------------------------------


def obstacle_to_copies(facts: Facts) -> str | None:
    """Why gpg's flow cannot be traced in a home of copies."""
    home = known_or(facts.gnupg.homedir, None)
    if home is None or not os.path.isdir(home):
        return "there is no GnuPG home that could be copied"
    if os.stat(home).st_uid != os.geteuid():
        return f"{home} belongs to another user: run this as that user"
    if any(setting.option == "disable-scdaemon" for setting in known_or(facts.configuration.agent_in_force, ())):
        return "gpg-agent.conf says disable-scdaemon, so that no scdaemon is started (GD108): there is nothing to trace"
    if uses_keyboxd(home, known_or(facts.gnupg.sysconfdir, None)):
        return f"{home} keeps its public keys with keyboxd (use-keyboxd), whose database cannot be copied while it runs"
    return None


def under_way(facts: Facts, now: Running) -> str | None:
    """What must not be disturbed: a PIN entry, an operation of the card, a transaction."""
    if now.agent is not None and agent.pinentries(now.agent.pid, now.pinentry_names):
        return "a program of gpg-agent asks for a PIN or passphrase (pinentry): answer or close it"
    if known_or(facts.pcscd.waiting, 0) or known_or(facts.pcscd.waiting_programs, 0):
        return "a program is in the middle of a transaction, and another one waits for its end (GD204)"
    # Version 2.2 answers nobody during an operation; later versions do, but make a request for the card wait.
    is_silent = bool(now.scdaemons) and isinstance(facts.gnupg.running, Unknown)
    has_card = now.agent is not None and own_holder(facts) is not None
    if is_silent or (has_card and agent.ask(now.homedir, "SCD SERIALNO", Deadline(BUSY_AFTER_S)) is None):
        return "your scdaemon is busy with the card (a touch, a key generation), and does not answer"
    return None


def plan_lines(facts: Facts, command: Sequence[str], stubs: int) -> Iterator[str]:
    """What `trace --gpg` would do, and what it costs."""
    home = known_or(facts.gnupg.homedir, "")
    yield "PLAN"
    holder = known_or(facts.gnupg.running, None)
    if holder is not None:
        yield from _item(f"Stop your scdaemon (pid {holder.pid}), which lets go of the card.")
    keys = f"the {stubs} stubs" if stubs > 1 else "the stub" if stubs else "stubs"
    yield from _item(
        f"Copy public keys, {keys} of keys on cards and the configuration from {home} to a temporary home. "
        "No secret key is copied."
    )
    # Not its arguments: a PIN may be among them.
    yield from _item(f"Start a gpg-agent there, and run {os.path.basename(command[0])} with it.")
    yield from _item("End that gpg-agent, and remove the temporary home.")
    yield "COSTS"
    for cost in costs(facts):
        yield from _item(cost)


def _item(text: str) -> list[str]:
    return textwrap.wrap(text, 80, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)


def costs(facts: Facts) -> list[str]:
    found = ["The card is read" + (", and pcscd is woken for it." if is_asleep(facts) else ".")]
    if known_or(facts.gnupg.running, None) is not None:
        found.append("A PIN that your scdaemon has been given must be entered again afterwards.")
    if any(process.role == "client" for process in holding.clients(facts)):
        found.append("A program in the middle of an operation may have to start it again.")
    return [
        *found,
        "Keys that are not on a card are not there, and no passphrase is cached.",
        "What the command changes in the temporary home is thrown away: imported keys, trust.",
    ]
