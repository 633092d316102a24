"""How a device on USB is called in sentences."""

from __future__ import annotations

from gpgdoctor.facts import BlockedDevice, UsbInterface, known_or
from gpgdoctor.wording import Text, public, reader_name, text


def name_of(interface: UsbInterface | BlockedDevice) -> Text:
    """How a person knows it, and where sysfs has it."""
    title = known_or(interface.title, f"{interface.vendor}:{interface.product}")
    return text("{title} (USB {place})", title=reader_name(title), place=public(interface.name))


def device_of(interface: UsbInterface) -> str:
    """Which device it belongs to: 1-2 of 1-2:1.0."""
    return interface.name.partition(":")[0]
