"""GD101-GD103, GD107 and GD110: what the configuration files say."""

from __future__ import annotations

from gpgdoctor.facts import ConfigFile, ConfigLine, Facts, known, known_or
from gpgdoctor.rules import mistakes, reader_port, scdaemon
from gpgdoctor.rules.rule import Advice, Cure, Found, NotApplicable, Subject, rule
from gpgdoctor.rules.services import GNUPG_MISSING
from gpgdoctor.rules.startup import NO_DIRECTORY

NO_FILE = "there is no configuration file"
SELF_TEST = -1  # in the place of a file's index: the configuration as a whole
UNREADABLE = {
    "unreadable": "cannot be read",
    "not-regular": "is not a regular file",
    "binary": "is not a text file",
    "encrypted": "is encrypted",
    "template": "is a template that was not filled in",
    "utf-16": "is written in UTF-16, which GnuPG does not read",
    "too-large": "is too large to be a configuration",
}


@rule(
    "GD101",
    "unknown-option",
    "Every option is known to the program that reads it.",
    worst="error",
    each=mistakes.files,
    needs=GNUPG_MISSING,
    nothing=NO_FILE,
)
def unknown_option(facts: Facts, index: int) -> Found | None:
    file = mistakes.read(facts, index)
    found = mistakes.unknown_options(facts, index)
    if not found:
        return None
    return Found(
        severity=mistakes.severity(facts, found),
        summary=f"{_reader_of(file)} does not know {mistakes.told(found)} of {file.path}.",
        effect=mistakes.effect(facts, file, found),
        because=mistakes.evidence(found),
        cure=mistakes.cure(facts, file, found),
    )


def _files_and_self_test(facts: Facts) -> list[Subject]:
    """Each file, and what no line of them explains."""
    whole = [Subject(name=None, index=SELF_TEST)] if mistakes.refused_for_no_visible_reason(facts) else []
    return mistakes.files(facts) + whole


@rule(
    "GD102",
    "malformed-option",
    "Every option is written in the form that is understood.",
    worst="error",
    each=_files_and_self_test,
    needs=GNUPG_MISSING,
    nothing=NO_FILE,
)
def malformed_option(facts: Facts, index: int) -> Found | None:
    if index == SELF_TEST:
        return _refused(facts)
    file = mistakes.read(facts, index)
    found = mistakes.malformed(facts, index)
    if not found:
        return None
    return Found(
        severity=mistakes.severity(facts, found),
        summary=f"{_reader_of(file)} does not read {mistakes.told(found, with_complaint=True)} of {file.path} "
        "as it is meant.",
        effect=mistakes.effect(facts, file, found),
        because=mistakes.evidence(found),
        cure=mistakes.cure(facts, file, found),
    )


def _refused(facts: Facts) -> Found:
    test = known(facts.gnupg.self_test)
    said = f": {test.messages[-1]}" if test and test.messages else ", and does not say why"
    return Found(
        severity="error",
        summary=f"scdaemon refuses its configuration{said}.",
        effect='scdaemon does not start, and gpg says "No SmartCard daemon".',
        because=("gnupg.self_test.code", "gnupg.self_test.messages"),
        cure=Cure(
            applicability="manual",
            advice=(Advice(text="Correct what it names; gpgdoctor sees no fault in the lines of its files."),),
        ),
    )


@rule(
    "GD103",
    "option-too-new",
    "This scdaemon knows pcsc-shared where it is set.",
    worst="warning",
    each=mistakes.files_of_scdaemon,
    needs=GNUPG_MISSING,
    nothing=NO_FILE,
)
def option_too_new(facts: Facts, index: int) -> Found | None:
    file = mistakes.read(facts, index)
    found = mistakes.too_new(facts, index)
    if not found:
        return None
    version = known(facts.gnupg.scdaemon_version)
    return Found(
        severity="warning",
        summary=f"{file.path} sets pcsc-shared in {mistakes.told(found)}, and scdaemon {version} does not know it.",
        effect=mistakes.effect(facts, file, found),
        because=(*mistakes.evidence(found), "gnupg.scdaemon_version", "gnupg.scdaemon_options"),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="Sharing a reader needs GnuPG 2.2.28, or 2.3.0 and later. Until then close the other "
                    "program while gpg needs the card.",
                ),
            ),
        ),
    )


