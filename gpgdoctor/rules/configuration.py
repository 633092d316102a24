"""GD101-GD103, GD107 and GD110: what the configuration files say."""

from __future__ import annotations

from gpgdoctor.facts import AgentUnit, ConfigFile, ConfigLine, Facts, HomeProblem, known, known_or
from gpgdoctor.rules import mistakes, reader_port, scdaemon
from gpgdoctor.rules.mistakes import Mistake, reader_of
from gpgdoctor.rules.rule import Advice, Found, NotApplicable, Subject, advise, by_hand, rule
from gpgdoctor.rules.services import GNUPG_MISSING
from gpgdoctor.wording import Text, Value, free, message, path, public, several, text

NO_FILE = text("there is no configuration file")
SELF_TEST = -1  # in the place of a file's index: the configuration as a whole
UNIT = -2  # likewise: the unit of systemd that starts gpg-agent
SUPERVISED, WITHOUT_SUPERVISED = "--supervised", (2, 5, 3)  # NEWS of 2.5.3
UNITS = ("gpg-agent.socket", "gpg-agent-ssh.socket", "gpg-agent-extra.socket", "gpg-agent-browser.socket")
UNREADABLE = {
    "unreadable": "cannot be read",
    "not-regular": "is not a regular file",
    "binary": "is not a text file",
    "encrypted": "is encrypted",
    "template": "is a template that was not filled in",
    "utf-16": "is written in UTF-16, which GnuPG does not read",
    "too-large": "is too large to be a configuration",
}
OBEYED_IN_PART = ("template", "encrypted")


def _files_and_unit(facts: Facts) -> list[Subject]:
    """Each file, and the unit that starts gpg-agent with an option that this version does not know any more."""
    return mistakes.files(facts) + ([Subject(index=UNIT)] if _is_outdated(facts) else [])


def _is_outdated(facts: Facts) -> bool:
    unit = known_or(facts.gnupg.agent_unit, None)
    return unit is not None and SUPERVISED in unit.options and scdaemon.version(facts) >= WITHOUT_SUPERVISED


def _unit_outdated(unit: AgentUnit | None) -> Found:
    where = text("") if unit is None else text(" ({path})", path=path(unit.path))
    return Found(
        severity="warning",
        summary=text(
            "gpg-agent does not know {option}, with which its unit{where} starts it.",
            option=public(SUPERVISED),
            where=where,
        ),
        effect=text("systemd cannot start it: gpg waits, or starts an agent of its own."),
        because=("gnupg.agent_unit.options", "gnupg.scdaemon_version"),
        cure=by_hand(
            "Since GnuPG 2.5.3 the option is --deprecated-supervised, and GnuPG advises to mask the units:",
            ("systemctl", "--user", "mask", "--now", *UNITS),
        ),
    )


@rule(
    "GD101",
    "unknown-option",
    "Every option is known to the program that reads it.",
    worst="error",
    each=_files_and_unit,
    causes=GNUPG_MISSING,
    no_subject=NO_FILE,
)
def unknown_option(facts: Facts, index: int) -> Found | None:
    if index == UNIT:
        return _unit_outdated(known(facts.gnupg.agent_unit))
    file = mistakes.read(facts, index)
    found = mistakes.unknown_options(facts, index)
    if not found:
        return None
    return _mistaken(facts, file, found, text("does not know {lines} of {path}", **_where(file, found)))


def _mistaken(facts: Facts, file: ConfigFile, found: list[Mistake], what: Text) -> Found:
    stopping = mistakes.stop(facts, found)
    return Found(
        severity="error" if stopping else "warning",
        summary=text("{daemon} {what}.", daemon=public(reader_of(file)), what=what),
        effect=mistakes.effect(facts, file, found),
        because=mistakes.evidence(found),
        cure=mistakes.cure(facts, file, found),
        stops=reader_of(file) if stopping else None,
    )


def _where(file: ConfigFile, found: list[Mistake], *, with_complaint: bool = False) -> dict[str, Value]:
    return {"lines": mistakes.listed(found, with_complaint=with_complaint), "path": path(file.path)}


def _files_and_self_test(facts: Facts) -> list[Subject]:
    """Each file, and what no line of them explains."""
    whole = [Subject(index=SELF_TEST)] if mistakes.refused_for_no_visible_reason(facts) else []
    return mistakes.files(facts) + whole


@rule(
    "GD102",
    "malformed-option",
    "Every option is written in the form that is understood.",
    worst="error",
    each=_files_and_self_test,
    causes=GNUPG_MISSING,
    no_subject=NO_FILE,
)
def malformed_option(facts: Facts, index: int) -> Found | None:
    if index == SELF_TEST:
        return _refused(facts)
    file = mistakes.read(facts, index)
    found = mistakes.malformed(facts, index)
    if not found:
        return None
    where = _where(file, found, with_complaint=True)
    return _mistaken(facts, file, found, text("does not read {lines} of {path} as it is meant", **where))


def _refused(facts: Facts) -> Found:
    test = known(facts.gnupg.self_test)
    said = text(": {last}", last=message(test.messages[-1])) if test and test.messages else None
    return Found(
        severity="error",
        summary=text("scdaemon refuses its configuration{said}.", said=said or text(", and does not say why")),
        effect=text('scdaemon does not start, and gpg says "No SmartCard daemon".'),
        because=("gnupg.self_test.code", "gnupg.self_test.messages"),
        cure=by_hand("Correct what it names; gpgdoctor sees no fault in the lines of its files."),
        stops="scdaemon",
    )


