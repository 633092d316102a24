"""Readers and tokens in a sysfs of files: what the kernel was told not to use, and whose rights count."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from gpgdoctor.collect import usb
from gpgdoctor.facts import BlockedDevice, Unknown
from gpgdoctor.system.ownership import may_read_and_write

LINUX = {"bDeviceClass": "09", "authorized": "1", "idVendor": "1d6b", "idProduct": "0002"}
YUBIKEY = {"idVendor": "1050", "idProduct": "0407", "product": "YubiKey OTP+FIDO+CCID", "busnum": "1", "devnum": "7"}


def plug_in(root: Path, name: str, **attributes: str) -> None:
    device = root / "sys/bus/usb/devices" / name
    device.mkdir(parents=True)
    for attribute, value in attributes.items():
        (device / attribute).write_text(f"{value}\n")


def test_a_device_that_is_not_authorized_is_blocked(tmp_path: Path) -> None:
    plug_in(tmp_path, "usb1", **LINUX)
    plug_in(tmp_path, "1-2", **YUBIKEY, authorized="0")
    plug_in(tmp_path, "1-3", **YUBIKEY, authorized="1")
    plug_in(tmp_path, "1-4", idVendor="046d", idProduct="c31c", authorized="0", product="Keyboard")
    blocked = (BlockedDevice(name="1-2", vendor="1050", product="0407", title="YubiKey OTP+FIDO+CCID"),)
    assert usb.blocked(str(tmp_path)) == blocked
    assert usb.interfaces(str(tmp_path)) == ()


def test_what_a_driver_lists_is_known_too(tmp_path: Path) -> None:
    plist = tmp_path / "usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist"
    plist.parent.mkdir(parents=True)
    ids = "<key>ifdVendorID</key><array><string>0x08E6</string></array>"
    ids += "<key>ifdProductID</key><array><string>0x3437</string></array>"
    plist.write_text(f'<plist version="1.0"><dict>{ids}</dict></plist>')
    plug_in(tmp_path, "2-1", idVendor="08e6", idProduct="3437", authorized="0")
    assert usb.blocked(str(tmp_path)) == (BlockedDevice(name="2-1", vendor="08e6", product="3437", title="USB reader"),)


def test_without_usb_nothing_is_blocked(tmp_path: Path) -> None:
    assert isinstance(usb.blocked(str(tmp_path)), Unknown)
    (tmp_path / "sys/bus").mkdir(parents=True)
    assert usb.blocked(str(tmp_path)) == ()


@pytest.mark.parametrize("removable", ["removable", "fixed", "unknown", None])
def test_whether_it_is_built_in(removable: str | None, tmp_path: Path) -> None:
    plug_in(tmp_path, "1-2", **YUBIKEY, **({"removable": removable} if removable else {}))
    plug_in(tmp_path, "1-2:1.2", bInterfaceClass="0b")
    found = usb.interfaces(str(tmp_path))
    assert not isinstance(found, Unknown)
    assert [interface.removable for interface in found] == [removable]


def test_pcscd_may_open_what_its_user_may(tmp_path: Path) -> None:
    plug_in(tmp_path, "1-2", **YUBIKEY)
    plug_in(tmp_path, "1-2:1.2", bInterfaceClass="0b")
    found = usb.interfaces(str(tmp_path))
    assert _of_pcscd(usb.as_open_to_pcscd(found, ())) is None, "none runs"
    gone = _of_pcscd(usb.as_open_to_pcscd(found, [os.getpid()]))
    assert isinstance(gone, Unknown) and "No such file" in gone.detail
    node = tmp_path / "dev/bus/usb/001/007"
    node.parent.mkdir(parents=True)
    node.touch()
    assert _of_pcscd(usb.as_open_to_pcscd(found, [os.getpid()])) is True
    assert isinstance(_of_pcscd(usb.as_open_to_pcscd(found, [2**22 + 1])), Unknown), "as whom it runs is not visible"


def _of_pcscd(interfaces: object) -> object:
    assert isinstance(interfaces, tuple)
    return interfaces[0].accessible_to_pcscd


ME, PCSCD, OTHER = 1000, 470, 471


@pytest.mark.parametrize(
    ("mode", "groups", "may"),
    [(0o664, {OTHER}, False), (0o664, {ME}, True), (0o666, set(), True), (0o606, {ME}, False), (0o660, set(), False)],
)
def test_the_mode_decides(mode: int, groups: set[int], may: bool, node: Path) -> None:
    node.chmod(mode)
    assert may_read_and_write(str(node), PCSCD, groups) is may
    assert may_read_and_write(str(node), 0, set()) is True, "root"


def test_its_owner_may_what_the_owner_may(node: Path) -> None:
    node.chmod(0o066)
    assert may_read_and_write(str(node), ME, {ME, OTHER}) is False


@pytest.mark.parametrize(
    ("entries", "may"),
    [
        (((0x02, 6, PCSCD), (0x10, 6, 0)), True),
        (((0x02, 6, PCSCD), (0x10, 4, 0)), False),  # the mask
        (((0x02, 4, PCSCD), (0x08, 6, OTHER), (0x10, 6, 0)), False),  # who is named is not judged by a group
        (((0x08, 6, OTHER), (0x10, 6, 0)), True),
        (((0x02, 6, 1234), (0x10, 6, 0)), False),
    ],
)
def test_an_access_list_decides_before_the_mode(
    entries: tuple[tuple[int, int, int], ...], may: bool, node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a uaccess rule of udev leaves it; not every file system of a test machine takes one."""
    whole = ((0x01, 6, 0), *entries, (0x04, 0, 0), (0x20, 0, 0))
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in whole)
    monkeypatch.setattr(os, "getxattr", lambda path, name: packed)
    assert may_read_and_write(str(node), PCSCD, {OTHER}) is may


@pytest.fixture
def node(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    path = tmp_path / "007"
    path.touch()
    os.chown(path, ME, ME)
    return path
