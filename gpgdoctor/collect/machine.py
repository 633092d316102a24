"""All facts of this machine, collected side by side within one deadline."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from gpgdoctor.collect import configuration, host, pcscd, processes, scdaemons, usb
from gpgdoctor.collect.command import Command, CommandFailed
from gpgdoctor.collect.deadline import Deadline
from gpgdoctor.collect.gnupg import (
    GpgconfQuestions,
    Installation,
    ScdaemonAnswers,
    ScdaemonQuestions,
    card_keys,
    homedir_problems,
)
from gpgdoctor.collect.readers import ReaderProbe
from gpgdoctor.facts import (
    ConfigFile,
    Configuration,
    Facts,
    Gnupg,
    Host,
    Maybe,
    Pcscd,
    Process,
    Reader,
    Setting,
    Unknown,
    Voided,
    known_or,
)
from gpgdoctor.scdaemon_conf import COMMON_OPTIONS, OptionTable, parse_option_table

T = TypeVar("T")

FINISH_S = 0.1  # of the whole deadline, kept for judging and printing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller wants of a look."""

    homedir: str | None = None
    timeout_s: float = 5.0
    probe: bool = True
    wake: bool = False


class Look:
    """One look at the machine. The children start at once, so that they work while the caller still imports."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._deadline = Deadline(max(0.1, wishes.timeout_s - FINISH_S))
        self._probe = ReaderProbe()
        self._gpgconf = GpgconfQuestions(wishes.homedir)
        self._scdaemon: ScdaemonQuestions | None = None

    def close(self) -> None:
        """End every child that still runs."""
        self._probe.close()
        self._gpgconf.close()
        if self._scdaemon:
            self._scdaemon.close()

    def facts(self) -> Facts:
        try:
            return self._facts()
        finally:
            self.close()

    def _facts(self) -> Facts:
        path = pcscd.socket_path()
        sockets = pcscd.Sockets()
        daemons = processes.daemons()
        pcscds = _pids(daemons, "pcscd")
        listener = pcscd.listener(path, sockets, pcscds)
        first = sockets.peers(path)
        orphans = pcscd.waiting(first)
        not_made = self._why_no_probe(orphans)
        look = listener == "pcscd" or (listener == "activator" and self._wishes.wake)
        early = self._gpgconf.read(self._deadline)
        sources = _sources(early)
        self._scdaemon = ScdaemonQuestions(early.program("scdaemon"), early.directory("homedir"), _untestable(sources))
        agent_table = _agent_table(early, sources)
        self._probe.go(look=look, probe=not_made is None, driver=_configured_driver(sources), deadline=self._deadline)
        usb_interfaces = usb.interfaces()
        scds = scdaemons.ask_all(sockets, _pids(daemons, "scdaemon"), self._deadline)
        answers = self._scdaemon.read(self._deadline)
        agent = _read_table(agent_table, self._deadline)
        if look:
            second_look = self._probe.wait_for_second_look(self._deadline)
            second = pcscd.Sockets().peers(path) if second_look or orphans else None
            peers = pcscd.connections(first, second)
            self._probe.wait(self._deadline)
        else:
            peers = first
            self._probe.wait_for_library(self._deadline)
        connections, pids = pcscd.pair(peers)
        ours = processes.ancestors()
        described = _describe(daemons, set(pids.values()), ours, scds, early)
        my_host = host.host(os.environ, os.getuid())
        kind = pcscd.socket_file(path)
        return Facts(
            gnupg=_gnupg(early, answers, scds, sockets, _pids(daemons, "gpg-agent")),
            configuration=_configuration(sources, answers, agent, my_host, self._probe),
            processes=described,
            pcscd=Pcscd(
                socket=path,
                socket_file=kind,
                mounted=pcscd.mounted(path),
                listener="pcscd" if look else listener,
                refused=pcscd.refused(path, kind, listener, pcscds),
                answer=self._probe.answer() if look else Unknown(_not_asked(listener)),
                version=Unknown("only the running daemon knows"),
                library=self._probe.library(),
                library_version=None,
                installed=pcscd.installed(),
                unit=pcscd.unit(),
                polkit=pcscd.polkit(),
                connections=Unknown(sockets.error) if sockets.error else connections,
                waiting=Unknown(sockets.error) if sockets.error else pcscd.waiting(peers),
                hidden=pcscd.hidden(pcscds, sockets),
            ),
            readers=self._readers(look, listener, not_made),
            usb=usb_interfaces,
            host=my_host,
        )

    def _why_no_probe(self, orphans: int) -> str | None:
        if not self._wishes.probe:
            return "--no-probe"
        return "an earlier probe still waits in pcscd" if orphans else None

    def _readers(self, look: bool, listener: Maybe[str | None], not_made: str | None) -> Maybe[tuple[Reader, ...]]:
        if look:
            return self._probe.readers(not_made)
        if isinstance(listener, Unknown):
            return listener
        if listener is None:
            return ()
        return Unknown("pcscd is asleep, and looking would have started it")


def _not_asked(listener: Maybe[str | None]) -> str:
    if isinstance(listener, Unknown):
        return listener.reason
    return "pcscd does not run" if listener is None else "pcscd is asleep"


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


def _configured_driver(sources: list[configuration.Source]) -> str | None:
    """The library that a pcsc-driver line names. It is loaded in the probe child, never here."""
    for source in reversed(_of(sources, "scdaemon")):
        for line in reversed(source.content.splitlines()):
            words = line.split(None, 1)
            if len(words) == 2 and words[0] == b"pcsc-driver":
                return os.fsdecode(words[1].strip().strip(b'"'))
    return None


def _gnupg(
    early: Installation,
    answers: ScdaemonAnswers,
    scds: scdaemons.Answers,
    sockets: pcscd.Sockets,
    agents: list[int],
) -> Gnupg:
    scdaemon_path = early.program("scdaemon")
    table = answers.table
    return Gnupg(
        gpgconf=early.gpgconf,
        homedir=early.directory("homedir"),
        socketdir=early.directory("socketdir"),
        sysconfdir=early.directory("sysconfdir"),
        agent_socket=early.directory("agent-socket"),
        agent_listener=_agent_listener(early.directory("agent-socket"), sockets, agents),
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
        homedir_problems=homedir_problems(early.directory("homedir")),
    )


def _of_table(table: Maybe[OptionTable | None], get: Callable[[OptionTable], Maybe[T]]) -> Maybe[T]:
    if isinstance(table, Unknown):
        return table
    return Unknown("scdaemon is not installed") if table is None else get(table)


def _agent_listener(path: Maybe[str], sockets: pcscd.Sockets, agents: list[int]) -> Maybe[str | None]:
    """Which program has gpg-agent's socket open for listening. Nobody connects to it."""
    if isinstance(path, Unknown):
        return path
    if sockets.error is not None:
        return Unknown(sockets.error)
    listening = sockets.listening(path)
    if not listening:
        return None
    pids = processes.owners({entry.inode for entry in listening})
    if pids:
        return processes.name_of(next(iter(pids.values())))
    # gpg-agent forbids ptrace, and with it a look at its open files.
    users = {entry.uid for entry in listening}
    if any(processes.socket_inodes(pid) is None and processes.uid_of(pid) in users for pid in agents):
        return "gpg-agent"
    return Unknown("the program that listens on the agent's socket is not visible to this user")


