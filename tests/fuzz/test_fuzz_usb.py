"""What stands in sysfs and in the drivers' lists of readers is a matter of firmware and of packagers."""

from __future__ import annotations

import plistlib
import shutil
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from gpgdoctor.collect import usb
from gpgdoctor.system.record import replace
from tests.support.fuzzing import EVIL, attack, survives
from tests.support.specimens import machines

DRIVER = "usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist"
NUMBERS = st.sampled_from(
    ["1050", "0407", "08e6", "0", "-1", "zz", "0x1050", "1_0", "\u0661", "99999999999999999999", "\u00b2"]
)
ATTRIBUTES = (
    st.binary(max_size=12) | NUMBERS.map(str.encode) | EVIL.map(lambda text: text.encode(errors="surrogateescape"))
)
INTERFACE = st.fixed_dictionaries(
    {
        "bInterfaceClass": st.sampled_from([b"0b\n", b"0b", b"ff\n", b"03\n"]) | ATTRIBUTES,
        "idVendor": st.just(b"1050\n") | ATTRIBUTES,
        "idProduct": st.just(b"0407\n") | ATTRIBUTES,
    },
    optional={
        "busnum": st.just(b"1\n") | ATTRIBUTES,
        "devnum": st.just(b"2\n") | ATTRIBUTES,
        "product": ATTRIBUTES,
        "manufacturer": ATTRIBUTES,
        "serial": ATTRIBUTES,
    },
)
FOLDERS = st.sampled_from(["1-2:1.0", "1-2:1.1", "1-2.3:1.0", ":", "usb1:x", "1-2:\x1b[31m", "a" * 200 + ":1"])
TREES = st.dictionaries(FOLDERS, INTERFACE, max_size=3)

VALUES = st.text(max_size=6) | NUMBERS | st.integers(-(2**31), 2**63) | st.booleans() | st.binary(max_size=4)
LISTS = st.lists(NUMBERS | VALUES | st.lists(VALUES, max_size=2), max_size=3) | VALUES
DRIVERS = st.dictionaries(st.sampled_from(["ifdVendorID", "ifdProductID", "ifdFriendlyName", "x"]), LISTS, max_size=4)


def write_plist(content: dict[str, Any]) -> bytes:
    try:
        return plistlib.dumps(content)
    except (ValueError, TypeError, OverflowError):  # a control character, a number that is too long
        return b"<plist>"


def spoiled(content: bytes) -> st.SearchStrategy[bytes]:
    cuts = st.integers(0, len(content))
    return st.tuples(cuts, cuts, st.binary(max_size=8)).map(
        lambda change: content[: change[0]] + change[2] + content[change[1] :]
    )


BOMB = b'<!DOCTYPE plist [<!ENTITY a "' + b"x" * 1000 + b'">]><plist><dict><key>ifdVendorID</key><string>&a;</string>'
DEEP = st.integers(1, 60_000).map(lambda depth: b"<plist>" + b"<array>" * depth)
PLISTS = (
    DRIVERS.map(write_plist)
    | DRIVERS.map(write_plist).flatmap(spoiled)
    | DRIVERS.map(lambda it: plistlib.dumps({"ifdVendorID": ["0x1"], "x": str(it)}, fmt=plistlib.FMT_BINARY)).flatmap(
        spoiled
    )
    | st.binary(max_size=60).map(b"bplist00".__add__)
    | DEEP
    | st.sampled_from([BOMB, b"", b"<plist/>", b"<plist><string/></plist>", b"<plist><array/></plist>"])
)


def test_any_tree_of_usb_devices_can_be_read(tmp_path: Path) -> None:
    numbers = count()

    def look(chosen: tuple[dict[str, dict[str, bytes]], bytes]) -> None:
        root = tmp_path / str(next(numbers))  # the lists of drivers are read once for each root
        try:
            _furnish(root, *chosen)
            found = usb.as_open_to_pcscd(usb.interfaces(str(root)), ())
            for facts in machines().values():
                survives(replace(facts, usb=found))
        finally:
            shutil.rmtree(root, ignore_errors=True)

    attack(look, st.tuples(TREES, DRIVERS.map(write_plist)))


def _furnish(root: Path, tree: dict[str, dict[str, bytes]], plist: bytes) -> None:
    devices = root / "sys" / "bus" / "usb" / "devices"
    devices.mkdir(parents=True)
    for name, attributes in tree.items():
        for attribute, value in attributes.items():
            folder = devices / (name if attribute.startswith("bInterface") else name.partition(":")[0] or ".")
            folder.mkdir(exist_ok=True)
            (folder / attribute).write_bytes(value)
    driver = root / DRIVER
    driver.parent.mkdir(parents=True)
    driver.write_bytes(plist)


def test_any_list_of_readers_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "Info.plist"

    def look(content: bytes) -> None:
        path.write_bytes(content)
        for vendor, product in usb._devices_of(str(path)):
            assert isinstance(vendor, int)
            assert isinstance(product, int)

    attack(look, PLISTS)
