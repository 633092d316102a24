"""GD104, GD106, GD108, GD111 and GD112: what is in force when scdaemon starts, and what keeps it from that."""

from __future__ import annotations

import posixpath

from gpgdoctor.facts import Facts, NotKnown, Setting, Voided, known, known_or
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.rule import Advice, Cure, Found, LineChange, NotApplicable, rule
from gpgdoctor.rules.services import GNUPG_MISSING

BELONGS_TO_ANOTHER = "it belongs to another user"
MISSING, NO_DIRECTORY = "it does not exist", "it is no directory"
NO_HOME = {MISSING, NO_DIRECTORY}
MERGED = ("/bin/", "/lib/", "/lib64/", "/sbin/")
MUSL = ("alpine", "void")  # scdaemon's own default there is the name that comes with the headers (scd/scdaemon.c)


@rule(
    "GD104",
    "pcsc-shared-without-effect",
    "pcsc-shared is set where it has an effect.",
    worst="warning",
    needs=GNUPG_MISSING,
    consequence_of=("GD205",),
)
def pcsc_shared_without_effect(facts: Facts) -> Found | None:
    shared = scdaemon.setting(facts, "pcsc-shared")
    if shared is None:
        raise NotApplicable("pcsc-shared is not set")
    if not _goes_by_own_driver(facts):
        return None
    return Found(
        severity="warning",
        summary="pcsc-shared is set without disable-ccid, and scdaemon uses its own driver, which shares nothing.",
        effect="scdaemon claims the reader on USB as if the line were not there.",
        because=(scdaemon.place(facts, shared), "gnupg.scdaemon_version", "gnupg.own_ccid_driver"),
        cure=_through_pcsc(facts),
    )


def _goes_by_own_driver(facts: Facts) -> bool:
    """2.2 does so as long as a CCID interface is free, or where it has a card from one."""
    way = scdaemon.path(facts)
    if way is scdaemon.Path.OWN_DRIVER_THEN_PCSC:
        return not scdaemon.reaches_through_pcsc(facts) or holding.holds_by_own_driver(facts)
    return way is scdaemon.Path.OWN_DRIVER


def _through_pcsc(facts: Facts) -> Cure:
    if known_or(facts.pcscd.listener, None) is None:
        advice = Advice(text="pcscd does not run, so nothing is there to share with: take pcsc-shared out.")
        return Cure(applicability="manual", advice=(advice,))
    return Cure(applicability="costly", costs=cures.sharing_costs(facts), options=("disable-ccid",), restart=True)


@rule(
    "GD106",
    "pcsc-driver-unusable",
    "The library that pcsc-driver names can be loaded.",
    worst="error",
    needs=GNUPG_MISSING,
    consequence_of=("GD305",),
)
def pcsc_driver_unusable(facts: Facts) -> Found | None:
    setting = scdaemon.setting(facts, "pcsc-driver")
    if setting is None:
        raise NotApplicable("pcsc-driver is not set")
    if _goes_by_own_driver(facts):
        raise NotApplicable("scdaemon uses its own driver and does not load it")
    driver = known(facts.configuration.pcsc_driver)
    if driver is None or driver.name != setting.value:
        raise NotKnown(f"{setting.value} was not tried")
    if driver.usable:
        return None
    return Found(
        severity="error",
        summary=f"pcsc-driver names {driver.name}, which cannot be used: {driver.reason or 'it does not load'}.",
        effect='gpg says "No such device", or since 2.3 "Service is not running".',
        because=(scdaemon.place(facts, setting), "configuration.pcsc_driver"),
        cure=_without_driver(facts),
    )


def _without_driver(facts: Facts) -> Cure:
    """Every pcsc-driver line out of force, or corrected where scdaemon would find nothing by itself."""
    library = known_or(facts.pcscd.library, None)
    if library is None or not library.usable:
        advice = Advice(text="Let the line name the PC/SC library of this system, or take it out.")
        return Cure(applicability="manual", advice=(advice,))
    on_musl = known_or(facts.host.distribution, "").startswith(MUSL)
    text = "pcsc-driver libpcsclite.so.1" if on_musl else None
    costs = cures.restart_costs(facts)
    return Cure(
        applicability="costly" if costs else "safe",
        costs=costs,
        changes=tuple(
            LineChange(path=line.path, line=line.line, text=text) for line in scdaemon.settings(facts, "pcsc-driver")
        ),
        restart=True,
    )


