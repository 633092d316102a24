"""GD105: what reader-port means depends on scdaemon's version, its build and its way to readers (scd/apdu.c)."""

from __future__ import annotations

import re
from typing import Literal

from gpgdoctor.facts import Facts, UsbInterface, known, known_or
from gpgdoctor.rules import competition, cures, mistakes, scdaemon
from gpgdoctor.rules.rule import Advice, Cure, Found, NotApplicable, rule
from gpgdoctor.rules.services import GNUPG_MISSING

Outcome = Literal["matches", "ignored", "another reader", "nothing"]
LONGEST_LIST = 6


@rule(
    "GD105",
    "reader-port-never-matches",
    "reader-port names a reader that is there.",
    worst="error",
    needs=GNUPG_MISSING,
)
def reader_port_never_matches(facts: Facts) -> Found | None:
    port = scdaemon.setting(facts, "reader-port")
    if port is None or not port.value:
        raise NotApplicable("reader-port is not set")
    mistakes.needs_scdaemon_to_start(facts)
    competition.needs_no_competition(facts)
    outcome = _outcome(facts, port.value)
    if outcome == "matches" or (outcome == "nothing" and scdaemon.holds_a_card(facts)):
        return None
    if outcome == "nothing":
        return Found(
            severity="error",
            summary=f'No reader is called "{port.value}", as reader-port has it, and scdaemon takes no other.',
            effect='gpg says "No such device".',
            because=(scdaemon.place(facts, port), *_looked_at(facts)),
            cure=_without(facts),
        )
    instead = "scdaemon tries every reader" if outcome == "ignored" else "scdaemon takes the first reader"
    return Found(
        severity="warning",
        summary=f'No reader is called "{port.value}", as reader-port has it, so {instead}.',
        because=(scdaemon.place(facts, port), *_looked_at(facts)),
        cure=Cure(applicability="manual", advice=(_take_it_out(facts, ignored=outcome == "ignored"),)),
    )


def is_ignored(facts: Facts, value: str) -> bool:
    """Whether scdaemon reads past a text that names a reader: since 2.3 it takes it for the number 0."""
    if scdaemon.version(facts) < scdaemon.FIRST_WITHOUT_FALLBACK or not known(facts.gnupg.own_ccid_driver):
        return False
    if scdaemon.path(facts) is not scdaemon.Path.PCSC or ":" in value or _number(value) > 0:
        return False
    readers = known_or(facts.readers, ())
    return not readers or any(reader.name.startswith(value) for reader in readers)


def _outcome(facts: Facts, value: str) -> Outcome:
    way = scdaemon.path(facts)
    if way is scdaemon.Path.OWN_DRIVER:
        return _on_usb(facts, value)
    if way is scdaemon.Path.OWN_DRIVER_THEN_PCSC:
        return _on_usb_then_in_pcsc(facts, value)
    return _in_pcsc(facts, value)


def _on_usb(facts: Facts, value: str) -> Outcome:
    interfaces = _ccid(facts)
    if not interfaces:
        raise NotApplicable("no reader of scdaemon's own driver is on USB")
    return "matches" if any(_is_called(interface, value) for interface in interfaces) else "nothing"


def _on_usb_then_in_pcsc(facts: Facts, value: str) -> Outcome:
    """GnuPG 2.2, apdu_dev_list_start and apdu_open_reader."""
    interfaces = _ccid(facts)
    if interfaces and ":" not in value and _number(value) > 0:
        return "matches" if _number(value) < len(interfaces) else "nothing"
    if any(_is_called(interface, value) for interface in interfaces):
        return "matches"
    if interfaces and not known(facts.readers):
        return "nothing"
    if not interfaces and known(facts.readers) and len(value) > 5 and value[4] == ":":
        return "nothing"  # an identifier of its own driver: then it does not turn to PC/SC
    return _in_pcsc(facts, value)


def _in_pcsc(facts: Facts, value: str) -> Outcome:
    readers = known(facts.readers)
    if not readers:
        raise NotApplicable("PC/SC lists no reader")
    found = any(reader.name.startswith(value) for reader in readers)
    if scdaemon.version(facts) < scdaemon.FIRST_WITHOUT_FALLBACK:
        return "matches" if found else "another reader"
    if not known(facts.gnupg.own_ccid_driver):
        return "matches" if found else "nothing"
    if ":" not in value and _number(value) > 0:
        return "matches" if _number(value) < len(readers) else "nothing"
    if found:
        return "matches"
    return "nothing" if ":" in value else "ignored"


def _ccid(facts: Facts) -> list[UsbInterface]:
    return [interface for interface in known(facts.usb) if interface.ccid]


def _is_called(interface: UsbInterface, value: str) -> bool:
    """Whether the driver's name of it may begin so: vendor:product:serial:0. Its serial number is not known here."""
    name = f"{interface.vendor}:{interface.product}:".upper()
    return value.upper().startswith(name) or name.startswith(value.upper())


def _number(value: str) -> int:
    digits = re.match(r"\s*(\d{1,18})", value)
    return int(digits.group(1)) if digits else 0


def _looked_at(facts: Facts) -> tuple[str, ...]:
    names = tuple(f"readers[{number}].name" for number in range(len(known_or(facts.readers, ()))))
    by_own_driver = scdaemon.path(facts) is scdaemon.Path.OWN_DRIVER or not names
    return ("usb",) if by_own_driver else names[:LONGEST_LIST]


def _take_it_out(facts: Facts, *, ignored: bool) -> Advice:
    if ignored:
        return Advice(text="Take the line out: this scdaemon takes no reader by its name.")
    names = ", ".join(f'"{reader.name}"' for reader in known(facts.readers)[:LONGEST_LIST])
    return Advice(text=f"Take the line out, or let it begin as one of these names does: {names}.")


def _without(facts: Facts) -> Cure:
    """Every reader-port line out of force: without one scdaemon looks for itself."""
    costs = cures.restart_costs(facts)
    return Cure(
        applicability="costly" if costs else "safe",
        costs=costs,
        changes=tuple(cures.commented_out(setting) for setting in scdaemon.settings(facts, "reader-port")),
        restart=True,
    )
