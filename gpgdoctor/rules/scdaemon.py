"""What scdaemon would do on this machine, by version, build and configuration. Derived from facts, judging nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from gpgdoctor.facts import Facts, NotKnown, Setting, UsbInterface, known, known_or
from gpgdoctor.rules.reader_state import has_free_card
from gpgdoctor.wording import free, public, text

FIRST_WITHOUT_FALLBACK = (2, 3)  # GnuPG 2.3.0: commit 100642e77 took the way back to PC/SC out (T4673)
DETACHES_SINCE = (2, 4, 5)  # a driver of the kernel's, by libusb: commit a1ea3b13e
LEAVES_IT = "ccid-no-auto-detach"  # the flag that takes that back

# Options that every version accepts and none obeys (scd/scdaemon.c of 2.2.40 and 2.4.8).
WITHOUT_EFFECT = {
    "card-timeout": "no effect since 2.1.18",
    "ctapi-driver": "the driver that it was for is gone",
    "allow-admin": "it is the default since 2.0.11",
    "disable-keypad": "its name is disable-pinpad now",
}


class Path(Enum):
    """How scdaemon reaches readers."""

    PCSC = "PC/SC"
    OWN_DRIVER = "its own CCID driver"
    OWN_DRIVER_THEN_PCSC = "its own CCID driver, then PC/SC"


def version(facts: Facts) -> tuple[int, ...]:
    """The version of the installed scdaemon; NotKnown where there is none."""
    return numbers(_needed(known(facts.gnupg.scdaemon_version), "scdaemon's version"))


def numbers(version: str) -> tuple[int, ...]:
    """2.4.7-unknown -> (2, 4, 7)."""
    found = re.match(r"\d{1,9}(?:\.\d{1,9})*", version)
    if found is None:
        raise NotKnown(text("{version} is not a version", version=free(repr(version))))
    return tuple(int(number) for number in found.group().split("."))


def setting(facts: Facts, option: str) -> Setting | None:
    """The line by which an option of scdaemon is in force; the last one where there are several."""
    found = settings(facts, option)
    return found[-1] if found else None


def settings(facts: Facts, option: str) -> list[Setting]:
    """Every line that sets an option of scdaemon, and is not overruled by the other file."""
    return [setting for setting in known(facts.configuration.in_force) if setting.option == option]


def place(facts: Facts, setting: Setting) -> str:
    """Where the facts have this setting."""
    return f"configuration.in_force[{known(facts.configuration.in_force).index(setting)}]"


def in_force(facts: Facts, option: str) -> bool:
    return setting(facts, option) is not None


def keeps_off_piv(facts: Facts) -> bool:
    """Whether scdaemon was told to leave the PIV application alone, which costs the PIN in shared mode."""
    return any(setting.value == "piv" for setting in settings(facts, "disable-application"))


def knows(facts: Facts, option: str) -> bool:
    return option in known(facts.gnupg.scdaemon_options)


def path(facts: Facts) -> Path:
    """By configuration and build; NotKnown where neither decides it."""
    if not known(facts.gnupg.own_ccid_driver) or in_force(facts, "disable-ccid"):
        return Path.PCSC
    return Path.OWN_DRIVER if version(facts) >= FIRST_WITHOUT_FALLBACK else Path.OWN_DRIVER_THEN_PCSC


def ways_open(facts: Facts) -> frozenset[Path]:
    """The ways by which scdaemon may come to a reader now: OWN_DRIVER, PCSC, both or none.

    Its own driver needs an interface that nobody has claimed and that it may open. Version 2.2 turns to PC/SC
    where its own driver opened nothing (scd/apdu.c, apdu_open_reader); 2.3 and later never do.
    """
    way = path(facts)
    if way is Path.PCSC:
        return frozenset({Path.PCSC})
    if any(is_free(interface) for interface in known(facts.usb)):
        return frozenset({Path.OWN_DRIVER})
    return frozenset({Path.PCSC}) if way is Path.OWN_DRIVER_THEN_PCSC else frozenset()


def reaches_through_pcsc(facts: Facts) -> bool:
    """Whether scdaemon would ask PC/SC for the readers that PC/SC lists."""
    way = path(facts)
    return way is Path.PCSC or (way is Path.OWN_DRIVER_THEN_PCSC and Path.PCSC in ways_open(facts))


def needs_pcsc(facts: Facts) -> bool:
    """Whether scdaemon cannot reach a card without pcscd: one that has a card by its own driver can."""
    if path(facts) is Path.OWN_DRIVER_THEN_PCSC and known_or(facts.gnupg.running, None) is not None:
        return reaches_through_pcsc(facts) and not holds_a_card(facts)
    return reaches_through_pcsc(facts)


def finds_no_pcscd(facts: Facts) -> bool:
    """Whether 2.2 would turn to PC/SC as its own driver may open no reader (GD402), and finds no pcscd there either."""
    pcscd = facts.pcscd
    if pcscd.listener is not None or pcscd.socket_file != "absent" or pcscd.mounted is not False:
        return False
    if facts.readers != () or any(process.role == "pcscd" for process in known_or(facts.processes, ())):
        return False
    interfaces = [interface for interface in known(facts.usb) if interface.ccid]
    closed = bool(interfaces) and all(interface.accessible is False for interface in interfaces)
    return closed and path(facts) is Path.OWN_DRIVER_THEN_PCSC


def is_free(interface: UsbInterface) -> bool:
    """Whether scdaemon's own driver could open it now."""
    return interface.ccid and known(interface.driver) is None and known(interface.accessible)


