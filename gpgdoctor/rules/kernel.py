"""Drivers of the kernel's that have a card reader, as pn533_usb for NFC does: whom they keep out, how they leave."""

from __future__ import annotations

from gpgdoctor.facts import Facts, UsbInterface, known, known_or
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.rule import Advice, Found, advice, advise
from gpgdoctor.rules.usb_names import device_of, name_of
from gpgdoctor.wording import public, text


def driver_of(interface: UsbInterface) -> str | None:
    """The kernel's driver that has the interface. None: nobody has it, a program has, or it is not known."""
    driver = known_or(interface.driver, None)
    return None if driver == "usbfs" else driver


def driver_of_device(facts: Facts, interface: UsbInterface) -> str | None:
    """The kernel's driver that has an interface of this device."""
    same = [it for it in known(facts.usb) if device_of(it) == device_of(interface)]
    return next(iter(sorted(filter(None, map(driver_of, same)))), None)


def keeps_scdaemon_out(facts: Facts, interface: UsbInterface) -> bool:
    """Whether the kernel's driver keeps scdaemon's own driver out as well, and that one has no other reader."""
    if driver_of(interface) is None or scdaemon.holds_a_card(facts) or scdaemon.ways_open(facts):
        return False
    return not (scdaemon.detaches(facts) and known(interface.accessible))


def keeps_all_out(facts: Facts, interface: UsbInterface) -> bool:
    """Whether the kernel's driver keeps scdaemon from its only reader by every way that it may go.

    libccid takes no interface from it, scdaemon's own driver does since 2.4.5.
    """
    if not interface.ccid or scdaemon.holds_a_card(facts):
        return False
    if scdaemon.path(facts) is not scdaemon.Path.PCSC and scdaemon.detaches(facts):
        return False
    if known(interface.driver) in (None, "usbfs"):
        return False
    devices = [it for it in known(facts.usb) if it.ccid and device_of(it) != device_of(interface)]
    return all(driver_of(it) is not None for it in devices)


def has_it(facts: Facts, index: int) -> Found:
    """Where no pcscd could tell that it does not list it: a driver of the kernel's keeps everybody out all the same."""
    interface = known(facts.usb)[index]
    return Found(
        severity="error",
        summary=text(
            "{reader} is on USB, and the kernel's driver {driver} has it: neither scdaemon nor pcscd takes it from "
            "there.",
            reader=name_of(interface),
            driver=public(str(driver_of_device(facts, interface))),
        ),
        effect=text('gpg says "No such device".'),
        because=(f"usb[{index}].driver", "gnupg.scdaemon_version"),
        cure=advise(*take_off(facts, interface)),
        headline=text("the kernel's driver {driver} has it", driver=public(str(driver_of_device(facts, interface)))),
    )


def take_off(facts: Facts, interface: UsbInterface) -> tuple[Advice, ...]:
    """Off with the kernel's driver: libccid has no call for that, and scdaemon's own driver only since 2.4.5."""
    kernel = driver_of_device(facts, interface)
    if kernel is None:
        return ()
    unload = advice(
        "Take the kernel's module off the reader first. A line `blacklist {module}` in a file below "
        "/etc/modprobe.d keeps it off after a restart.",
        ("sudo", "modprobe", "-r", kernel),
        module=public(kernel),
    )
    return (unload, *_by_scdaemon_itself(facts, interface))


def _by_scdaemon_itself(facts: Facts, interface: UsbInterface) -> tuple[Advice, ...]:
    """Where scdaemon's own driver would come first, and may not open the device."""
    is_off = any(setting.option == "disable-ccid" for setting in known_or(facts.configuration.in_force, ()))
    if is_off or not known_or(facts.gnupg.own_ccid_driver, False) or known_or(interface.accessible, True):
        return ()
    by_itself = (
        "Or let an administrator give your user the device: from 2.4.5 on scdaemon takes it from the kernel by itself."
    )
    return (advice(by_itself, ("gpgdoctor", "explain", "GD402")),)
