"""What is left of a reader's name, and of what reader-port has of it, means the same."""

from __future__ import annotations

from build import machine, reader
from documents import checked, outline
from hypothesis import given, settings
from hypothesis import strategies as st
from test_redact import outlined

from gpgdoctor.facts import Facts, known
from gpgdoctor.report.json import dump
from gpgdoctor.report.redact import redact
from gpgdoctor.rules import scdaemon
from gpgdoctor.snapshot import decode

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
    after = redact(before)
    assert taken(decode(after["facts"])) == taken(facts)
    assert outline(after) == outlined(after) == outline(before)


def test_a_number_in_reader_port_stays_a_number() -> None:
    facts = machine(version="2.4.7", conf="disable-ccid\nreader-port 12345678\n")
    after = redact(checked(facts))
    assert "12345678" not in dump(after)
    assert outline(after) == outline(checked(facts)) and "GD105" in dump(after["findings"])


def test_the_identifier_on_usb_keeps_vendor_and_product() -> None:
    facts = machine(conf="reader-port 1050:0407:87654321:0\n")
    (setting,) = redact(checked(facts))["facts"]["configuration"]["in_force"]
    assert setting["value"] == "1050:0407:serial1:0"
