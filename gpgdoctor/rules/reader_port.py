"""GD105: what reader-port means depends on scdaemon's version, its build and its way to readers (scd/apdu.c)."""

from __future__ import annotations

import re
from enum import Enum

from gpgdoctor.facts import Facts, UsbInterface, known, known_or
from gpgdoctor.rules import cures, other_reader, scdaemon
from gpgdoctor.rules.contention import NO_READER, NO_SCDAEMON, NOT_STARTING
from gpgdoctor.rules.reader_state import Card, card
from gpgdoctor.rules.rule import Advice, Found, NotApplicable, Stretch, advice, advise, hidden_by, refuses, rule
from gpgdoctor.wording import Text, line, reader_name, several, text

LONGEST_LIST = 6


class Outcome(Enum):
    """What scdaemon makes of a reader-port line; in words what it does instead."""

    MATCHES = "it takes the reader that is meant"
    IGNORED = "scdaemon tries every reader"
    ANOTHER_READER = "scdaemon takes the first reader"
    NOTHING = "scdaemon takes no other"


@rule(
    "GD105",
    "reader-port-never-matches",
    "reader-port names a reader that is there.",
    worst="error",
    causes=(*NO_SCDAEMON, *NOT_STARTING, *hidden_by("GD205", "GD308")),
    breaks=refuses(Stretch.READER, "no reader fits reader-port"),
)
def reader_port_never_matches(facts: Facts) -> Found | None:
    port = scdaemon.setting(facts, "reader-port")
    if port is None or not port.value:
        raise NotApplicable(text("reader-port is not set"))
    outcome = _outcome(facts, port.value)
    because = (scdaemon.place(facts, port), *_looked_at(facts))
    if outcome is Outcome.MATCHES or (outcome is Outcome.NOTHING and scdaemon.holds_a_card(facts)):
        return None
    none_called = text('No reader is called "{port}", as reader-port has it', port=line(port.value))
    if outcome is Outcome.ANOTHER_READER and _first_is_empty(facts):
        return _finds_nothing(facts, none_called, because)
    if outcome is Outcome.NOTHING:
        return Found(
            severity="error",
            summary=text("{none_called}, and {instead}.", none_called=none_called, instead=outcome),
            effect=text('gpg says "No such device".'),
            because=because,
            cure=cures.rewrite(facts, cures.out_of_force(facts, "reader-port")),  # without one it looks for itself
        )
    return Found(
        severity="warning",
        summary=text("{none_called}, so {instead}.", none_called=none_called, instead=outcome),
        because=because,
        cure=advise(_take_it_out(facts, outcome)),
    )


def _first_is_empty(facts: Facts) -> bool:
    """Whether the reader that scdaemon then takes has no card, and it has no other way."""
    readers = known(facts.readers)
    return scdaemon.reaches_through_pcsc(facts) and bool(readers) and card(readers[0]) is Card.ABSENT


def _finds_nothing(facts: Facts, none_called: Text, because: tuple[str, ...]) -> Found:
    better = other_reader.with_card(facts)
    names = tuple(f"readers[{number}].state" for number in (0, better) if number is not None)
    return Found(
        severity="error",
        summary=text("{none_called}, so scdaemon takes the first reader, which is empty.", none_called=none_called),
        effect=text('gpg says "No such device".'),
        because=(*because, *names),
        cure=cures.rewrite(facts, cures.out_of_force(facts, "reader-port"))
        if better is None
        else other_reader.take(facts, better),
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
        raise NotApplicable(text("no reader of scdaemon's own driver is on USB"))
    return Outcome.MATCHES if any(_is_called(interface, value) for interface in interfaces) else Outcome.NOTHING


def _on_usb_then_in_pcsc(facts: Facts, value: str) -> Outcome:
    """GnuPG 2.2, apdu_dev_list_start and apdu_open_reader."""
    interfaces = _ccid(facts)
    if interfaces and ":" not in value and _number(value) > 0:
        return Outcome.MATCHES if _number(value) < len(interfaces) else Outcome.NOTHING
    if any(_is_called(interface, value) for interface in interfaces):
        return Outcome.MATCHES
    if interfaces and not known(facts.readers):
        return Outcome.NOTHING
    if not interfaces and known(facts.readers) and len(value) > 5 and value[4] == ":":
        return Outcome.NOTHING  # an identifier of its own driver: then it does not turn to PC/SC
    return _in_pcsc(facts, value)


def _in_pcsc(facts: Facts, value: str) -> Outcome:
    readers = known(facts.readers)
    if not readers:
        raise NotApplicable(NO_READER)
    found = any(reader.name.startswith(value) for reader in readers)
    if scdaemon.version(facts) < scdaemon.FIRST_WITHOUT_FALLBACK:
        return Outcome.MATCHES if found else Outcome.ANOTHER_READER
    if not known(facts.gnupg.own_ccid_driver):
        return Outcome.MATCHES if found else Outcome.NOTHING
    if ":" not in value and _number(value) > 0:
        return Outcome.MATCHES if _number(value) < len(readers) else Outcome.NOTHING
    if found:
        return Outcome.MATCHES
    return Outcome.NOTHING if ":" in value else Outcome.IGNORED


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


def _take_it_out(facts: Facts, outcome: Outcome) -> Advice:
    if outcome is Outcome.IGNORED:
        return advice("Take the line out: this scdaemon takes no reader by its name.")
    quoted = (text('"{name}"', name=reader_name(reader.name)) for reader in known(facts.readers)[:LONGEST_LIST])
    instead = "Take the line out, or let it begin as one of these names does: {names}."
    return advice(instead, names=several(quoted))
