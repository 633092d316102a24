"""GD113 to GD117: options that are understood, but whose values are useless or dangerous."""

from __future__ import annotations

import re

from gpgdoctor.facts import ConfigFile, ConfigLine, Facts, Setting, known, known_or
from gpgdoctor.rules import cures, holding, mistakes, scdaemon
from gpgdoctor.rules.configuration import NO_FILE
from gpgdoctor.rules.contention import NOT_STARTING
from gpgdoctor.rules.rule import (
    Cure,
    Found,
    LineChange,
    NotApplicable,
    Severity,
    Stretch,
    advice,
    advise,
    by_hand,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.services import GNUPG_MISSING, install
from gpgdoctor.wording import Text, Value, free, line, path, public, several, text

# scd/apdu.c writes VERIFY in clear before these (commits 2e18c371d and 9f7ff4367), or where it is told to.
REDACTED_SINCE = ((2, 2, 41), (2, 4, 0))
CARDIO = 2048
TAKES_THE_REST = ("reader-port", "disable-application", "pcsc-driver", "log-file")
NOTE = re.compile(r"\s+(#.*)$", re.DOTALL)
SUPERVISED = {"--supervised", "--deprecated-supervised"}
SOCKETS = ("socket://", "tcp://")
NOTHING_ASKS = text('Nothing that asks for a PIN works (gpg says "No pinentry"); gpg --card-status does.')
PACKAGES_OF_PINENTRY = {
    "debian": "pinentry-curses",
    "fedora": "pinentry",
    "suse": "pinentry",
    "arch": "pinentry",
    "alpine": "pinentry",
}


def _last(settings: tuple[Setting, ...], option: str) -> int | None:
    """The place of the line that counts."""
    found = [number for number, setting in enumerate(settings) if setting.option == option]
    return found[-1] if found else None


@rule(
    "GD113",
    "pinentry-missing",
    "The pinentry that gpg-agent is configured to use exists.",
    worst="error",
    causes=(*hidden_by("GD307", "GD308"), *hidden_by("GD101", "GD102", stopping="gpg-agent")),
)
def pinentry_missing(facts: Facts) -> Found | None:
    settings = known(facts.configuration.agent_in_force)
    number = _last(settings, "pinentry-program")
    if number is None:
        return _default_missing(facts)
    if known(facts.configuration.pinentry_exists) is not False:
        return None
    setting = settings[number]
    by_loopback = _last(settings, "allow-loopback-pinentry") is not None
    return Found(
        severity="warning" if by_loopback else "error",
        summary=text(
            "pinentry-program in {conf}, line {line}, names {program}, which cannot be run.",
            conf=path(setting.path),
            line=setting.line,
            program=path(str(setting.value)),
        ),
        effect=NOTHING_ASKS,
        because=(f"configuration.agent_in_force[{number}]", "configuration.pinentry_exists"),
        cure=cures.rewrite(facts, (LineChange(path=setting.path, line=setting.line, text=None),)),
    )


def _default_missing(facts: Facts) -> Found | None:
    """Where none is configured and none is there: an error where a card's PIN has to be asked for.

    So it is as well before the first key: a card that scdaemon holds asks for its PIN to get one.
    """
    has_card = scdaemon.has_a_card(facts)
    uses_none = known_or(facts.gnupg.card_keys, 1) == 0 and not has_card
    exists = (
        known_or(facts.configuration.pinentry_exists, None) if uses_none else known(facts.configuration.pinentry_exists)
    )
    if exists is not False:
        raise NotApplicable(text("pinentry-program is not set"))
    if not has_card:
        known(facts.gnupg.card_keys)
    if _is_told_on_command_line(facts):
        raise NotApplicable(text("gpg-agent is started with a pinentry of its own"))
    by_loopback = _last(known(facts.configuration.agent_in_force), "allow-loopback-pinentry") is not None
    severity: Severity = "warning" if uses_none or by_loopback else "error"
    if uses_none and not holding.agents(facts):
        severity = "info"  # nobody here has anything to enter yet
    return Found(
        severity=severity,
        summary=text("No pinentry is where gpg-agent looks for one, and pinentry-program names no other."),
        effect=NOTHING_ASKS,
        because=("configuration.pinentry_exists", "gnupg.running.cards" if has_card else "gnupg.card_keys"),
        cure=_install_pinentry(facts),
    )


def _is_told_on_command_line(facts: Facts) -> bool:
    """As on NixOS, whose unit does that."""
    known(facts.processes)
    running = holding.agents(facts)
    if running:
        return any("--pinentry-program" in known(agent.options) for agent in running)
    unit = known(facts.gnupg.agent_unit)
    return unit is not None and "--pinentry-program" in unit.options


def _install_pinentry(facts: Facts) -> Cure:
    if known_or(facts.host.distribution, "").startswith("nixos"):
        return by_hand(
            "Name one: programs.gnupg.agent.pinentryPackage on NixOS, services.gpg-agent.pinentry.package with "
            "home-manager (before 25.05 pinentryPackage); then switch."
        )
    return install(facts, "a pinentry", PACKAGES_OF_PINENTRY)


@rule(
    "GD114",
    "log-may-hold-pins",
    "No log that is kept can hold a PIN.",
    worst="warning",
    causes=GNUPG_MISSING,
)
def log_may_hold_pins(facts: Facts) -> Found | None:
    settings = known(facts.configuration.in_force)
    debugging = [number for number, setting in enumerate(settings) if _covers_card_traffic(setting)]
    if not debugging:
        return None
    kept = _where_it_is_kept(facts, settings)
    if kept is None or not _writes_pins(facts):
        return None
    where, place = kept
    lines = [settings[number] for number in debugging]
    costs = cures.restart_costs(facts)
    return Found(
        severity="warning",
        summary=text(
            "{options} has scdaemon {version} write what it sends to the card, PINs among it, to {where}.",
            options=several(_named(setting) for setting in lines),
            version=public(str(known(facts.gnupg.scdaemon_version))),
            where=where,
        ),
        effect=text("Who can read that log has the PIN."),
        because=(*(f"configuration.in_force[{number}]" for number in debugging), *place, "gnupg.scdaemon_version"),
        cure=Cure(
            applicability="costly" if costs else "safe",
            costs=costs,
            changes=tuple(LineChange(path=setting.path, line=setting.line, text=None) for setting in lines),
            restart=True,
            advice=(advice("Then remove the log, and change the PIN.", ("gpg", "--change-pin")),),
        ),
    )


def _named(setting: Setting) -> Text:
    if setting.value is None:
        return text("{option} (line {line})", option=public(setting.option), line=setting.line)
    values: dict[str, Value] = {"option": public(setting.option), "value": line(setting.value), "line": setting.line}
    return text("{option} {value} (line {line})", **values)


def _covers_card_traffic(setting: Setting) -> bool:
    value = (setting.value or "").lower()
    if setting.option == "debug-all":
        return True
    if setting.option == "debug-level":
        return value in ("expert", "guru") or (value.isdigit() and int(value[:9]) > 5)
    if setting.option != "debug":
        return False
    return any("cardio" in word or word == "all" or _number(word) & CARDIO for word in re.split(r"[\s,]+", value))


def _number(word: str) -> int:
    """A mask as gpgrt reads it: decimal, or hexadecimal behind 0x; 0 for a name."""
    found = re.fullmatch(r"(0x)?([0-9a-f]{1,16})", word)
    if found is None or not (found[1] or found[2].isdigit()):
        return 0
    return int(found[2], 16 if found[1] else 10)


def _writes_pins(facts: Facts) -> bool:
    if scdaemon.in_force(facts, "debug-allow-pin-logging"):
        return True
    version = scdaemon.version(facts)
    of_2_2, later = REDACTED_SINCE
    return version < of_2_2 or (2, 3) <= version < later


def _where_it_is_kept(facts: Facts, settings: tuple[Setting, ...]) -> tuple[Text, tuple[str, ...]] | None:
    number = _last(settings, "log-file")
    if number is not None:
        return text("{log}", log=path(str(settings[number].value))), (f"configuration.in_force[{number}]",)
    common = known_or(facts.configuration.common_in_force, ())
    at_large = _last(common, "log-file")
    if at_large is not None and scdaemon.version(facts) >= mistakes.READS_COMMON_CONF_SINCE:
        place = (f"configuration.common_in_force[{at_large}]",)
        return text("{log}-scdaemon", log=path(str(common[at_large].value))), place
    supervised = [
        at
        for at, process in enumerate(known_or(facts.processes, ()))
        if process.role == "gpg-agent" and SUPERVISED & set(known_or(process.options, ()))
    ]
    return (text("the journal"), (f"processes[{supervised[0]}].options",)) if supervised else None


@rule(
    "GD115",
    "note-in-value",
    "No value includes a comment written after it.",
    worst="warning",
    each=mistakes.files_of_scdaemon,
    causes=GNUPG_MISSING,
    no_subject=NO_FILE,
)
def note_in_value(facts: Facts, index: int) -> Found | None:
    file = mistakes.read(facts, index)
    swallowed = {number: it for number, it in enumerate(file.lines) if _has_note(it)}
    if not swallowed:
        return None
    costs = cures.restart_costs(facts)
    return Found(
        severity="warning",
        summary=text(
            "In {path} a note became part of the value: {lines}.",
            path=path(file.path),
            lines=several(text("line {number}", number=it.number) for it in swallowed.values()),
        ),
        effect=text("scdaemon takes the rest of such a line as it stands, and says nothing."),
        because=tuple(f"configuration.files[{index}].lines[{number}].text" for number in swallowed),
        cure=Cure(
            applicability="costly" if costs else "safe",
            costs=costs,
            changes=tuple(_without_note(file, it) for it in swallowed.values()),
            restart=True,
        ),
    )


def _has_note(it: ConfigLine) -> bool:
    return it.kind == "option" and it.option in TAKES_THE_REST and NOTE.search(it.value or "") is not None


def _without_note(file: ConfigFile, it: ConfigLine) -> LineChange:
    """The note on a line of its own above."""
    value = it.value or ""
    note = NOTE.search(value)
    assert note is not None
    statement = f"{it.option} {value[: note.start()].strip()}"
    return LineChange(path=file.path, line=it.number, text=f"{note[1].rstrip()}\n{statement}")


@rule(
    "GD116",
    "log-file-unusable",
    "scdaemon can write the log file it is told to write.",
    worst="info",
    causes=(*GNUPG_MISSING, *hidden_by("GD115")),
)
def log_file_unusable(facts: Facts) -> Found | None:
    settings = known(facts.configuration.in_force)
    number = _last(settings, "log-file")
    if number is None:
        raise NotApplicable(text("log-file is not set"))
    setting = settings[number]
    value = setting.value or ""
    if value.startswith(SOCKETS):
        raise NotApplicable(text("the log goes to a socket"))
    why, cure = _unusable(facts, setting, value)
    if why is None:
        return None
    return Found(
        severity="info",
        summary=text("scdaemon cannot write its log to {log}: {why}.", log=path(value), why=why),
        effect=text("It writes none, and says nothing."),
        because=(f"configuration.in_force[{number}]",),
        cure=cure,
    )


def _unusable(facts: Facts, setting: Setting, value: str) -> tuple[Text | None, Cure | None]:
    if value.startswith(("~", "$")):
        home = _home(facts)
        expanded = re.sub(r"^(?:~|\$HOME|\$\{HOME\})(?=/)", lambda _: home or "", value)
        why = text("~ and $HOME are not expanded there")
        if home is None or expanded.startswith(("~", "$")):
            return why, by_hand("Write the path in full.")
        change = LineChange(path=setting.path, line=setting.line, text=f"log-file {expanded}")
        return why, cures.rewrite(facts, (change,))
    log = known(facts.configuration.log_file)
    if log is None or log.usable:
        return None, None
    see = advice("Make its directory, or name another file.")
    return text("{reason}", reason=free(log.reason or "it cannot be written")), advise(see)


def _home(facts: Facts) -> str | None:
    home = known_or(facts.gnupg.homedir, "")
    return home.removesuffix("/.gnupg") if home.endswith("/.gnupg") else None


@rule(
    "GD117",
    "application-disabled",
    "The OpenPGP application and admin commands are switched on.",
    worst="error",
    causes=(*GNUPG_MISSING, *NOT_STARTING, *hidden_by("GD108", at_least="error")),
    breaks=refuses(Stretch.CARD, "OpenPGP is turned off"),
)
def application_disabled(facts: Facts) -> Found | None:
    settings = known(facts.configuration.in_force)
    off = [at for at, it in enumerate(settings) if it.option == "disable-application" and it.value == "openpgp"]
    denied = _last(settings, "deny-admin")
    if not off and denied is None:
        return None
    severity: Severity = "error" if off else "info"
    if off:
        changes = tuple(LineChange(path=settings[at].path, line=settings[at].line, text=None) for at in off)
        return Found(
            severity=severity,
            summary=text("disable-application openpgp keeps scdaemon from the application that gpg needs."),
            effect=text('gpg says "Not supported" or "No such device", with the card in the reader.'),
            because=tuple(f"configuration.in_force[{at}]" for at in off),
            cure=cures.rewrite(facts, changes),
        )
    return Found(
        severity=severity,
        summary=text("deny-admin refuses whatever needs the Admin PIN: changing data and keys, unblocking the PIN."),
        because=(f"configuration.in_force[{denied}]",),
        cure=by_hand("If that is not meant, take the line out and restart scdaemon."),
    )