@rule(
    "GD108",
    "scdaemon-disabled",
    "gpg-agent may start GnuPG's own scdaemon.",
    worst="error",
    needs=("GD307",),
)
def scdaemon_disabled(facts: Facts) -> Found | None:
    settings = known(facts.configuration.agent_in_force)
    last = {setting.option: number for number, setting in enumerate(settings)}
    if "disable-scdaemon" in last:
        return _disabled(settings[last["disable-scdaemon"]], last["disable-scdaemon"])
    if "scdaemon-program" not in last:
        return None
    setting = settings[last["scdaemon-program"]]
    if not setting.value or _is_same_program(setting.value, known(facts.gnupg.scdaemon)):
        return None
    return _replaced(setting, last["scdaemon-program"], bool(known(facts.configuration.scdaemon_program_exists)))


def _is_same_program(one: str, other: str | None) -> bool:
    return other is not None and _plain(one) == _plain(other)


def _plain(path: str) -> str:
    """A path in its shortest spelling; /lib is /usr/lib since /usr was merged."""
    path = posixpath.normpath(path)
    return f"/usr{path}" if path.startswith(MERGED) else path


def _disabled(setting: Setting, number: int) -> Found:
    return Found(
        severity="error",
        summary=f"disable-scdaemon in {setting.path}, line {setting.line}, turns smart cards off.",
        effect='gpg says "Not supported".',
        because=(f"configuration.agent_in_force[{number}]",),
        cure=_advise_on(setting),
    )


def _replaced(setting: Setting, number: int, exists: bool) -> Found:
    missing = "" if exists else ", and no such program is there"
    return Found(
        severity="info" if exists else "error",
        summary=f"gpg-agent starts {setting.value} as its scdaemon ({setting.path}, line {setting.line}){missing}.",
        effect="What scdaemon.conf says does not matter to it." if exists else 'gpg says "No SmartCard daemon".',
        because=(f"configuration.agent_in_force[{number}]", "configuration.scdaemon_program_exists"),
        cure=_advise_on(setting),
    )


def _advise_on(setting: Setting) -> Cure:
    advice = Advice(
        text=f"If that is not meant, comment out line {setting.line} of {setting.path}, then restart gpg-agent; "
        "it forgets cached passphrases.",
        commands=(("gpgconf", "--kill", "gpg-agent"),),
    )
    return Cure(applicability="manual", advice=(advice,))


@rule(
    "GD111",
    "homedir-unsafe",
    "GnuPG's home directory is safe and works as one.",
    worst="warning",
    needs=("GD307",),
)
def homedir_unsafe(facts: Facts) -> Found | None:
    problems = known(facts.gnupg.homedir_problems)
    if not problems:
        return None
    home = known(facts.gnupg.homedir)
    none = set(problems) & NO_HOME
    return Found(
        severity="warning",
        summary=f"{home} {'does not serve' if none else 'is not safe'} as GnuPG's home directory: "
        f"{', and '.join(problems)}.",
        effect='gpg says "No agent running".'
        if none
        else "Who can write there can make scdaemon and gpg-agent run any program.",
        because=("gnupg.homedir", "gnupg.homedir_problems"),
        cure=Cure(applicability="manual", advice=(_make_it_mine(facts, home, problems),)),
    )


def _make_it_mine(facts: Facts, home: str, problems: tuple[str, ...]) -> Advice:
    if set(problems) & NO_HOME:
        other = "Name another directory in GNUPGHOME, or none for the default one"
        if MISSING not in problems:
            return Advice(text=f"{other}.")
        return Advice(text=f"{other}; or make this one:", commands=(("mkdir", "-m", "700", home),))
    if BELONGS_TO_ANOTHER in problems and known_or(facts.host.uid, 0) == 0:
        return Advice(text="Run GnuPG and gpgdoctor as the user whose directory it is.")
    owner = ("sudo", "chown", "-R", f"{known_or(facts.host.user, 'LOGIN')}:", home)
    return Advice(
        text="If the directory is to be yours alone (on a file system without permissions: move it):",
        commands=(*((owner,) if BELONGS_TO_ANOTHER in problems else ()), ("chmod", "700", home)),
    )


@rule(
    "GD112",
    "option-voided",
    "The system-wide configuration leaves my options in force.",
    worst="warning",
    needs=GNUPG_MISSING,
)
def option_voided(facts: Facts) -> Found | None:
    lost = [
        number for number, void in enumerate(known(facts.configuration.voided)) if not _holds_all_the_same(facts, void)
    ]
    if not lost:
        return None
    voids = [known(facts.configuration.voided)[number] for number in lost]
    options = ", ".join(dict.fromkeys(f"{void.option} (line {void.line})" for void in voids))
    by = voids[0].by_path + (f", line {voids[0].by_line}" if voids[0].by_line else "")
    return Found(
        severity="warning",
        summary=f"{by} takes out of force what your scdaemon.conf sets: {options}.",
        effect="scdaemon says nothing about it.",
        because=tuple(f"configuration.voided[{number}]" for number in lost),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text=f"Ask whoever administers this machine for a change in {voids[0].by_path}.",
                    commands=(("cat", voids[0].by_path),),
                ),
            ),
        ),
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
