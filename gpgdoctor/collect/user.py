"""What belongs to one user: the GnuPG installation, its configuration, the user's scdaemons and USB access.

Where root looks for a user, this runs as a process of that user (see user_child.py), and reports its facts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from gpgdoctor.collect import agent_units, agents, configuration, processes, scdaemons, usb
from gpgdoctor.collect.gnupg import (
    Installation,
    ScdaemonAnswers,
    ScdaemonQuestions,
    homedir_problems,
    installation,
    users_of,
)
from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.collect.stubs import stubs_of
from gpgdoctor.collect.user_configuration import (
    configuration_of,
    configured_driver,
    of_program,
    sources_of,
    untestable,
)
from gpgdoctor.facts import Configuration, Gnupg, Maybe, PcscDriver, Reason, RunningScdaemon, Unknown
from gpgdoctor.scdaemon_conf.options import OptionTable, parse_option_table
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Sockets

T = TypeVar("T")

LOOK_S = 3.8  # for the child; its parent allows 4 s
ANSWER_DEADLINE_S = 1.5  # for gpgconf, and again for scdaemon's own answers


class Listening(Record):
    """What the scdaemon behind one socket said."""

    path: str
    said: Maybe[RunningScdaemon]


class UserFacts(Record):
    gnupg: Gnupg
    configuration: Configuration
    scdaemons: Maybe[tuple[Listening, ...]]
    agent_program: Maybe[str | None]
    usb_nodes: Maybe[tuple[str, ...]]  # the device nodes that this user may read and write


class UserLook:
    """One user's part of a look: started early, finished after the readers have been asked."""

    def __init__(self, questions: GpgconfQuestions, deadline: Deadline, *, versions: bool = False) -> None:
        """``versions``: gpg-agent's, too, which costs a process."""
        self._deadline = deadline
        self._home_is_default = questions.home_is_default
        self._installation = installation(questions, deadline.sooner(ANSWER_DEADLINE_S))
        self._sources = sources_of(self._installation)
        home = self._installation.directory("homedir")
        self._scdaemon = ScdaemonQuestions(self._installation.program("scdaemon"), home, untestable(self._sources))
        self._agent_table = _agent_table(self._installation, self._sources)
        self._agent_version = agents.VersionQuestion(self._installation.program("gpg-agent")) if versions else None

    @property
    def sources(self) -> dict[str, configuration.Source]:
        """The configuration files by their paths, with the bytes that the facts were made of."""
        return {source.file.path: source for source in self._sources}

    @property
    def driver(self) -> Maybe[str | None]:
        """The PC/SC library that is configured, for the probe child to load; unknown where it must not be loaded."""
        return configured_driver(self._sources)

    def finish(
        self, sockets: Sockets, daemons: dict[int, str], user: str, driver: Maybe[PcscDriver | None]
    ) -> UserFacts:
        scds = scdaemons.ask_all(sockets, _pids(daemons, "scdaemon"), self._deadline)
        deadline = self._deadline.sooner(ANSWER_DEADLINE_S)
        answers = self._scdaemon.read(deadline)
        agent = _read_table(self._agent_table, deadline)
        return UserFacts(
            gnupg=_gnupg(
                self._installation,
                self._home_is_default,
                answers,
                scds,
                agent_listener=agents.listener(
                    self._installation.directory("agent-socket"),
                    sockets,
                    _pids(daemons, "gpg-agent"),
                    users_of(self._installation.directory("homedir")),
                ),
                agent_version=self._agent_version.answer(deadline)
                if self._agent_version
                else Unknown(Reason.NOT_ASKED_FOR),
            ),
            configuration=configuration_of(
                self._sources, answers, agent, user, driver, self._installation.program("pinentry")
            ),
            scdaemons=scds.error_or(tuple(Listening(path=path, said=said) for path, said in scds.by_path.items())),
            agent_program=self._installation.program("gpg-agent"),
            usb_nodes=usb.open_to_me(),
        )

    def close(self) -> None:
        self._scdaemon.close()
        if self._agent_table:
            self._agent_table.kill()
        if self._agent_version:
            self._agent_version.close()


