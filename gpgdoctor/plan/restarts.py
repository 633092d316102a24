"""Which daemon has to be restarted, and how, according to the facts."""

from __future__ import annotations

from collections.abc import Iterable

from gpgdoctor.facts import Facts, Unknown, known_or
from gpgdoctor.plan.steps import Advise, Restart, Target
from gpgdoctor.rules import holding
from gpgdoctor.rules.rule import Cure

ACTIVATORS = ("systemd",)
AGENTS_FILES = ("gpg-agent.conf", "common.conf")


def home_arguments(homedir: str) -> tuple[str, ...]:
    """The option that names a home to gpgconf and gpg-connect-agent; harmless for the default home."""
    return ("--homedir", homedir) if homedir else ()


def _shortest(facts: Facts) -> tuple[str, ...]:
    """The same for a command that people read: empty where the tools use this home anyway."""
    return () if known_or(facts.gnupg.home_is_default, False) else home_arguments(known_or(facts.gnupg.homedir, ""))


def agent_runs(facts: Facts) -> bool:
    """Whether a gpg-agent of this home runs. A socket unit that waits for a client is not one.

    The unit keeps its socket open also while the agent runs that it started, so the process decides.
    """
    listener = facts.gnupg.agent_listener
    if listener == "gpg-agent" or listener is None:
        return listener is not None
    return (isinstance(listener, Unknown) or listener in ACTIVATORS) and bool(holding.agents(facts))


def scdaemon_runs(facts: Facts) -> bool:
    """Whether a scdaemon of this home runs; one that cannot be asked counts as well."""
    return facts.gnupg.running is not None


def restart(facts: Facts, cures: Iterable[Cure], keep_agent: bool) -> Restart | None:
    """The one restart that puts all cures in force; None where nothing runs that needs it.

    With ``keep_agent`` only scdaemon is restarted, which does nothing for files that only gpg-agent reads.
    """
    wanted = [cure for cure in cures if cure.restart]
    if keep_agent:
        wanted = [cure for cure in wanted if not is_agents_alone(cure)]
        return restart_of("scdaemon", facts) if wanted and scdaemon_runs(facts) else None
    concerns_agent = any(_concerns_agent(cure) for cure in wanted)
    if not wanted or not (scdaemon_runs(facts) or (concerns_agent and agent_runs(facts))):
        return None
    return restart_of("gpg-agent" if agent_runs(facts) else "scdaemon", facts)


def is_agents_alone(cure: Cure) -> bool:
    """Whether a cure changes only what gpg-agent alone reads."""
    return bool(cure.changes) and not cure.options and all(it.path.endswith(AGENTS_FILES[0]) for it in cure.changes)


def _concerns_agent(cure: Cure) -> bool:
    """Whether a cure needs a new gpg-agent even without a scdaemon: for its own file, or its own program."""
    if cure.options or cure.changes:
        return any(change.path.endswith(AGENTS_FILES) for change in cure.changes)
    return True


def restart_of(target: Target, facts: Facts) -> Restart:
    """A restart by GnuPG's tools. A scdaemon without a gpg-agent is asked directly."""
    socketdir = known_or(facts.gnupg.socketdir, "")
    if target == "scdaemon" and socketdir and not agent_runs(facts):
        argv = ("gpg-connect-agent", "--raw-socket", f"{socketdir}/S.scdaemon", "KILLSCD", "/bye")
        return Restart(target=target, argv=argv)
    return Restart(target=target, argv=("gpgconf", *_shortest(facts), "--kill", target))


def afterwards(facts: Facts, restarted: Restart | None) -> Advise | None:
    """What ssh needs afterwards if it uses the gpg-agent that is restarted."""
    settings = known_or(facts.configuration.agent_in_force, ())
    serves_ssh = any(setting.option == "enable-ssh-support" for setting in settings)
    if restarted is None or restarted.target != "gpg-agent" or not serves_ssh:
        return None
    return Advise(
        text="ssh uses this gpg-agent: tell the new one which terminal to ask for PINs on.",
        commands=(("gpg-connect-agent", *_shortest(facts), "updatestartuptty", "/bye"),),
    )


def kept(facts: Facts, cures: Iterable[Cure]) -> Advise | None:
    """What does not take effect because gpg-agent is kept; None where that makes no difference."""
    if not agent_runs(facts) or not any(cure.restart and is_agents_alone(cure) for cure in cures):
        return None
    return Advise(
        text="gpg-agent is kept, and goes on by the gpg-agent.conf that it read when it started. To have it read anew:",
        commands=(restart_of("gpg-agent", facts).argv,),
    )
