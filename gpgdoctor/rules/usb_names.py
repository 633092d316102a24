"""What a device on USB is: how sentences call it, and whether a card can be in it."""

from __future__ import annotations

from gpgdoctor.facts import BlockedDevice, Facts, UsbInterface, known, known_or
from gpgdoctor.wording import Text, public, reader_name, text

YUBICO = "1050"
# Of Yubico's Security Key, which has nothing else, and of a YubiKey whose other functions are switched off.
FIDO_ALONE = "0402"


def is_security_key(interface: UsbInterface) -> bool:
    """Whether it is a FIDO key without a card function; a YubiKey whose card function is off is not one."""
    is_one = (interface.vendor, interface.product) == (YUBICO, FIDO_ALONE) and not interface.ccid
    return is_one and known_or(interface.title, "YubiKey").lower().startswith("security")


def of_readers(facts: Facts) -> list[tuple[int, UsbInterface]]:
    """The interfaces of what is a reader, or a token that may be one, with their places in the facts."""
    return [(number, it) for number, it in enumerate(known(facts.usb)) if not is_security_key(it)]


def name_of(interface: UsbInterface | BlockedDevice) -> Text:
    """How a person knows it, and where sysfs has it."""
    title = known_or(interface.title, f"{interface.vendor}:{interface.product}")
    return text("{title} (USB {place})", title=reader_name(title), place=public(interface.name))


def device_of(interface: UsbInterface) -> str:
    """Which device it belongs to: 1-2 of 1-2:1.0."""
    return interface.name.partition(":")[0]