def _configuration(
    sources: list[configuration.Source],
    answers: ScdaemonAnswers,
    agent: Maybe[OptionTable | None],
    my_host: Host,
    probe: ReaderProbe,
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
    user = known_or(my_host.user, "")
    mine = _judged(_of(sources, "scdaemon"), answers.table, user)
    agents = _judged(_of(sources, "gpg-agent"), agent, user)
    common = _judged(_of(sources, "common"), COMMON_OPTIONS, user)
    return Configuration(
        files=(*mine.files, *agents.files, *common.files),
        in_force=mine.settings,
        voided=mine.voided,
        agent_in_force=agents.settings,
        scdaemon_program_exists=_scdaemon_program_exists(agents.settings),
        pcsc_driver=probe.driver() if _configured_driver(sources) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    files: tuple[ConfigFile, ...]
    settings: Maybe[tuple[Setting, ...]]
    voided: Maybe[tuple[Voided, ...]]


def _judged(sources: list[configuration.Source], table: Maybe[OptionTable | None], user: str) -> _Judged:
    files = tuple(source.file for source in sources)
    unread = configuration.unread(files)
    if table is None and not any(source.content for source in sources) and unread is None:
        return _Judged(files=files, settings=(), voided=())
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


def _describe(
    daemons: dict[int, str],
    clients: Collection[int],
    ours: set[int],
    scds: scdaemons.Answers,
    early: Installation,
) -> tuple[Process, ...]:
    roles = {**dict.fromkeys(clients, "client"), **daemons}
    described = (processes.describe(pid, role, ours) for pid, role in sorted(roles.items()))
    return tuple(_completed(process, scds, early) for process in described if process is not None)


def _completed(process: Process, scds: scdaemons.Answers, early: Installation) -> Process:
    if process.role not in ("scdaemon", "gpg-agent"):
        return process
    path = early.program(process.role)
    process = processes.not_replaced(process, None if isinstance(path, Unknown) else path)
    return scds.add_to(process) if process.role == "scdaemon" else process


def _pids(daemons: dict[int, str], role: str) -> list[int]:
    return [pid for pid, its in daemons.items() if its == role]