@rule(
    "GD103",
    "option-too-new",
    "This scdaemon knows pcsc-shared where it is set.",
    worst="warning",
    each=mistakes.files_of_scdaemon,
    causes=GNUPG_MISSING,
    no_subject=NO_FILE,
)
def option_too_new(facts: Facts, index: int) -> Found | None:
    file = mistakes.read(facts, index)
    found = mistakes.too_new(facts, index)
    if not found:
        return None
    return Found(
        severity="warning",
        summary=text(
            "{path} sets pcsc-shared in {lines}, and scdaemon {version} does not know it.",
            version=public(str(known(facts.gnupg.scdaemon_version))),
            **_where(file, found),
        ),
        effect=mistakes.effect(facts, file, found),
        because=(*mistakes.evidence(found), "gnupg.scdaemon_version", "gnupg.scdaemon_options"),
        cure=by_hand(
            "Sharing a reader needs GnuPG 2.2.28, or 2.3.0 and later. Until then close the other "
            "program while gpg needs the card."
        ),
    )


def _existing(facts: Facts) -> list[Subject]:
    """Each file that is there. A dangling symbolic link is none: scdaemon takes it for no file at all."""
    files = known(facts.configuration.files)
    return [mistakes.subject_of(file, number) for number, file in enumerate(files) if file.status != "absent"]


@rule(
    "GD107",
    "configuration-unreadable",
    "scdaemon's configuration can be read.",
    worst="error",
    each=_existing,
    causes=GNUPG_MISSING,
    no_subject=NO_FILE,
)
def configuration_unreadable(facts: Facts, index: int) -> Found | None:
    file = known(facts.configuration.files)[index]
    if file.status == "regular":
        return None
    if file.scope == "user" and HomeProblem.NO_DIRECTORY in known_or(facts.gnupg.homedir_problems, ()):
        raise NotApplicable(text("the home is no directory, and has no files"))
    if file.program == "common" and scdaemon.version(facts) < mistakes.READS_COMMON_CONF_SINCE:
        raise NotApplicable(mistakes.COMMON_CONF_UNREAD)
    place = f"configuration.files[{index}]"
    return Found(
        severity="warning" if _is_taken_all_the_same(facts, file) else "error",
        summary=text(
            "{path} {is_what}{detail}.",
            path=path(file.path),
            is_what=public(UNREADABLE.get(file.status, f"is {file.status}")),
            detail=text(" ({detail})", detail=free(file.detail)) if file.detail else text(""),
        ),
        effect=_effect(facts, file),
        because=(f"{place}.status", *((f"{place}.detail",) if file.detail else ())),
        cure=advise(_look_at(file)),
    )


def _is_taken_all_the_same(facts: Facts, file: ConfigFile) -> bool:
    """Whether this program obeys the lines that are good, and starts: 2.2 does, by its own self-test."""
    if file.status not in OBEYED_IN_PART or file.program != "scdaemon":
        return False
    test = known_or(facts.gnupg.self_test, None)
    return test is not None and test.code == 0


def _effect(facts: Facts, file: ConfigFile) -> Text:
    daemon = public(reader_of(file))
    if file.status in OBEYED_IN_PART and file.program == "scdaemon":
        if _is_taken_all_the_same(facts, file):
            return text("{daemon} obeys the lines that are good, and skips the others in silence.", daemon=daemon)
        return text('{daemon} does not start, and gpg says "No SmartCard daemon".', daemon=daemon)
    if file.status == "not-regular":
        return text("{daemon} waits for it or reads it without end, and then gpg hangs.", daemon=daemon)
    return text("{daemon} takes no option from it.", daemon=daemon)


def _look_at(file: ConfigFile) -> Advice:
    see = text("See what it is, and put a text file in its place, or nothing.")
    manager = known_or(file.manager, None)
    if manager:
        see = text("{see} {manager} manages it: correct it there.", see=see, manager=free(str(manager)))
    return Advice(text=see, commands=(("ls", "-ld", path(file.path)), ("file", path(file.path))))


@rule(
    "GD110",
    "option-without-effect",
    "Every option that is set has an effect in this version.",
    worst="info",
    each=mistakes.files_of_scdaemon,
    causes=GNUPG_MISSING,
    no_subject=NO_FILE,
)
def option_without_effect(facts: Facts, index: int) -> Found | None:
    file = mistakes.read(facts, index)
    idle = {
        number: why
        for number, line in enumerate(file.lines)
        if line.kind == "option" and (why := _why_without_effect(facts, line)) is not None
    }
    if not idle:
        return None
    each = (
        text(
            "{option} (line {number}): {why}",
            option=public(str(file.lines[number].option)),
            number=file.lines[number].number,
            why=public(why),
        )
        for number, why in idle.items()
    )
    return Found(
        severity="info",
        summary=text(
            "{path} sets what this scdaemon does not obey: {options}.",
            path=path(file.path),
            options=several(each, "; "),
        ),
        because=tuple(f"configuration.files[{index}].lines[{number}].text" for number in idle),
        cure=by_hand("Take these lines out, unless another machine shares the file; they do no harm."),
    )


def _why_without_effect(facts: Facts, line: ConfigLine) -> str | None:
    if line.option == "disable-ccid" and not known(facts.gnupg.own_ccid_driver):
        return "this scdaemon was built without a driver of its own"
    if line.option == "application-priority" and scdaemon.version(facts) < (2, 3):
        return "only 2.3 and later obey it"
    if line.option == "reader-port" and reader_port.is_ignored(facts, line.value or ""):
        return "a text without a colon is ignored here, and every reader is tried"
    return scdaemon.WITHOUT_EFFECT.get(line.option or "")
