"""Lines that a program does not understand as they are meant, and whether they keep it from starting."""

from __future__ import annotations

import re

from gpgdoctor.facts import ConfigFile, ConfigLine, Facts, SelfTest, known, known_or
from gpgdoctor.rules import cures, scdaemon
from gpgdoctor.rules.rule import Cost, Cure, Daemon, LineChange, NotApplicable, Subject, advice
from gpgdoctor.scdaemon_conf.force import stops
from gpgdoctor.scdaemon_conf.lines import MESSAGES
from gpgdoctor.system.record import Record
from gpgdoctor.wording import Text, line, path, public, several, text

READS_COMMON_CONF_SINCE = (2, 3, 1)  # commit 45918813f
REFUSED = 2  # with what scdaemon ends where it does not take its configuration (scd/scdaemon.c, main)
ALWAYS_STOP = ("invalid-debug-level", "invalid-debug-flag")
META = ("invalid-meta", "unknown-meta", "unexpected-meta")
SHOWN = 3
KEPT = 20
LONGEST_QUOTE = 60
COMMON_CONF_UNREAD = text("this GnuPG does not read common.conf")


class Mistake(Record):
    """A line with a mistake in it. ``place`` is where the facts have it."""

    program: str
    place: str
    line: ConfigLine


def files(facts: Facts) -> list[Subject]:
    """A subject for each configuration file that has lines."""
    found = known(facts.configuration.files)
    return [subject_of(file, number) for number, file in enumerate(found) if file.status == "regular"]


def subject_of(file: ConfigFile, index: int) -> Subject:
    return Subject(name=text("{path}", path=path(file.path)), index=index)


def files_of_scdaemon(facts: Facts) -> list[Subject]:
    """A subject for each scdaemon.conf that has lines."""
    found = known(facts.configuration.files)
    return [subject for subject in files(facts) if found[subject.index].program == "scdaemon"]


def read(facts: Facts, index: int) -> ConfigFile:
    """A file whose lines were judged by the program that reads it."""
    file = known(facts.configuration.files)[index]
    if file.program == "scdaemon":
        known(facts.gnupg.scdaemon_options)
    elif file.program == "gpg-agent" and not file.lines:
        known(facts.configuration.agent_in_force)
    elif file.program == "common" and scdaemon.version(facts) < READS_COMMON_CONF_SINCE:
        raise NotApplicable(COMMON_CONF_UNREAD)
    return file


def unknown_options(facts: Facts, index: int) -> list[Mistake]:
    """Lines of a file that name nothing the program knows."""
    return [mistake for mistake in _complained_of(facts, index) if _is_unknown(mistake.line)]


def malformed(facts: Facts, index: int) -> list[Mistake]:
    """Lines of a file that name an option, but not in the form that the program takes."""
    complained_of = [mistake for mistake in _complained_of(facts, index) if not _is_unknown(mistake.line)]
    return sorted(complained_of + _misread(facts, index), key=lambda mistake: mistake.line.number)


def too_new(facts: Facts, index: int) -> list[Mistake]:
    """Lines that set pcsc-shared where this scdaemon does not know it."""
    file = known(facts.configuration.files)[index]
    if file.program != "scdaemon" or scdaemon.knows(facts, "pcsc-shared"):
        return []
    return [mistake for mistake in _lines(facts, index) if mistake.line.problem and _sets_pcsc_shared(mistake.line)]


def _complained_of(facts: Facts, index: int) -> list[Mistake]:
    """What the program complains of, but for options that are only too new for it."""
    file = read(facts, index)
    if file.program == "common" and _self_test_code(facts) == 0:
        return []  # its options are known from the source alone, and scdaemon's own word is better
    newer = too_new(facts, index)
    return [mistake for mistake in _lines(facts, index) if mistake.line.problem and mistake not in newer]


def _misread(facts: Facts, index: int) -> list[Mistake]:
    """Lines that are taken without a complaint, and not as they are meant: `reader-port = X`."""
    return [
        mistake
        for mistake in _lines(facts, index)
        if mistake.line.kind == "option" and mistake.line.option not in scdaemon.WITHOUT_EFFECT
    ]


def _lines(facts: Facts, index: int) -> list[Mistake]:
    file = known(facts.configuration.files)[index]
    return [
        Mistake(program=file.program, place=f"configuration.files[{index}].lines[{number}]", line=line)
        for number, line in enumerate(file.lines)
        if line.problem or line.meant
    ]


def _is_unknown(line: ConfigLine) -> bool:
    return line.problem in META or (line.problem == "unknown-option" and line.option is None)


def _sets_pcsc_shared(line: ConfigLine) -> bool:
    return re.match(r"\s*-*pcsc-shared(?![\w-])", line.text) is not None


# -- what comes of them ------------------------------------------------------------------------------------------


