"""GD104, GD106, GD108, GD111 and GD112: what is in force when scdaemon starts, and what keeps it from that."""

from __future__ import annotations

from gpgdoctor.facts import Facts, HomeProblem, NotKnown, Setting, Voided, known, known_or
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.reader_state import is_held
from gpgdoctor.rules.rule import (
    Advice,
    Cure,
    Found,
    LineChange,
    NotApplicable,
    Stretch,
    advice,
    advise,
    by_hand,
    headed_by,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.services import AGENT_ELSEWHERE, GNUPG_MISSING
from gpgdoctor.wording import Argument, Text, free, path, public, several, text, user

NO_HOME = {HomeProblem.MISSING, HomeProblem.NO_DIRECTORY}
MUSL = ("alpine", "void")  # scdaemon's own default there is the name that comes with the headers (scd/scdaemon.c)


@rule(
    "GD104",
    "pcsc-shared-without-effect",
    "pcsc-shared is set where it has an effect.",
    worst="warning",
    causes=(*GNUPG_MISSING, *hidden_by("GD108"), *headed_by("GD205")),
)
def pcsc_shared_without_effect(facts: Facts) -> Found | None:
    shared = scdaemon.setting(facts, "pcsc-shared")
    if shared is None:
        raise NotApplicable(text("pcsc-shared is not set"))
    if not _goes_by_own_driver(facts):
        return None
    return Found(
        severity="warning",
        summary=text(
            "pcsc-shared is set without disable-ccid, and scdaemon uses its own driver, which shares nothing."
        ),
        effect=text("Since GnuPG 2.3 it costs the PIN cache all the same.")
        if scdaemon.version(facts) >= scdaemon.FIRST_WITHOUT_FALLBACK
        else text("scdaemon claims the reader on USB as if the line were not there."),
        because=(scdaemon.place(facts, shared), "gnupg.scdaemon_version", "gnupg.own_ccid_driver"),
        cure=_shared_for_nobody(facts),
    )


def _goes_by_own_driver(facts: Facts) -> bool:
    """2.2 does so as long as a CCID interface is free, or where it has a card from one."""
    way = scdaemon.path(facts)
    if way is scdaemon.Path.OWN_DRIVER_THEN_PCSC:
        return not scdaemon.reaches_through_pcsc(facts) or holding.holds_by_own_driver(facts)
    return way is scdaemon.Path.OWN_DRIVER


def _shared_for_nobody(facts: Facts) -> Cure:
    """The line out of force; disable-ccid instead only where another program is there to share with."""
    held = any(is_held(reader) for reader in known_or(facts.readers, ()))
    if held or any(holding.uses_cards(process) for process in holding.others(facts)):
        return Cure(applicability="costly", costs=cures.sharing_costs(facts), options=("disable-ccid",), restart=True)
    return cures.rewrite(facts, cures.out_of_force(facts, "pcsc-shared"))


@rule(
    "GD106",
    "pcsc-driver-unusable",
    "The library that pcsc-driver names can be loaded.",
    worst="error",
    causes=(
        *GNUPG_MISSING,
        *AGENT_ELSEWHERE,
        *hidden_by("GD108", at_least="error"),
        *hidden_by("GD101", "GD102", stopping="scdaemon"),
        *headed_by("GD115", "GD305"),
    ),
    breaks=refuses(Stretch.PCSCD, "pcsc-driver cannot be used"),
)
def pcsc_driver_unusable(facts: Facts) -> Found | None:
    setting = scdaemon.setting(facts, "pcsc-driver")
    if setting is None:
        raise NotApplicable(text("pcsc-driver is not set"))
    if _goes_by_own_driver(facts):
        raise NotApplicable(text("scdaemon uses its own driver and does not load it"))
    driver = known(facts.configuration.pcsc_driver)
    if driver is None or driver.name != setting.value:
        raise NotKnown(text("{library} was not tried", library=path(str(setting.value))))
    if driver.usable:
        return None
    return Found(
        severity="error",
        summary=text(
            "pcsc-driver names {library}, which cannot be used: {why}.",
            library=path(driver.name),
            why=free(driver.reason) if driver.reason else public("it does not load"),
        ),
        effect=text('gpg says "No such device", or since 2.3 "Service is not running".'),
        because=(scdaemon.place(facts, setting), "configuration.pcsc_driver"),
        cure=_without_driver(facts),
    )


def _without_driver(facts: Facts) -> Cure:
    """Every pcsc-driver line out of force, or corrected where scdaemon would find nothing by itself."""
    library = known_or(facts.pcscd.library, None)
    if library is None or not library.usable:
        return by_hand("Let the line name the PC/SC library of this system, or take it out.")
    on_musl = known_or(facts.host.distribution, "").startswith(MUSL)
    instead = "pcsc-driver libpcsclite.so.1" if on_musl else None
    lines = scdaemon.settings(facts, "pcsc-driver")
    return cures.rewrite(facts, (LineChange(path=it.path, line=it.line, text=instead) for it in lines))


@rule(
    "GD108",
    "scdaemon-disabled",
    "gpg-agent may start GnuPG's own scdaemon.",
    worst="error",
    causes=hidden_by("GD307"),
    breaks=refuses(Stretch.SCDAEMON, "smart cards are turned off"),
)
def scdaemon_disabled(facts: Facts) -> Found | None:
    settings = known(facts.configuration.agent_in_force)
    last = {setting.option: number for number, setting in enumerate(settings)}
    if "disable-scdaemon" in last:
        return _disabled(settings[last["disable-scdaemon"]], last["disable-scdaemon"])
    if "scdaemon-program" not in last:
        return None
    setting = settings[last["scdaemon-program"]]
    if not setting.value or cures.is_same_program(setting.value, known(facts.gnupg.scdaemon)):
        return None
    return _replaced(setting, last["scdaemon-program"], bool(known(facts.configuration.scdaemon_program_exists)))


def _disabled(setting: Setting, number: int) -> Found:
    return Found(
        severity="error",
        summary=text(
            "disable-scdaemon in {path}, line {line}, turns smart cards off.",
            path=path(setting.path),
            line=setting.line,
        ),
        effect=text('gpg says "Not supported".'),
        because=(f"configuration.agent_in_force[{number}]",),
        cure=_advise_on(setting),
    )


def _replaced(setting: Setting, number: int, exists: bool) -> Found:
    starts = text(
        "gpg-agent starts {program} as its scdaemon ({path}, line {line})",
        program=path(str(setting.value)),
        path=path(setting.path),
        line=setting.line,
    )
    missing = text("{starts}, and no such program is there.", starts=starts)
    return Found(
        severity="info" if exists else "error",
        summary=text("{starts}.", starts=starts) if exists else missing,
        effect=text("What scdaemon.conf says does not matter to it.")
        if exists
        else text('gpg says "No SmartCard daemon".'),
        because=(f"configuration.agent_in_force[{number}]", "configuration.scdaemon_program_exists"),
        cure=_advise_on(setting),
        diverts=True,
    )


def _advise_on(setting: Setting) -> Cure:
    return by_hand(
        "If that is not meant, comment out line {line} of {path}, then restart gpg-agent; "
        "it forgets cached passphrases.",
        ("gpgconf", "--kill", "gpg-agent"),
        line=setting.line,
        path=path(setting.path),
    )


@rule(
    "GD111",
    "homedir-unsafe",
    "GnuPG's home directory is safe and usable.",
    worst="warning",
    causes=hidden_by("GD307"),
)
def homedir_unsafe(facts: Facts) -> Found | None:
    problems = known(facts.gnupg.homedir_problems)
    if not problems:
        return None
    home = known(facts.gnupg.homedir)
    none = set(problems) & NO_HOME
    return Found(
        severity="warning",
        summary=text(
            "{home} {fails} as GnuPG's home directory: {problems}.",
            home=path(home),
            fails=public("does not serve" if none else "is not safe"),
            problems=several(map(_described, problems), ", and "),
        ),
        effect=text('gpg says "No agent running".')
        if none
        else text("Who can write there can make scdaemon and gpg-agent run any program."),
        because=("gnupg.homedir", "gnupg.homedir_problems"),
        cure=advise(_make_it_mine(facts, home, problems)),
    )


def _described(problem: HomeProblem | str) -> Text:
    return text("{problem}", problem=problem if isinstance(problem, HomeProblem) else free(problem))


def _make_it_mine(facts: Facts, home: str, problems: tuple[HomeProblem | str, ...]) -> Advice:
    if set(problems) & NO_HOME:
        other = text("Name another directory in GNUPGHOME, or none for the default one")
        if HomeProblem.MISSING not in problems:
            return advice("{other}.", other=other)
        make = ("mkdir", "-m", "700", path(home))
        return advice("{other}; or make this one:", make, other=other)
    foreign = HomeProblem.FOREIGN in problems
    if foreign and known_or(facts.host.uid, 0) == 0:
        return advice("Run GnuPG and gpgdoctor as the user whose directory it is.")
    me = user(facts.host.user) if isinstance(facts.host.user, str) else public("LOGIN")
    owner: tuple[Argument, ...] = ("sudo", "chown", "-R", text("{me}:", me=me), path(home))
    return advice(
        "If the directory is to be yours alone (on a file system without permissions: move it):",
        *((owner,) if foreign else ()),
        ("chmod", "700", path(home)),
    )


@rule(
    "GD112",
    "option-voided",
    "No system-wide configuration overrides my options.",
    worst="warning",
    causes=GNUPG_MISSING,
)
def option_voided(facts: Facts) -> Found | None:
    lost = [
        number for number, void in enumerate(known(facts.configuration.voided)) if not _holds_all_the_same(facts, void)
    ]
    if not lost:
        return None
    voids = [known(facts.configuration.voided)[number] for number in lost]
    options = (text("{option} (line {line})", option=public(void.option), line=void.line) for void in voids)
    by_path, by_line = path(voids[0].by_path), voids[0].by_line
    by = text("{path}, line {line}", path=by_path, line=by_line) if by_line else text("{path}", path=by_path)
    return Found(
        severity="warning",
        summary=text(
            "{by} takes out of force what your scdaemon.conf sets: {options}.",
            by=by,
            options=several(dict.fromkeys(options)),
        ),
        effect=text("scdaemon says nothing about it."),
        because=tuple(f"configuration.voided[{number}]" for number in lost),
        cure=by_hand("Ask whoever administers this machine for a change in {path}.", ("cat", by_path), path=by_path),
    )


def _holds_all_the_same(facts: Facts, void: Voided) -> bool:
    """Whether the global file says the same as the line that it overrules."""
    setting = scdaemon.setting(facts, void.option)
    if setting is None:
        return False
    mine = [
        line.text.split(None, 1)[1:]
        for file in known(facts.configuration.files)
        if file.program == "scdaemon" and file.scope == "user"
        for line in file.lines
        if line.number == void.line
    ]
    return [[value.strip().strip('"') for value in values] for values in mine] == [
        [setting.value] if setting.value else []
    ]
