"""GD107, GD110: files that cannot be read, and options that do nothing."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Unknown
from tests.support.build import COMMON_CONF, CONF, SYSTEM_CONF, machine, with_file
from tests.support.judging import finding, judged, severity, status

# -- GD107 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["unreadable", "not-regular", "binary", "encrypted", "template", "utf-16", "too-large"]
)
def test_a_file_that_is_no_configuration_is_found(kind: str) -> None:
    found = finding(with_file(machine(conf=""), CONF, status=kind, detail="why"), "GD107")
    assert (found.subject, found.found.severity) == (CONF, "error")
    assert "(why)" in found.found.summary.clear()


def test_what_is_absent_or_regular_can_be_read() -> None:
    assert status(machine(conf="disable-ccid\n"), "GD107") == "pass"
    dangling = with_file(machine(), CONF, detail="a symbolic link to nowhere, which does not exist")
    assert status(dangling, "GD107") == "skipped"


def test_common_conf_matters_to_those_who_read_it() -> None:
    unreadable = {"status": "unreadable", "detail": "Permission denied"}
    old, new = (with_file(machine(version=it, common_conf=""), COMMON_CONF, **unreadable) for it in ("2.2.40", "2.4.7"))
    assert (status(old, "GD107"), status(new, "GD107")) == ("skipped", "fail")


def test_who_manages_the_file_is_said() -> None:
    template = with_file(machine(conf=""), CONF, status="template", manager="chezmoi")
    cure = finding(template, "GD107").found.cure
    assert cure and "chezmoi" in cure.advice[0].text.clear()


# -- GD110 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["card-timeout 5", "ctapi-driver x", "allow-admin", "disable-keypad"])
def test_an_option_that_does_nothing_is_for_information(line: str) -> None:
    facts = machine(conf=f"disable-ccid\n{line}\n")
    assert (severity(facts, "GD110"), judged(facts).verdict) == ("info", "healthy")
    assert finding(facts, "GD110").because[0].value == line


def test_options_that_do_something_pass() -> None:
    assert status(machine(conf="disable-ccid\ndeny-admin\n# card-timeout 5\n"), "GD110") == "pass"


def test_disable_ccid_does_nothing_in_a_build_without_a_driver() -> None:
    assert severity(machine(conf="disable-ccid\n", own_driver=False), "GD110") == "info"
    assert severity(machine(conf="deny-admin\n", own_driver=False), "GD110") is None


def test_application_priority_is_for_later_versions() -> None:
    assert severity(machine(conf="application-priority openpgp\n"), "GD110") == "info"
    assert severity(machine(version="2.4.7", conf="disable-ccid\napplication-priority openpgp\n"), "GD110") is None


@pytest.mark.parametrize(
    ("port", "how", "expected"),
    [
        ("Yubico", {"version": "2.4.7"}, "info"),
        ("Yubico", {"version": "2.4.7", "readers": ()}, "info"),
        ("Yubico", {"version": "2.2.40"}, None),
        ("Gemalto", {"version": "2.4.7"}, None),  # which GD105 finds
        ("1", {"version": "2.4.7", "readers": ()}, None),
        ("Yubico: X", {"version": "2.4.7", "readers": ()}, None),
    ],
)
def test_a_name_in_reader_port_does_nothing_since_2_3(port: str, how: dict[str, Any], expected: str | None) -> None:
    assert severity(machine(conf=f"disable-ccid\nreader-port {port}\n", **how), "GD110") == expected


def test_a_name_in_reader_port_counts_for_scdaemons_own_driver_and_without_one() -> None:
    conf = "reader-port Yubico\n"
    assert severity(machine(version="2.4.7", conf=conf), "GD110") is None
    assert severity(machine(version="2.4.7", conf=conf, own_driver=False), "GD110") is None


def test_a_global_file_is_judged_as_well() -> None:
    assert finding(machine(system_conf="card-timeout 5\n"), "GD110").subject == SYSTEM_CONF


def test_options_that_nobody_judged_are_unknown() -> None:
    assert (
        status(machine(conf="card-timeout 5\n", gnupg={"scdaemon_options": Unknown.because("why")}), "GD110")
        == "unknown"
    )