def stop(facts: Facts, found: list[Mistake]) -> bool:
    """Whether one of these lines keeps the program from starting."""
    by_self_test = None if _ends_it_whatever_its_version(facts) else _self_test_code(facts)
    version = scdaemon.version(facts)
    return any(
        stops(it.line.problem, version, gpgconf_test_rc=None if it.program == "gpg-agent" else by_self_test)
        for it in found
        if it.line.problem
    )


def reader_of(file: ConfigFile) -> Daemon:
    """The daemon that an error in this file keeps from starting."""
    return "gpg-agent" if file.program == "gpg-agent" else "scdaemon"


def refused_for_no_visible_reason(facts: Facts) -> bool:
    """Whether scdaemon refuses its configuration, and all lines of its files look well."""
    files_read = [file for file in known(facts.configuration.files) if file.program != "gpg-agent"]
    return (
        _self_test_code(facts) == REFUSED
        and all(file.status in ("absent", "regular") for file in files_read)
        and not any(line.problem for file in files_read for line in file.lines)
    )


def _self_test_code(facts: Facts) -> int | None:
    """scdaemon's own word, which beats its version; None where it has not spoken."""
    test: SelfTest | None = known_or(facts.gnupg.self_test, None)
    return test.code if test is not None and test.code in (0, REFUSED) else None


def _ends_it_whatever_its_version(facts: Facts) -> bool:
    """Whether a line explains the self-test's word, so that it says nothing about other lines."""
    return any(
        line.problem in ALWAYS_STOP
        for file in known(facts.configuration.files)
        if file.program == "scdaemon"
        for line in file.lines
    )


# -- how to say it -----------------------------------------------------------------------------------------------


def listed(found: list[Mistake], *, with_complaint: bool = False) -> Text:
    """The first few lines with their numbers: `line 2 "pcsc-sharde"`."""
    return text(
        "{lines} {quoted}{more}",
        lines=public("lines" if len(found) > 1 else "line"),
        quoted=several(_quoted(mistake.line, with_complaint) for mistake in found[:SHOWN]),
        more=text(" and {left} more", left=len(found) - SHOWN) if len(found) > SHOWN else text(""),
    )


def _quoted(it: ConfigLine, with_complaint: bool) -> Text:
    quoted = text('{number} "{line}"', number=it.number, line=line(it.text.strip(), LONGEST_QUOTE))
    if not with_complaint:
        return quoted
    complaint = MESSAGES.get(it.problem or "", "no such value" if it.problem else "taken literally")
    return text("{quoted} ({complaint})", quoted=quoted, complaint=public(complaint))


def evidence(found: list[Mistake]) -> tuple[str, ...]:
    return tuple(f"{mistake.place}.{what}" for mistake in found[:KEPT] for what in ("number", "text"))


def effect(facts: Facts, file: ConfigFile, found: list[Mistake]) -> Text:
    if stop(facts, found):
        if file.program == "common":
            stopped = "gpg, gpg-agent and scdaemon do not start; each says: {path}: invalid option."
            return text(stopped, path=path(file.path))
        if reader_of(file) == "gpg-agent":
            return text('gpg-agent does not start, and gpg says "No agent running".')
        return text('scdaemon does not start, and gpg says "No SmartCard daemon".')
    if all(mistake.line.problem is None for mistake in found):
        return text("The value is not the one that was meant.")
    each = public("Such a line" if len(found) == 1 else "Each")
    return text("{each} is skipped in silence: what it was to set is not in force.", each=each)


def cure(facts: Facts, file: ConfigFile, found: list[Mistake]) -> Cure:
    """Each line as it ought to be; out of force where nobody can tell."""
    changes = tuple(
        LineChange(path=file.path, line=mistake.line.number, text=_instead(facts, mistake)) for mistake in found
    )
    brings_sharing = any(change.text and "pcsc-shared" in change.text.split() for change in changes)
    costs = cures.sharing_costs(facts) if brings_sharing else cures.restart_costs(facts)
    return Cure(
        applicability="costly" if costs else "safe",
        costs=costs,
        changes=changes,
        restart=True,
        advice=(_KEYBOXD,) if any(_hides_keys(mistake.line) for mistake in found) else (),
    )


def _instead(facts: Facts, mistake: Mistake) -> str | None:
    """What the line is to say; None where it is better out of force."""
    meant = mistake.line.meant
    if _hides_keys(mistake.line):
        return None
    # MacGPG2's word for it beside the word itself: once is enough.
    stands_already = meant == "pcsc-shared" and bool(scdaemon.settings(facts, "pcsc-shared"))
    return None if stands_already else meant


def _hides_keys(line: ConfigLine) -> bool:
    """Whether the line as it was meant would send gpg to keyboxd, where the keys of pubring.kbx are not."""
    return line.meant == "use-keyboxd"


_KEYBOXD = advice("If use-keyboxd was meant: {cost}. Import them first.", cost=Cost.HIDES_KEYRING)
