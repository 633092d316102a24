"""Readers and tokens on USB, as sysfs shows them. Nothing is opened."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection
from contextlib import suppress
from functools import cache

from gpgdoctor.collect.pcscd_program import BUNDLES, DRIVERS
from gpgdoctor.facts import BlockedDevice, Maybe, Unknown, UsbInterface
from gpgdoctor.system import ownership, proc
from gpgdoctor.system.record import replace

DEVICES = "/sys/bus/usb/devices"
CCID_CLASS = "0b"
NODES, MOST_NODES = "/dev/bus/usb", 1000
ATTRIBUTE_BYTES = 512
TITLE_LENGTH = 126  # of a string descriptor, in UTF-16
YUBICO = "1050"
# YubiKeys whose CCID interface is switched off, and those that have none (yubikit/core/__init__.py, PID).
YUBIKEYS_WITHOUT_CCID = ("0110", "0113", "0114", "0401", "0402", "0403")
# Tokens that gpg is used with, where no driver's list is there to tell (Debian's 60-scdaemon.rules; libccid 1.8.2).
TOKENS = {
    YUBICO: (*YUBIKEYS_WITHOUT_CCID, "0111", "0112", "0115", "0116", "0404", "0405", "0406", "0407"),
    "20a0": ("4107", "4108", "4109", "4211", "42b2"),  # Crypto Stick, Nitrokey
    "234b": ("0000",),  # Gnuk
    "1209": ("2440",),  # Gnuk
    "316d": ("4c4b",),  # Librem Key
}
PLIST_BYTES = 1 << 20
# What plistlib raises for malformed lists: an unknown encoding, a number that is not one.
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_ID = re.compile(r"[0-9A-Fa-f]{4}")


def interfaces(root: str = "") -> Maybe[tuple[UsbInterface, ...]]:
    """Every CCID interface, every interface of class ff that a PC/SC driver lists, and YubiKeys without either.

    Empty where there is no USB.
    """
    names = _names(root)
    if isinstance(names, Unknown):
        return names
    found = (_interface(root, f"{root}{DEVICES}", name) for name in names if ":" in name)
    return tuple(interface for interface in found if interface is not None)


def _names(root: str) -> Maybe[list[str]]:
    """What sysfs lists: devices, and with a colon in their names interfaces."""
    top = f"{root}{DEVICES}"
    if not os.path.isdir(top):
        return [] if os.path.isdir(f"{root}/sys/bus") else Unknown.because("/sys is not mounted")
    try:
        return sorted(os.listdir(top))
    except OSError as error:
        return Unknown.because(f"{top}: {error.strerror}")


def _interface(root: str, top: str, name: str) -> UsbInterface | None:
    kind = _attribute(f"{top}/{name}/bInterfaceClass")
    device = f"{top}/{name.partition(':')[0]}"
    vendor, product = _id(f"{device}/idVendor"), _id(f"{device}/idProduct")
    if vendor is None or product is None:
        return None
    without_ccid = vendor == YUBICO and product in YUBIKEYS_WITHOUT_CCID and name.endswith(":1.0")
    if kind not in (CCID_CLASS, "ff") and not without_ccid:
        return None
    listed = in_libccid(vendor, product, root)
    if kind == "ff" and listed is not True:
        return None
    node = _node(root, device)
    return UsbInterface(
        name=name,
        vendor=vendor,
        product=product,
        title=(_attribute(f"{device}/product") or "USB reader")[:TITLE_LENGTH],
        ccid=kind == CCID_CLASS,
        driver=_driver(f"{top}/{name}/driver"),
        node=node,
        accessible=node if isinstance(node, Unknown) else os.access(node, os.R_OK | os.W_OK),
        in_libccid=listed,
        removable=_attribute(f"{device}/removable") or None,
    )


def blocked(root: str = "") -> Maybe[tuple[BlockedDevice, ...]]:
    """The readers and tokens that the kernel was told not to use: it shows no interfaces for them."""
    names = _names(root)
    if isinstance(names, Unknown):
        return names
    found = (_blocked(f"{root}{DEVICES}/{name}", name, root) for name in names if ":" not in name)
    return tuple(device for device in found if device is not None)


def _blocked(device: str, name: str, root: str) -> BlockedDevice | None:
    if _attribute(f"{device}/authorized") != "0":
        return None
    vendor, product = _id(f"{device}/idVendor"), _id(f"{device}/idProduct")
    if vendor is None or product is None or not _is_known(vendor.lower(), product.lower(), root):
        return None
    title = (_attribute(f"{device}/product") or "USB reader")[:TITLE_LENGTH]
    return BlockedDevice(name=name, vendor=vendor, product=product, title=title)


def _is_known(vendor: str, product: str, root: str) -> bool:
    return in_libccid(vendor, product, root) is True or product in TOKENS.get(vendor, ())


def as_open_to_pcscd(
    interfaces: Maybe[tuple[UsbInterface, ...]], daemons: Collection[int]
) -> Maybe[tuple[UsbInterface, ...]]:
    """The interfaces with what pcscd's user may do with them; ``daemons`` are its pids."""
    if isinstance(interfaces, Unknown):
        return interfaces
    if not daemons:
        return tuple(replace(it, accessible_to_pcscd=None) for it in interfaces)
    rights = proc.acts_as(next(iter(daemons)))
    return tuple(replace(it, accessible_to_pcscd=_may_open(it.node, rights)) for it in interfaces)


