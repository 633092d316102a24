"""What belongs to one user: GnuPG as she has it, her configuration, her scdaemons.

Run as a program of its own (``python -m gpgdoctor.collect.user SECONDS``) where root looks on behalf of the
user who called sudo: the parent has given up every privilege for it, and it prints its facts as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TypeVar

from gpgdoctor.collect import configuration, processes, scdaemons
from gpgdoctor.collect.gnupg import (
    Installation,
    ScdaemonAnswers,
    ScdaemonQuestions,
    card_keys,
    homedir_problems,
    installation,
    users_of,
)
from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.collect.readers import ReaderFacts
from gpgdoctor.facts import (
    ConfigFile,
    Configuration,
    Gnupg,
    Maybe,
    PcscDriver,
    RunningScdaemon,
    Setting,
    Unknown,
    Voided,
)
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.snapshot import encode
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.ownership import who_may_change
from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Sockets

T = TypeVar("T")

ANSWER_DEADLINE_S = 1.5  # for gpgconf, and again for scdaemon's word on itself


class Listening(Record):
    """What the scdaemon behind one socket said."""

    path: str
    said: Maybe[RunningScdaemon]


class UserFacts(Record):
    gnupg: Gnupg
    configuration: Configuration
    scdaemons: Maybe[tuple[Listening, ...]]
    agent_program: Maybe[str | None]


class UserLook:
    """One user's part of a look: begun early, finished when the readers have been asked."""

    def __init__(self, questions: GpgconfQuestions, deadline: Deadline) -> None:
        self._deadline = deadline
        self._home_is_default = questions.home_is_default
        self._installation = installation(questions, deadline.sooner(ANSWER_DEADLINE_S))
        self._sources = _sources(self._installation)
        home = self._installation.directory("homedir")
        self._scdaemon = ScdaemonQuestions(self._installation.program("scdaemon"), home, _untestable(self._sources))
        self._agent_table = _agent_table(self._installation, self._sources)

    @property
    def driver(self) -> Maybe[str | None]:
        """The PC/SC library that is configured, for the probe child to load; unknown where it must not be loaded."""
        return _configured_driver(self._sources)

    def finish(
        self, sockets: Sockets, daemons: dict[int, str], user: str, driver: Maybe[PcscDriver | None]
    ) -> UserFacts:
        heard = scdaemons.ask_all(sockets, _pids(daemons, "scdaemon"), self._deadline)
        deadline = self._deadline.sooner(ANSWER_DEADLINE_S)
        answers = self._scdaemon.read(deadline)
        agent = _read_table(self._agent_table, deadline)
        return UserFacts(
            gnupg=_gnupg(
                self._installation, self._home_is_default, answers, heard, sockets, _pids(daemons, "gpg-agent")
            ),
            configuration=_configuration(self._sources, answers, agent, user, driver),
            scdaemons=heard.error_or(tuple(Listening(path=path, said=said) for path, said in heard.by_path.items())),
            agent_program=self._installation.program("gpg-agent"),
        )

    def close(self) -> None:
        self._scdaemon.close()
        if self._agent_table:
            self._agent_table.kill()


def _sources(early: Installation) -> list[configuration.Source]:
    places = (("global", early.directory("sysconfdir")), ("user", early.directory("homedir")))
    return [
        configuration.read(f"{directory}/{program}.conf", program, scope)
        for program in ("scdaemon", "gpg-agent", "common")
        for scope, directory in places
        if not isinstance(directory, Unknown)
    ]


def _of(sources: list[configuration.Source], program: str) -> list[configuration.Source]:
    return [source for source in sources if source.file.program == program]


def _untestable(sources: list[configuration.Source]) -> str | None:
    """Why scdaemon must not be let near its files: a FIFO stops it, a directory makes it print for ever."""
    for source in _of(sources, "scdaemon") + _of(sources, "common"):
        if source.file.status in ("not-regular", "too-large"):
            return f"{source.file.path} is {source.file.detail}"
    return None