def _existing(facts: Facts) -> list[Subject]:
    """Each file that is there. A dangling symbolic link is none: scdaemon takes it for no file at all."""
    files = known(facts.configuration.files)
    return [Subject(name=file.path, index=number) for number, file in enumerate(files) if file.status != "absent"]


@rule(
    "GD107",
    "configuration-unreadable",
    "scdaemon's configuration can be read.",
    worst="error",
    each=_existing,
    needs=GNUPG_MISSING,
    nothing=NO_FILE,
)
def configuration_unreadable(facts: Facts, index: int) -> Found | None:
    file = known(facts.configuration.files)[index]
    if file.status == "regular":
        return None
    if file.scope == "user" and NO_DIRECTORY in known_or(facts.gnupg.homedir_problems, ()):
        raise NotApplicable("folded under GD111")
    if file.program == "common" and scdaemon.version(facts) < mistakes.READS_COMMON_CONF_SINCE:
        raise NotApplicable("this GnuPG does not read common.conf")
    place = f"configuration.files[{index}]"
    detail = f" ({file.detail})" if file.detail else ""
    return Found(
        severity="error",
        summary=f"{file.path} {UNREADABLE.get(file.status, f'is {file.status}')}{detail}.",
        effect=_effect(file),
        because=(f"{place}.status", *((f"{place}.detail",) if file.detail else ())),
        cure=Cure(applicability="manual", advice=(_look_at(file),)),
    )


def _effect(file: ConfigFile) -> str:
    if file.status == "not-regular":
        return f"{_reader_of(file)} waits for it or reads it without end, and then gpg hangs."
    return f"{_reader_of(file)} takes no option from it."


def _look_at(file: ConfigFile) -> Advice:
    manager = known_or(file.manager, None)
    at_source = f" {manager} manages it: correct it there." if manager else ""
    return Advice(
        text=f"See what it is, and put a text file in its place, or nothing.{at_source}",
        commands=(("ls", "-ld", file.path), ("file", file.path)),
    )


@rule(
    "GD110",
    "option-without-effect",
    "Every option that is set has an effect in this version.",
    worst="info",
    each=mistakes.files_of_scdaemon,
    needs=GNUPG_MISSING,
    nothing=NO_FILE,
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
    said = "; ".join(
        f"{file.lines[number].option} (line {file.lines[number].number}): {idle[number]}" for number in idle
    )
    return Found(
        severity="info",
        summary=f"{file.path} sets what this scdaemon does not obey: {said}.",
        because=tuple(f"configuration.files[{index}].lines[{number}].text" for number in idle),
        cure=Cure(
            applicability="manual",
            advice=(Advice(text="Take these lines out, unless another machine shares the file; they do no harm."),),
        ),
    )


def _why_without_effect(facts: Facts, line: ConfigLine) -> str | None:
    if line.option == "disable-ccid" and not known(facts.gnupg.own_ccid_driver):
        return "this scdaemon was built without a driver of its own"
    if line.option == "application-priority" and scdaemon.version(facts) < (2, 3):
        return "only 2.3 and later obey it"
    if line.option == "reader-port" and reader_port.is_ignored(facts, line.value or ""):
        return "a text without a colon is ignored here, and every reader is tried"
    return scdaemon.WITHOUT_EFFECT.get(line.option or "")


def _reader_of(file: ConfigFile) -> str:
    return "gpg-agent" if file.program == "gpg-agent" else "scdaemon"