def _agent_table(early: Installation, sources: list[configuration.Source]) -> Command | None:
    """gpg-agent's option table: only where there is a file to read with it."""
    path = early.program("gpg-agent")
    if not isinstance(path, str) or not any(source.content for source in of_program(sources, "gpg-agent")):
        return None
    return Command([path, "--dump-option-table"])


def _read_table(command: Command | None, deadline: Deadline) -> Maybe[OptionTable | None]:
    if command is None:
        return None
    try:
        return parse_option_table(command.result(deadline).stdout)
    except CommandFailed as error:
        return Unknown.because(str(error))


def _gnupg(
    early: Installation,
    home_is_default: bool,
    answers: ScdaemonAnswers,
    scds: scdaemons.Answers,
    *,
    agent_listener: Maybe[str | None],
    agent_version: Maybe[str | None],
) -> Gnupg:
    scdaemon_path, keyboxd_path = early.program("scdaemon"), early.program("keyboxd")
    table = answers.table
    stubs = stubs_of(early.directory("homedir"))
    return Gnupg(
        gpgconf=early.gpgconf,
        homedir=early.directory("homedir"),
        home_is_default=home_is_default,
        socketdir=early.directory("socketdir"),
        sysconfdir=early.directory("sysconfdir"),
        agent_socket=early.directory("agent-socket"),
        agent_listener=agent_listener,
        scdaemon=scdaemon_path,
        scdaemon_exists=_exists(scdaemon_path) or False,
        scdaemon_version=answers.version,
        scdaemon_options=_of_table(table, lambda known: tuple(known.names)),
        own_ccid_driver=_of_table(
            table,
            lambda known: (
                Unknown.because("scdaemon does not tell") if known.own_ccid_driver is None else known.own_ccid_driver
            ),
        ),
        self_test=answers.self_test,
        running=scds.of_home(early.directory("socketdir")),
        card_keys=stubs.keys,
        stub_serials=stubs.serials,
        scdaemon_real=_real(scdaemon_path),
        agent=_real(early.program("gpg-agent")),
        agent_version=agent_version,
        agent_unit=agent_units.unit() if agent_listener == agents.SYSTEMD else None,
        keyboxd=keyboxd_path,
        keyboxd_exists=_exists(keyboxd_path),
        homedir_problems=homedir_problems(early.directory("homedir"), home_is_default),
    )


def _of_table(table: Maybe[OptionTable | None], get: Callable[[OptionTable], Maybe[T]]) -> Maybe[T]:
    if isinstance(table, Unknown):
        return table
    return Unknown.because("scdaemon is not installed") if table is None else get(table)


def _exists(program: Maybe[str | None]) -> Maybe[bool | None]:
    if program is None or isinstance(program, Unknown):
        return program
    return os.access(program, os.X_OK)


def _real(program: Maybe[str | None]) -> Maybe[str | None]:
    """The path with every link resolved: Nix profiles and Homebrew are full of links."""
    return program if program is None or isinstance(program, Unknown) else os.path.realpath(program)


def _pids(daemons: dict[int, str], role: str) -> list[int]:
    return [pid for pid, its in daemons.items() if its == role]


def main() -> None:
    from gpgdoctor.snapshot import encode
    from gpgdoctor.system.inside import Parent

    parent, deadline = Parent(), Deadline(LOOK_S)
    questions = GpgconfQuestions(None)
    look = UserLook(questions, deadline)
    try:
        facts = look.finish(
            Sockets(), processes.daemons(), processes.user_name(os.geteuid()), _driver(look.driver, deadline)
        )
    finally:
        look.close()
        questions.close()
    parent.tell(**encode(facts))


def _driver(name: Maybe[str | None], deadline: Deadline) -> Maybe[PcscDriver | None]:
    """The result of loading that library, in a child: to load it is to run it."""
    if name is None or isinstance(name, Unknown):
        return name
    child = ProbeChild(deadline.left())
    try:
        child.look(ask=False, probe=False, timeout_s=deadline.left())
        child.load(name)
        child.wait_for_driver(deadline)
        return child.answers.driver()
    finally:
        child.close()


if __name__ == "__main__":
    main()
