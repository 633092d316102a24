"""What is left of a reader's name, and of what reader-port has of it, means the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpgdoctor.facts import Facts, known
from gpgdoctor.report.json import dump
from gpgdoctor.rules import scdaemon
from gpgdoctor.snapshot import decode
from tests.support.build import machine, reader
from tests.support.documents import checked, outline, outlined, redacted

SERIALS = st.text("0123456789AB-", min_size=1, max_size=6)
NAMES = st.builds(
    "{} ({}) 0{} 00".format, st.sampled_from(("Yubico YubiKey", "Yubico", "SCR 3310 v2.0")), SERIALS, st.integers(0, 2)
)


def taken(facts: Facts) -> int | None:
    """The reader that scdaemon opens; None also where no reader has the number."""
    number = scdaemon.reader_taken(facts)
    return number if number in range(len(known(facts.readers))) else None


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.data(), st.sampled_from(("2.2.40", "2.4.7")))
def test_reader_port_takes_the_same_reader(names: list[str], data: st.DataObject, version: str) -> None:
    whole = data.draw(st.sampled_from(names))
    port = whole[: data.draw(st.integers(1, len(whole)))].strip() + data.draw(st.sampled_from(("", "", "7", "x", ")")))
    facts = machine(
        version=version, conf=f"disable-ccid\nreader-port {port}\n", readers=tuple(reader(name=name) for name in names)
    )
    before = checked(facts)
    after = redacted(facts)
    assert taken(decode(after["facts"])) == taken(facts)
    assert outline(after) == outlined(after) == outline(before)


def test_a_number_in_reader_port_stays_a_number() -> None:
    facts = machine(version="2.4.7", conf="disable-ccid\nreader-port 12345678\n")
    after = redacted(facts)
    assert "12345678" not in dump(after)
    assert outline(after) == outline(checked(facts)) and "GD105" in dump(after["findings"])


def test_the_identifier_on_usb_keeps_vendor_and_product() -> None:
    facts = machine(conf="reader-port 1050:0407:87654321:0\n")
    (setting,) = redacted(facts)["facts"]["configuration"]["in_force"]
    assert setting["value"] == "1050:0407:serial1:0"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Generic 3f9a01bc77e2 reader 00 00", "Generic serial1 reader 00 00"),
        ("Reader ABCDEF12AB 00", "Reader serial1 00"),
        ("Reader SN:12345 00", "Reader SN:serial1 00"),
        ("Reader s/n 4711 00", "Reader s/n serial1 00"),
        ("Reader of j.smith 00", "Reader of user1 00"),
        ("Yubico YubiKey OTP+FIDO+CCID 00 00", "Yubico YubiKey OTP+FIDO+CCID 00 00"),
        ("SCM Microsystems Inc. SCR3310 v2.0 00 00", "SCM Microsystems Inc. SCR3310 v2.0 00 00"),
        ("REINER SCT cyberJack RFID serial port 00", "REINER SCT cyberJack RFID serial port 00"),
        ("HP USB Smart Card Keyboard 04C4 00", "HP USB Smart Card Keyboard 04C4 00"),
        ("Identiv SCR3310v2 00 00", "Identiv SCR3310v2 00 00"),
        ("USB Serial ICC2024 00", "USB Serial ICC2024 00"),
        ("Reader serial no. 4711 00", "Reader serial no. 4711 00"),
        ("Reader serial: 4711 00", "Reader serial: serial1 00"),
        ("Alcor Micro AU9560 00 00", "Alcor Micro AU9560 00 00"),
    ],
)
def test_a_number_in_a_readers_name_is_told_from_its_model(name: str, kept: str) -> None:
    facts = machine(readers=(reader(name=name),), host={"user": "j.smith"})
    (found,) = redacted(facts)["facts"]["readers"]
    assert found["name"] == kept


@pytest.mark.parametrize("serial", ["3f9a01bc77e2", "ABCDEFAB12CD", "FSIJ-1.2.15-12", "123"])
def test_the_serial_number_on_usb_has_any_form(serial: str) -> None:
    facts = machine(conf=f"reader-port 20a0:4211:{serial}:0\n")
    assert serial not in dump(redacted(facts))


@pytest.mark.parametrize("port", ["1050:0407:X:0", "1050:0407:0", "1050:0407:"])
def test_an_identifier_without_a_serial_number_stays(port: str) -> None:
    (setting,) = redacted(machine(conf=f"reader-port {port}\n"))["facts"]["configuration"]["in_force"]
    assert setting["value"] == port
