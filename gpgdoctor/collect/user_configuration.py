"""What one user's configuration files say, and which of it may be passed on to a program."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from gpgdoctor.collect import configuration
from gpgdoctor.collect.configuration import Source
from gpgdoctor.collect.gnupg import Installation, ScdaemonAnswers
from gpgdoctor.facts import ConfigFile, Configuration, LogFile, Maybe, PcscDriver, SelfTest, Setting, Unknown, Voided
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable
from gpgdoctor.system.ownership import owners_of_the_system, who_may_change
from gpgdoctor.system.record import Record, replace

LOG_SOCKETS = ("socket:", "tcp:", "-")


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
    """Why scdaemon must not read its files: a FIFO blocks it, a directory makes it print for ever."""
    for source in of_program(sources, "scdaemon") + of_program(sources, "common"):
        if source.file.status in ("not-regular", "too-large"):
            return f"{source.file.path} is {source.file.detail}"
    return None


def configured_driver(sources: list[Source]) -> Maybe[str | None]:
    """The library that a pcsc-driver line names. It is loaded in the probe child, never here.

    To load a library is to run it, so nobody else may have chosen it: neither by writing that file, nor by being able
    to replace the library.
    """
    for source in reversed(of_program(sources, "scdaemon")):
        content = source.content or source.raw
        for line in reversed(content.splitlines() if b"pcsc-driver" in content else []):
            words = line.split(None, 1)
            if len(words) == 2 and words[0] == b"pcsc-driver":
                name = os.fsdecode(words[1].strip().strip(b'"'))
                for path in (source.file.path, *([name] if "/" in name else [])):
                    if not _is_my_choice(path):
                        return Unknown.because(f"{path} is in another user's hands, and so {name} is not loaded")
                return name
    return None


def _is_my_choice(path: str) -> bool:
    """Whether only root and the current user can change or replace a file; true also where it does not exist."""
    if not os.path.exists(path):
        return True
    return not any(who_may_change(path, {os.geteuid(), *owners_of_the_system()}, shared=True))


def configuration_of(
    sources: list[Source],
    answers: ScdaemonAnswers,
    agent: Maybe[OptionTable | None],
    user: str,
    driver: Maybe[PcscDriver | None],
    pinentry: Maybe[str | None],
) -> Configuration:
    """``pinentry``: the one that gpg-agent takes where it is told of none."""
    if not sources:
        missing = Unknown.because("gpgconf does not name the directories")
        return Configuration(**dict.fromkeys(Configuration.__slots__, missing))
    mine = _judged(_as_taken(of_program(sources, "scdaemon"), answers.self_test), answers.table, user)
    agents = _judged(of_program(sources, "gpg-agent"), agent, user)
    common = _judged(of_program(sources, "common"), COMMON_OPTIONS, user)
    return Configuration(
        files=(*mine.files, *agents.files, *common.files),
        in_force=mine.settings,
        voided=mine.voided,
        agent_in_force=agents.settings,
        scdaemon_program_exists=_scdaemon_program_exists(agents.settings),
        pcsc_driver=driver,
        common_in_force=common.settings,
        pinentry_exists=_pinentry_exists(agents.settings, pinentry),
        log_file=_log_file(mine.settings),
    )


def _as_taken(sources: list[Source], self_test: Maybe[SelfTest | None]) -> list[Source]:
    """With the lines of a template or an encrypted file, where scdaemon reports that it starts all the same.

    GnuPG 2.2 skips the lines that it does not understand, and obeys the others; later versions do not start.
    """
    if self_test is None or isinstance(self_test, Unknown) or self_test.code != 0:
        return sources
    return [replace(source, content=source.raw) if source.raw else source for source in sources]


class _Judged(Record):
    files: tuple[ConfigFile, ...]
    settings: Maybe[tuple[Setting, ...]]
    voided: Maybe[tuple[Voided, ...]]


def _judged(sources: list[Source], table: Maybe[OptionTable | None], user: str) -> _Judged:
    files = tuple(source.file for source in sources)
    unread = configuration.unread(source.file for source in sources if not (source.raw and source.content))
    if unread is None and not any(source.content for source in sources):
        return _Judged(files=files, settings=(), voided=())
    if unread is not None and table is None:
        return _Judged(files=files, settings=unread, voided=unread)
    if isinstance(table, Unknown) or table is None:
        why = table or Unknown.because("the program is not installed")
        return _Judged(files=files, settings=why, voided=why)
    found, effective = configuration.judge(sources, table, user)
    # What nobody may edit has no lines to show; what is in force of them counts.
    with_lines = [source.file if source.raw else file for source, file in zip(sources, found, strict=True)]
    paths = {source.file.scope: source.file.path for source in sources}
    if unread is not None:
        return _Judged(files=tuple(with_lines), settings=unread, voided=unread)
    return _Judged(
        files=tuple(with_lines),
        settings=configuration.settings(effective, paths),
        voided=configuration.voided(effective, paths),
    )


def _scdaemon_program_exists(settings: Maybe[tuple[Setting, ...]]) -> Maybe[bool | None]:
    program = _value(settings, "scdaemon-program")
    return program if program is None or isinstance(program, Unknown) else os.access(program, os.X_OK)


def _value(settings: Maybe[tuple[Setting, ...]], option: str) -> Maybe[str | None]:
    """Of the line that counts; None where there is none."""
    if isinstance(settings, Unknown):
        return settings
    return next((it.value for it in reversed(settings) if it.option == option and it.value), None)


def _pinentry_exists(settings: Maybe[tuple[Setting, ...]], default: Maybe[str | None]) -> Maybe[bool | None]:
    """Of the program that is configured; else False where the default and everything like it is missing, or None.

    gpg-agent runs it from /, without a search path (libassuan, assuan_pipe_connect); a ~ is the home for some."""
    program = _value(settings, "pinentry-program")
    if program is None:
        if default is None or isinstance(default, Unknown):
            return default
        return False if _lacks_pinentry(default) else None
    if isinstance(program, Unknown):
        return program
    return _any_of(_may_be_run(os.path.join("/", place)) for place in {program, os.path.expanduser(program)})


def _lacks_pinentry(default: str) -> bool:
    """Whether no pinentry stands where this one should: without maintainer scripts there is none of that very name."""
    if _may_be_run(default) is not False:
        return False
    try:
        beside = os.listdir(os.path.dirname(default))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not any(name.startswith("pinentry") for name in beside)


def _may_be_run(path: str) -> Maybe[bool]:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        return Unknown.because(f"{path}: {error.strerror}")
    return stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK)


def _any_of(answers: Iterable[Maybe[bool]]) -> Maybe[bool]:
    """Whether one of them is yes; unknown where the only ones that are not no are unknown."""
    found: Maybe[bool] = False
    for answer in answers:
        if answer is True:
            return True
        found = answer if isinstance(answer, Unknown) else found
    return found


def _log_file(settings: Maybe[tuple[Setting, ...]]) -> Maybe[LogFile | None]:
    """scdaemon opens it as it stands, from / (gpg-agent's directory), and makes it, but no directory."""
    name = _value(settings, "log-file")
    if name is None or isinstance(name, Unknown):
        return name
    if name.startswith(LOG_SOCKETS):
        return None
    reason = _why_not_written(os.path.join("/", name))
    return LogFile(path=name, usable=reason is None, reason=reason)


def _why_not_written(path: str) -> str | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return _why_not_made(os.path.dirname(path))
    except OSError as error:
        return f"{path}: {error.strerror}"
    except ValueError:  # a NUL
        return "it is no name of a file"
    if stat.S_ISDIR(status.st_mode):
        return "it is a directory"
    return None if os.access(path, os.W_OK) else "you may not write to it"


def _why_not_made(directory: str) -> str | None:
    try:
        os.stat(directory)
    except OSError as error:
        return f"{directory}: {error.strerror}"
    return None if os.access(directory, os.W_OK | os.X_OK) else f"you may make no file in {directory}"
