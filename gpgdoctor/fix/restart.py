"""Restarts gpg-agent or scdaemon through GnuPG's own tools. What did not run before is not started."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Mapping

from gpgdoctor.facts import Facts, known_or
from gpgdoctor.fix import agent
from gpgdoctor.fix.entries import Daemon
from gpgdoctor.plan.restarts import agent_runs, home_arguments
from gpgdoctor.plan.steps import Restart, Target
from gpgdoctor.rules import holding
from gpgdoctor.system import proc
from gpgdoctor.system.child import CommandFailed, run
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record, replace

COMMAND_DEADLINE_S = 10.0
END_DEADLINE_S = 5.0
NOTICE_DEADLINE_S = 6.0
PINENTRY_DEADLINE_S = 20.0
POLL_S = 0.05

Tell = Callable[[str], None]


class NotRestarted(Exception):
    """A daemon could not be restarted; the message says why."""


class Running(Record):
    """The daemons of one home, before a restart."""

    homedir: str
    agent: Daemon | None = None
    scdaemons: tuple[Daemon, ...] = ()
    supervised: bool = False  # a socket unit starts the agent again
    own_options: tuple[str, ...] = ()  # options of its command line that a new agent would not have
    pinentry_names: tuple[str, ...] = ()

    @property
    def loses_options(self) -> bool:
        """Whether a new agent would lack options: only a socket unit starts it with the same ones again."""
        return bool(self.own_options) and not self.supervised

    def fitting(self, target: Target) -> Target:
        """What can be restarted without losing options."""
        return "scdaemon" if self.agent is None or self.loses_options else target

    def concerned(self, restart: Restart | None) -> tuple[Daemon, ...]:
        """What a restart ends."""
        if restart is None:
            return ()
        ends_agent = restart.target == "gpg-agent" and self.agent is not None
        return (*((self.agent,) if ends_agent and self.agent else ()), *self.scdaemons)


def running(facts: Facts) -> Running:
    """The daemons of this home. An agent that runs is asked for its pid."""
    homedir = known_or(facts.gnupg.homedir, "")
    scdaemons = [
        _daemon(process.pid)
        for process in known_or(facts.processes, ())
        if process.role == "scdaemon" and holding.mine(facts, process)
    ]
    found = Running(homedir=homedir, scdaemons=tuple(daemon for daemon in scdaemons if daemon))
    pid = agent.pid_of(homedir) if agent_runs(facts) else None
    daemon = _daemon(pid) if pid else None
    if daemon is None:
        return found
    settings = known_or(facts.configuration.agent_in_force, ())
    arguments = proc.arguments(daemon.pid)
    return replace(
        found,
        agent=daemon,
        supervised=agent.is_supervised(arguments),
        own_options=tuple(agent.own_options(arguments, {setting.option for setting in settings})),
        pinentry_names=tuple(
            os.path.basename(setting.value)
            for setting in settings
            if setting.option == "pinentry-program" and setting.value
        ),
    )


def _daemon(pid: int) -> Daemon | None:
    started = proc.started_ticks(pid)
    return None if started is None else Daemon(pid=pid, started=started)


def is_alive(daemon: Daemon) -> bool:
    return proc.started_ticks(daemon.pid) == daemon.started


def await_no_pinentry(before: Running, tell: Tell, wait_s: float = PINENTRY_DEADLINE_S) -> None:
    """Wait until nobody is being asked for a PIN: a restart would close that dialog. Raises NotRestarted."""
    deadline = Deadline(wait_s)
    reported = False
    while before.agent is not None and agent.pinentries(before.agent.pid, before.pinentry_names):
        if not reported:
            tell("A program of gpg-agent asks for a PIN or passphrase: waiting until it is closed.")
            reported = True
        if not deadline.left():
            raise NotRestarted("a program of gpg-agent asks for a PIN or passphrase (pinentry): answer or close it")
        time.sleep(POLL_S * 4)


def restart(step: Restart, before: Running, tell: Tell) -> None:
    """End the daemon, and start gpg-agent again if it ran; raises NotRestarted."""
    _command(step.argv, _home(before.homedir))
    _await_end(before.concerned(step))
    if before.agent is None:
        return
    if step.target == "scdaemon":
        _await_agent(before.homedir, tell)
    elif not before.supervised:
        launch(before.homedir)


def _await_agent(homedir: str, tell: Tell) -> None:
    """gpg-agent 2.2 checks every 4 s whether its scdaemon has ended, and uses the dead pipe until then.

    Source: agent/gpg-agent.c, TIMERTICK_INTERVAL. It is no failure if it does not notice: scdaemon may run again.
    """
    deadline = Deadline(NOTICE_DEADLINE_S)
    reported = False
    while deadline.left():
        answer = agent.ask(homedir, "GETINFO scd_running", deadline.sooner(COMMAND_DEADLINE_S))
        if answer is None or not answer.ok:
            return
        if not reported:
            tell(f"Waiting until gpg-agent notices that scdaemon has ended, up to {NOTICE_DEADLINE_S:.0f} s.")
            reported = True
        time.sleep(POLL_S * 2)


def launch(homedir: str) -> None:
    """Start gpg-agent; raises NotRestarted where none runs afterwards."""
    # The agent keeps this environment, so it gets the language of its user.
    language = {name: os.environ.get(name, "") for name in ("LC_ALL", "LANGUAGE")}
    _command(("gpgconf", *home_arguments(homedir), "--launch", "gpg-agent"), {**language, **_home(homedir)})
    if agent.pid_of(homedir) is None:
        raise NotRestarted("gpg-agent did not start again: gpgconf --launch gpg-agent shows why")


def _home(homedir: str) -> dict[str, str]:
    """gpgconf passes no --homedir for the default home, and its children would use our GNUPGHOME instead."""
    return {"GNUPGHOME": homedir} if homedir and os.environ.get("GNUPGHOME") else {}


def _command(argv: tuple[str, ...], environment: Mapping[str, str] | None = None) -> None:
    try:
        output = run(argv, Deadline(COMMAND_DEADLINE_S), environment)
    except CommandFailed as error:
        raise NotRestarted(str(error)) from error
    if output.code != 0:
        last = (output.stderr.strip().splitlines() or [f"it ended with {output.code}"])[-1]
        raise NotRestarted(f"{shlex.join(argv)}: {last}")


def _await_end(daemons: tuple[Daemon, ...]) -> None:
    deadline = Deadline(END_DEADLINE_S)
    while any(is_alive(daemon) for daemon in daemons):
        if not deadline.left():
            pids = ", ".join(str(daemon.pid) for daemon in daemons if is_alive(daemon))
            raise NotRestarted(f"the daemon that was asked to end still runs (pid {pids})")
        time.sleep(POLL_S)
