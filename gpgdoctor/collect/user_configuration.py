"""What one user's configuration files say, and what in them may be let near a program."""

from __future__ import annotations

import os

from gpgdoctor.collect import configuration
from gpgdoctor.collect.configuration import Source
from gpgdoctor.collect.gnupg import Installation, ScdaemonAnswers
from gpgdoctor.facts import ConfigFile, Configuration, Maybe, PcscDriver, Setting, Unknown, Voided
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable
from gpgdoctor.system.ownership import owners_of_the_system, who_may_change
from gpgdoctor.system.record import Record


def sources_of(found: Installation) -> list[Source]:
    places = (("global", found.directory("sysconfdir")), ("user", found.directory("homedir")))
    return [
        configuration.read(f"{directory}/{program}.conf", program, scope)
        for program in ("scdaemon", "gpg-agent", "common")
        for scope, directory in places
        if not isinstance(directory, Unknown)
    ]


def of_program(sources: list[Source], program: str) -> list[Source]:
    return [source for source in sources if source.file.program == program]


def untestable(sources: list[Source]) -> str | None:
    """Why scdaemon must not be let near its files: a FIFO stops it, a directory makes it print for ever."""
    for source in of_program(sources, "scdaemon") + of_program(sources, "common"):
        if source.file.status in ("not-regular", "too-large"):
            return f"{source.file.path} is {source.file.detail}"
    return None


def configured_driver(sources: list[Source]) -> Maybe[str | None]:
    """The library that a pcsc-driver line names. It is loaded in the probe child, never here.

    To load a library is to run it, so nobody else may have chosen it: not who wrote a file in another user's home,
    and not who may put another library in its place.
    """
    for source in reversed(of_program(sources, "scdaemon")):
        for line in reversed(source.content.splitlines()):
            words = line.split(None, 1)
            if len(words) == 2 and words[0] == b"pcsc-driver":
                name = os.fsdecode(words[1].strip().strip(b'"'))
                for path in (source.file.path, *([name] if "/" in name else [])):
                    if not _is_my_choice(path):
                        return Unknown.because(f"{path} is in another user's hands, and so {name} is not loaded")
                return name
    return None


def _is_my_choice(path: str) -> bool:
    """Whether only root and who runs this can change a file, and what stands in its place; one that is not there is."""
    if not os.path.exists(path):
        return True
    return not any(who_may_change(path, {os.geteuid(), *owners_of_the_system()}, shared=True))


def configuration_of(
    sources: list[Source],
    answers: ScdaemonAnswers,
    agent: Maybe[OptionTable | None],
    user: str,
    driver: Maybe[PcscDriver | None],
) -> Configuration:
    if not sources:
        missing = Unknown.because("gpgconf does not name the directories")
        return Configuration(
            files=missing,
            in_force=missing,
            voided=missing,
            agent_in_force=missing,
            scdaemon_program_exists=missing,
            pcsc_driver=missing,
        )
    mine = _judged(of_program(sources, "scdaemon"), answers.table, user)
    agents = _judged(of_program(sources, "gpg-agent"), agent, user)
    common = _judged(of_program(sources, "common"), COMMON_OPTIONS, user)
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


def _judged(sources: list[Source], table: Maybe[OptionTable | None], user: str) -> _Judged:
    files = tuple(source.file for source in sources)
    unread = configuration.unread(files)
    if unread is None and not any(source.content for source in sources):
        return _Judged(files=files, settings=(), voided=())
    if unread is not None and table is None:
        return _Judged(files=files, settings=unread, voided=unread)
    if isinstance(table, Unknown) or table is None:
        why = table or Unknown.because("the program is not installed")
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
