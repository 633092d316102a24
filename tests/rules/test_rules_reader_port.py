"""GD105: what reader-port means to which scdaemon."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Facts, Unknown
from tests.support.build import FREE_ON_USB, NITROKEY, ON_USB, RUNNING, machine, reader, without_pcscd
from tests.support.judging import causes, changed_lines, finding, severity, status

TWO = (reader(), reader(name=NITROKEY))
BY_NAME, BY_ID, ANOTHER = "Yubico Yubi", "1050:0407:X:0", "Gemalto"


def through_pcsc(version: str, port: str, **how: Any) -> Facts:
    return machine(version=version, conf=f"disable-ccid\nreader-port {port}\n", **how)


def by_own_driver(version: str, port: str, **how: Any) -> Facts:
    return without_pcscd(version=version, conf=f"reader-port {port}\n", **how)


def test_without_reader_port_there_is_nothing_to_judge() -> None:
    assert status(machine(), "GD105") == "skipped"


@pytest.mark.parametrize(
    ("version", "port", "expected"),
    [
        ("2.2.40", BY_NAME, None),
        ("2.2.40", "yubico", "warning"),  # case matters
        ("2.2.40", "YubiKey", "warning"),  # only the beginning counts
        ("2.2.40", BY_ID, "warning"),
        ("2.2.40", "1", "warning"),
        ("2.4.7", BY_NAME, None),
        ("2.4.7", ANOTHER, "warning"),
        ("2.4.7", BY_ID, "error"),
        ("2.4.7", "1", None),
        ("2.4.7", "2", "error"),
        ("2.4.7", "1:X", "error"),
    ],
)
def test_with_two_readers_of_pcscd(version: str, port: str, expected: str | None) -> None:
    assert severity(through_pcsc(version, port, readers=TWO), "GD105") == expected


@pytest.mark.parametrize(
    ("version", "port", "expected"),
    [
        ("2.4.7", BY_ID, None),
        ("2.4.7", "1050", None),
        ("2.4.7", "20A0:4108:X:0", "error"),
        ("2.4.7", BY_NAME, "error"),
        ("2.2.40", BY_ID, None),
        ("2.2.40", BY_NAME, "error"),
        ("2.2.40", "1", "error"),
        ("2.2.40", "0", "error"),
    ],
)
def test_with_one_reader_of_scdaemons_own_driver(version: str, port: str, expected: str | None) -> None:
    assert severity(by_own_driver(version, port), "GD105") == expected


def test_2_2_turns_to_pcscd_with_a_name_that_its_own_driver_does_not_know() -> None:
    assert severity(machine(conf=f"reader-port {BY_NAME}\n"), "GD105") is None
    assert severity(machine(conf=f"reader-port {ANOTHER}\n"), "GD105") == "warning"


def test_2_2_does_not_turn_to_pcscd_with_an_identifier_of_its_own_driver() -> None:
    assert severity(machine(conf=f"reader-port {BY_ID}\n", usb=()), "GD105") == "error"
    assert severity(machine(conf=f"reader-port {BY_ID}\n"), "GD105") is None
    assert severity(machine(conf="reader-port 1050:\n", usb=()), "GD105") == "warning"
    assert severity(machine(conf="reader-port 1\n", usb=()), "GD105") == "warning"
    assert severity(machine(conf="reader-port 20A0:4108:X:0\n"), "GD105") == "warning"
    assert severity(machine(conf="reader-port Gemalto:X\n", usb=()), "GD105") == "warning"
    assert status(machine(conf=f"reader-port {BY_ID}\n", usb=(), readers=()), "GD105") == "skipped"


def test_2_2_counts_its_own_readers() -> None:
    two = (FREE_ON_USB, FREE_ON_USB)
    assert severity(by_own_driver("2.2.40", "1", usb=two), "GD105") is None
    assert severity(by_own_driver("2.2.40", "2", usb=two), "GD105") == "error"


def test_a_build_without_a_driver_goes_by_the_name() -> None:
    assert severity(machine(version="2.4.7", conf=f"reader-port {BY_NAME}\n", own_driver=False), "GD105") is None
    assert severity(machine(version="2.4.7", conf=f"reader-port {ANOTHER}\n", own_driver=False), "GD105") == "error"


def test_where_scdaemon_then_finds_nothing_the_lines_are_commented_out() -> None:
    facts = machine(version="2.4.7", conf=f"reader-port {BY_NAME}\ndisable-ccid\nreader-port {BY_ID}\n")
    assert changed_lines(facts, "GD105") == {1: None, 3: None}
    assert changed_lines(through_pcsc("2.2.40", ANOTHER), "GD105") == {}


def test_where_scdaemon_has_a_card_it_found_a_reader() -> None:
    held = (reader("PRESENT", "INUSE"),)
    assert severity(through_pcsc("2.4.7", BY_ID, readers=held, running=RUNNING), "GD105") is None


def test_what_scdaemon_does_instead_is_said() -> None:
    old, new = (finding(through_pcsc(it, ANOTHER), "GD105").found.summary.clear() for it in ("2.2.40", "2.4.7"))
    assert old.endswith("so scdaemon takes the first reader.") and new.endswith("so scdaemon tries every reader.")


def test_a_reader_that_was_taken_instead_is_still_another_one() -> None:
    held = (reader("PRESENT", "EXCLUSIVE", probe="refused"),)
    assert severity(through_pcsc("2.2.40", ANOTHER, readers=held, running=RUNNING), "GD105") == "warning"


def test_what_was_compared_is_shown() -> None:
    def places(facts: Facts) -> list[str]:
        return [it.fact for it in finding(facts, "GD105").because][1:]

    assert places(through_pcsc("2.2.40", ANOTHER)) == ["readers[0].name"]
    assert places(by_own_driver("2.4.7", ANOTHER)) == places(by_own_driver("2.2.40", ANOTHER)) == ["usb"]
    beside_pcscd = machine(version="2.4.7", conf=f"reader-port {ANOTHER}\n", usb=(FREE_ON_USB,))
    assert places(beside_pcscd) == ["usb"]


def test_where_no_reader_is_there_nothing_can_match() -> None:
    assert status(through_pcsc("2.2.40", ANOTHER, readers=()), "GD105") == "skipped"
    assert status(by_own_driver("2.4.7", ANOTHER, usb=()), "GD105") == "skipped"


def test_a_pcscd_that_is_of_no_use_hides_nothing() -> None:
    stale = {"socket_file": "socket", "refused": True}
    assert causes(by_own_driver("2.4.7", ANOTHER, pcscd=stale)) == {"GD105"}


def test_without_the_list_of_readers_it_is_unknown() -> None:
    assert status(through_pcsc("2.2.40", ANOTHER, readers=Unknown.because("pcscd is asleep")), "GD105") == "unknown"


def test_where_pcscd_has_the_reader_that_comes_first() -> None:
    assert causes(machine(version="2.4.7", conf=f"reader-port {BY_NAME}\n", usb=(ON_USB,))) == {"GD205"}


def test_a_name_that_is_ignored_is_not_to_be_written_better() -> None:
    def advice(version: str) -> str:
        cure = finding(through_pcsc(version, ANOTHER), "GD105").found.cure
        assert cure is not None
        return cure.advice[0].text.clear()

    assert "begin as one of these names" in advice("2.2.40")
    assert "begin as one of these names" not in advice("2.4.7")