def _may_open(node: Maybe[str], rights: tuple[int, set[int]] | None) -> Maybe[bool]:
    if rights is None:
        return Unknown.because("as whom pcscd runs is not visible")
    if isinstance(node, Unknown):
        return node
    try:
        return ownership.may_read_and_write(node, *rights)
    except OSError as error:
        return Unknown.because(f"{node}: {error.strerror}")


def open_to_me() -> Maybe[tuple[str, ...]]:
    """The nodes of all USB devices that this user may read and write; none is opened."""
    nodes = sorted(glob.glob(f"{NODES}/*/*"))[:MOST_NODES]
    return tuple(node for node in nodes if os.access(node, os.R_OK | os.W_OK))


def as_open(
    interfaces: Maybe[tuple[UsbInterface, ...]], nodes: Maybe[tuple[str, ...]]
) -> Maybe[tuple[UsbInterface, ...]]:
    """The interfaces with what another user may do with them, who may open ``nodes``."""
    if isinstance(interfaces, Unknown):
        return interfaces
    return tuple(replace(it, accessible=_is_among(it.node, nodes)) for it in interfaces)


def _is_among(node: Maybe[str], nodes: Maybe[tuple[str, ...]]) -> Maybe[bool]:
    if isinstance(node, Unknown):
        return node
    return nodes if isinstance(nodes, Unknown) else node in nodes


def _attribute(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(ATTRIBUTE_BYTES).decode("utf-8", errors="surrogateescape").strip()
    except OSError:
        return None


def _id(path: str) -> str | None:
    """Four hexadecimal digits; None for anything else, as while a device is being removed."""
    text = _attribute(path)
    return text if text is not None and _ID.fullmatch(text) else None


def _driver(link: str) -> str | None:
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return None


def _node(root: str, device: str) -> Maybe[str]:
    bus, number = _attribute(f"{device}/busnum"), _attribute(f"{device}/devnum")
    if bus is None or number is None or not (bus.isdigit() and number.isdigit()):
        return Unknown.because("sysfs does not tell the device's number")
    return f"{root}/dev/bus/usb/{int(bus):03d}/{int(number):03d}"


def in_libccid(vendor: str, product: str, root: str = "") -> Maybe[bool]:
    """Whether a PC/SC driver lists the device: pcscd uses these lists, the class alone is not enough."""
    listed = _listed(root)
    return listed if isinstance(listed, Unknown) else (int(vendor, 16), int(product, 16)) in listed


@cache
def _listed(root: str) -> Maybe[frozenset[tuple[int, int]]]:
    paths = [path for place in DRIVERS for path in glob.glob(f"{root}{place}/{BUNDLES}")]
    if not paths:
        return Unknown.because("no driver of pcscd is installed here")
    found: set[tuple[int, int]] = set()
    for path in paths:
        found.update(_devices_of(path))
    return frozenset(found)


def _devices_of(path: str) -> set[tuple[int, int]]:
    import plistlib
    from xml.parsers.expat import ExpatError

    with suppress(*_UNREADABLE, ExpatError), open(path, "rb") as file:
        plist = plistlib.loads(file.read(PLIST_BYTES))
        pairs = zip(plist.get("ifdVendorID", []), plist.get("ifdProductID", []), strict=False)
        return {(int(vendor, 16), int(product, 16)) for vendor, product in pairs}
    return set()
