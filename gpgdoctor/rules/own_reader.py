"""Which of the readers on USB my scdaemon has by its own driver: it tells the card's number, but no reader."""

from __future__ import annotations

import re

from gpgdoctor.facts import Facts, NotKnown, UsbInterface, known, known_or
from gpgdoctor.wording import text

# libccid may call a reader otherwise than the device calls itself: then only its maker tells.
MAKERS = {
    "0483": ("identive", "scm", "stmicro"),
    "04e6": ("scm", "identiv", "identive"),
    "058f": ("alcor",),
    "072f": ("acs",),
    "076b": ("omnikey", "hid"),
    "08e6": ("gemalto", "gemplus", "gempc", "thales"),
    "0a5c": ("broadcom", "broadcom corp"),
    "0bda": ("realtek", "generic"),
    "0c4b": ("reiner", "cyberjack"),
    "046a": ("cherry",),
    "1050": ("yubico", "yubikey"),
    "17ef": ("lenovo",),
    "20a0": ("nitrokey", "clay"),
    "234b": ("fsij", "gnuk", "free software initiative"),
    "2581": ("ledger",),
    "2c97": ("ledger",),
    "413c": ("dell",),
}
# Who makes an OpenPGP card, by its application identifier, and what USB calls the same maker.
VENDORS_OF_CARDS = {"0006": "1050", "000F": "20a0", "F517": "234b"}
OPENPGP = "D27600012401"
MAKER_IN_SERIAL = slice(16, 20)
SECOND_SLOT = re.compile(r" [0-9A-F]{2} (?!00$)[0-9A-F]{2}$")


def by_own_driver(facts: Facts) -> list[int]:
    """The places in `facts.usb` of the devices that scdaemon drives itself, where it does that.

    It has one device for each of its cards. NotKnown, which makes no look incomplete, where a program has claimed
    more of them and neither PC/SC's list nor the card's maker tells which are scdaemon's.
    """
    running = known(facts.gnupg.running)
    cards = () if running is None else running.cards
    claimed = {number: it for number, it in enumerate(known(facts.usb)) if it.ccid and known(it.driver) == "usbfs"}
    left = _less_those_of_pcscd(claimed, [reader.name for reader in known_or(facts.readers, ())])
    twins = {number for number in left if _has_a_twin(claimed, left, number)}
    if len(left) <= len(cards) and not twins:
        return left
    vendors = {VENDORS_OF_CARDS.get(_maker(card), "") for card in cards}
    fitting = [number for number in left if claimed[number].vendor in vendors and number not in twins]
    if fitting and len(fitting) <= len(cards):
        return fitting
    raise NotKnown(
        text("several readers are claimed on USB, and which of them is scdaemon's is not clear"), counts=False
    )


def claimed_without_card(facts: Facts) -> list[int]:
    """The places in `facts.usb` of readers in which scdaemon, by its own driver, finds no card.

    No pcscd runs that could have claimed them, no other scdaemon, and there are keys on a card that is missed.
    """
    running = known_or(facts.gnupg.running, None)
    if running is None or running.cards or facts.pcscd.listener is not None:
        return []
    if known_or(facts.gnupg.card_keys, 0) == 0 or not known_or(facts.gnupg.own_ccid_driver, False):
        return []
    others = [it for it in known_or(facts.processes, ()) if it.role in ("pcscd", "scdaemon") and it.pid != running.pid]
    interfaces = [(number, it) for number, it in enumerate(known_or(facts.usb, ())) if it.ccid]
    if others or any(known_or(it.driver, None) != "usbfs" for _, it in interfaces):
        return []
    return [number for number, _ in interfaces]


def _less_those_of_pcscd(claimed: dict[int, UsbInterface], names: list[str]) -> list[int]:
    """Without those that PC/SC lists: each of its names is that of one device, whose second slot has another name."""
    left = dict(claimed)
    for fits in (_has_its_title, _has_its_maker):
        for name in list(names):
            found = next((number for number, it in left.items() if fits(it, name)), None)
            if found is not None and not SECOND_SLOT.search(name):
                del left[found]
                names.remove(name)
    return list(left)


def _has_its_title(interface: UsbInterface, name: str) -> bool:
    title = known_or(interface.title, "")
    return bool(title) and title in name


def _has_its_maker(interface: UsbInterface, name: str) -> bool:
    return any(maker in name.lower() for maker in MAKERS.get(interface.vendor, ()))


def _has_a_twin(claimed: dict[int, UsbInterface], left: list[int], number: int) -> bool:
    """Whether pcscd has another device of this kind: either may be the one that it has."""
    me = claimed[number]
    return any((it.vendor, it.product) == (me.vendor, me.product) for at, it in claimed.items() if at not in left)


def _maker(card: str) -> str:
    return card[MAKER_IN_SERIAL].upper() if card.upper().startswith(OPENPGP) else ""