def _agent_table(early: Installation, sources: list[configuration.Source]) -> Command | None:
    """gpg-agent's option table: only where there is a file to read with it."""
    path = early.program("gpg-agent")
    if not isinstance(path, str) or not any(source.content for source in _of(sources, "gpg-agent")):
        return None
    return Command([path, "--dump-option-table"])


def _read_table(command: Command | None, deadline: Deadline) -> Maybe[OptionTable | None]:
    if command is None:
        return None
    try:
        return parse_option_table(command.result(deadline).stdout)
    except CommandFailed as error:
        return Unknown(str(error))


def _configured_driver(sources: list[configuration.Source]) -> Maybe[str | None]:
    """The library that a pcsc-driver line names. It is loaded in the probe child, never here.

    To load a library is to run it, so nobody else may have chosen it: not who wrote a file in another user's home,
    and not who may put another library in its place.
    """
    for source in reversed(_of(sources, "scdaemon")):
        for line in reversed(source.content.splitlines()):
            words = line.split(None, 1)
            if len(words) == 2 and words[0] == b"pcsc-driver":
                name = os.fsdecode(words[1].strip().strip(b'"'))
                for path in (source.file.path, *([name] if "/" in name else [])):
                    if not _is_my_choice(path):
                        return Unknown(f"{path} is in another user's hands, and so {name} is not loaded")
                return name
    return None


def _is_my_choice(path: str) -> bool:
    """Whether only root and who runs this can change a file, and what stands in its place; one that is not there is."""
    if not os.path.exists(path):
        return True
    # Who has these could change every program: in a user namespace that is root by another number.
    roots = {os.stat(place).st_uid for place in ("/", "/usr") if os.path.exists(place)}
    return not any(who_may_change(path, {0, os.geteuid(), *roots}, shared=True))


def _gnupg(
    early: Installation,
    home_is_default: bool,
    answers: ScdaemonAnswers,
    scds: scdaemons.Answers,
    sockets: Sockets,
    agents: list[int],
) -> Gnupg:
    scdaemon_path = early.program("scdaemon")
    table = answers.table
    return Gnupg(
        gpgconf=early.gpgconf,
        homedir=early.directory("homedir"),
        home_is_default=home_is_default,
        socketdir=early.directory("socketdir"),
        sysconfdir=early.directory("sysconfdir"),
        agent_socket=early.directory("agent-socket"),
        agent_listener=_agent_listener(
            early.directory("agent-socket"), sockets, agents, users_of(early.directory("homedir"))
        ),
        scdaemon=scdaemon_path,
        scdaemon_exists=scdaemon_path
        if isinstance(scdaemon_path, Unknown)
        else scdaemon_path is not None and os.access(scdaemon_path, os.X_OK),
        scdaemon_version=answers.version,
        scdaemon_options=_of_table(table, lambda known: tuple(known.names)),
        own_ccid_driver=_of_table(
            table,
            lambda known: Unknown("scdaemon does not tell") if known.own_ccid_driver is None else known.own_ccid_driver,
        ),
        self_test=answers.self_test,
        running=scds.of_home(early.directory("socketdir")),
        card_keys=card_keys(early.directory("homedir")),
        homedir_problems=homedir_problems(early.directory("homedir"), home_is_default),
    )


def _of_table(table: Maybe[OptionTable | None], get: Callable[[OptionTable], Maybe[T]]) -> Maybe[T]:
    if isinstance(table, Unknown):
        return table
    return Unknown("scdaemon is not installed") if table is None else get(table)