def detaches(facts: Facts) -> bool:
    """Whether its own driver takes an interface from a driver of the kernel's; libccid never does."""
    flags = settings(facts, "compatibility-flags")
    return version(facts) >= DETACHES_SINCE and not any(LEAVES_IT in (flag.value or "") for flag in flags)


def reader_taken(facts: Facts) -> int | None:
    """Which of PC/SC's readers scdaemon opens: its index. None: it goes on until it finds a card that is free."""
    port = setting(facts, "reader-port")
    names = [reader.name for reader in known(facts.readers)]
    return index_taken(version(facts), port.value if port else None, names)


def index_taken(version: tuple[int, ...], port: str | None, names: Sequence[str]) -> int | None:
    """The same of a scdaemon of that version with that reader-port, where PC/SC lists these names.

    Version 2.2 takes the first reader whose name starts with reader-port, else the first of all; since 2.3
    it looks into every reader, or into the one that a number or a text with a colon names.
    """
    matching = [number for number, name in enumerate(names) if port is not None and name.startswith(port)]
    if version < FIRST_WITHOUT_FALLBACK:
        return matching[0] if matching else 0
    if port is None:
        return None
    if ":" in port:
        return matching[0] if matching else None
    digits = re.match(r"\s*\d{1,18}", port)
    return int(digits.group()) if digits and int(digits.group()) > 0 else None


def would_take(facts: Facts, index: int) -> bool:
    """Whether this is the reader that scdaemon depends on."""
    taken = reader_taken(facts)
    if taken is not None:
        return taken == index
    others = [reader for number, reader in enumerate(known(facts.readers)) if number != index]
    return not any(has_free_card(reader) for reader in others)


def is_spared(facts: Facts, index: int) -> bool:
    """Whether scdaemon does not depend on this reader. It only lowers a severity, so the unknown does not."""
    try:
        return holds_a_card(facts) or not would_take(facts, index)
    except NotKnown:
        return False


def holds_a_card(facts: Facts) -> bool:
    """Whether the scdaemon of this GNUPGHOME says that it has a card."""
    running = known(facts.gnupg.running)
    return running is not None and bool(running.cards)


def has_a_card(facts: Facts) -> bool:
    """The same, where it is no matter whether that is known."""
    running = known_or(facts.gnupg.running, None)
    return running is not None and bool(running.cards)


def wanted(facts: Facts) -> bool:
    """Whether somebody here wants the card: my scdaemon runs, or there is the stub of a key on a card.

    It only sets a severity, so the unknown counts as wanted.
    """
    if known_or(facts.gnupg.running, None) is not None or known_or(facts.gnupg.card_keys, 1) > 0:
        return True
    mine = known_or(facts.host.uid, -1)
    return any(
        process.role == "scdaemon" and known_or(process.uid, -2) == mine for process in known_or(facts.processes, ())
    )


def _needed(value: str | None, what: str) -> str:
    if value is None:
        raise NotKnown(text("{what} is not known", what=public(what)))
    return value