def _agent_listener(path: Maybe[str], sockets: Sockets, agents: list[int], mine: set[int]) -> Maybe[str | None]:
    """Which program has gpg-agent's socket open for listening. Nobody connects to it.

    ``mine`` are the users whose agent may listen there: a program of anybody else may call itself what it likes.
    """
    if isinstance(path, Unknown):
        return path
    if sockets.error is not None:
        return Unknown(sockets.error)
    listening = sockets.listening(path)
    if not listening:
        return None
    pids = processes.owners({entry.inode for entry in listening})
    users = {entry.uid for entry in listening}
    if not mine & users and None not in users:
        return f"{processes.name_of(next(iter(pids.values()))) if pids else 'a program'} of another user"
    if pids:
        return processes.name_of(next(iter(pids.values())))
    # gpg-agent forbids ptrace, and with it a look at its open files.
    if any(processes.socket_inodes(pid) is None and processes.uid_of(pid) in users for pid in agents):
        return "gpg-agent"
    return Unknown("the program that listens on the agent's socket is not visible to this user")


def _configuration(
    sources: list[configuration.Source],
    answers: ScdaemonAnswers,
    agent: Maybe[OptionTable | None],
    user: str,
    driver: Maybe[PcscDriver | None],
) -> Configuration:
    if not sources:
        missing = Unknown("gpgconf does not name the directories")
        return Configuration(
            files=missing,
            in_force=missing,
            voided=missing,
            agent_in_force=missing,
            scdaemon_program_exists=missing,
            pcsc_driver=missing,
        )
    mine = _judged(_of(sources, "scdaemon"), answers.table, user)
    agents = _judged(_of(sources, "gpg-agent"), agent, user)
    common = _judged(_of(sources, "common"), COMMON_OPTIONS, user)
    return Configuration(
        files=(*mine.files, *agents.files, *common.files),
        in_force=mine.settings,
        voided=mine.voided,
        agent_in_force=agents.settings,
        scdaemon_program_exists=_scdaemon_program_exists(agents.settings),
        pcsc_driver=driver,
    )


class _Judged(Record):
    files: tuple[ConfigFile, ...]
    settings: Maybe[tuple[Setting, ...]]
    voided: Maybe[tuple[Voided, ...]]


def _judged(sources: list[configuration.Source], table: Maybe[OptionTable | None], user: str) -> _Judged:
    files = tuple(source.file for source in sources)
    unread = configuration.unread(files)
    if unread is None and not any(source.content for source in sources):
        return _Judged(files=files, settings=(), voided=())
    if unread is not None and table is None:
        return _Judged(files=files, settings=unread, voided=unread)
    if isinstance(table, Unknown) or table is None:
        why = table or Unknown("the program is not installed")
        return _Judged(files=files, settings=why, voided=why)
    with_lines, effective = configuration.judge(sources, table, user)
    paths = {source.file.scope: source.file.path for source in sources}
    if unread is not None:
        return _Judged(files=tuple(with_lines), settings=unread, voided=unread)
    return _Judged(
        files=tuple(with_lines),
        settings=configuration.settings(effective, paths),
        voided=configuration.voided(effective, paths),
    )


def _scdaemon_program_exists(settings: Maybe[tuple[Setting, ...]]) -> Maybe[bool | None]:
    if isinstance(settings, Unknown):
        return settings
    programs = [setting.value for setting in settings if setting.option == "scdaemon-program" and setting.value]
    return os.access(programs[-1], os.X_OK) if programs else None


def _pids(daemons: dict[int, str], role: str) -> list[int]:
    return [pid for pid, its in daemons.items() if its == role]


def main() -> None:
    deadline = Deadline(float(sys.argv[1]))
    questions = GpgconfQuestions(None)
    look = UserLook(questions, deadline)
    try:
        facts = look.finish(
            Sockets(), processes.daemons(), processes.user_name(os.geteuid()), _driver(look.driver, deadline)
        )
    finally:
        look.close()
        questions.close()
    json.dump(encode(facts), sys.stdout)


def _driver(name: Maybe[str | None], deadline: Deadline) -> Maybe[PcscDriver | None]:
    if name is None or isinstance(name, Unknown):
        return name
    child = ProbeChild(deadline.left())
    try:
        child.look(ask=False, probe=False, timeout_s=deadline.left())
        child.load(name)
        child.wait_for_driver(deadline)
        return ReaderFacts(child).driver()
    finally:
        child.close()


if __name__ == "__main__":
    main()
