"""GD502 where a driver of the kernel's has the reader's interface."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Facts, PcscDriver
from gpgdoctor.system.record import replace
from tests.support.build import (
    FREE_ON_USB,
    OF_THE_KERNEL,
    ON_USB,
    machine,
    without_pcscd,
)
from tests.support.judging import advice_of, causes, finding, severity

ON_PCSC = "disable-ccid\n"
NO_LIBRARY = {"library": PcscDriver(name="libpcsclite.so.1", usable=False, reason="cannot open"), "installed": False}


def unlisted(*interfaces: Any, conf: str = ON_PCSC, **how: Any) -> Facts:
    return machine(**{"conf": conf, "readers": (), "usb": interfaces, **how})


ELSEWHERE = replace(FREE_ON_USB, name="1-5:1.0")


@pytest.mark.parametrize(
    ("version", "accessible", "conf", "expected"),
    [
        ("2.2.40", True, "", "error"),
        ("2.4.4", True, "", "error"),
        ("2.4.4", False, "", "error"),
        ("2.4.5", True, "", "info"),
        ("2.4.8", True, "compatibility-flags ccid-no-auto-detach\n", "error"),
        ("2.4.8", False, "", "error"),
        ("2.4.8", True, ON_PCSC, "error"),
    ],
)
def test_a_driver_of_the_kernels_comes_first(version: str, accessible: bool, conf: str, expected: str) -> None:
    """libccid never takes the interface from it, scdaemon's own driver from 2.4.5 on."""
    facts = unlisted(replace(OF_THE_KERNEL, accessible=accessible), conf=conf, version=version)
    assert (severity(facts, "GD502"), severity(facts, "GD402")) == (expected, None)
    assert "pn533_usb" in finding(facts, "GD502").found.summary.clear()
    assert "'modprobe', '-r', 'pn533_usb'" in advice_of(facts, "GD502")
    assert ("takes it from the kernel" in advice_of(facts, "GD502")) is not accessible


def test_where_scdaemon_has_another_reader_the_kernels_driver_does_no_harm() -> None:
    with_another = unlisted(OF_THE_KERNEL, replace(FREE_ON_USB, name="1-5:1.0"), conf="", version="2.4.4")
    assert severity(with_another, "GD502") == "info"
    with_a_card = machine(version="2.4.4", conf=ON_PCSC, usb=(ON_USB, OF_THE_KERNEL))
    assert severity(with_a_card, "GD502") in (None, "info")
    alone = without_pcscd(version="2.4.4", usb=(replace(OF_THE_KERNEL, accessible=False),))
    assert causes(alone) == {"GD402", "GD502"}, "it needs the device, and the device from the kernel"
    assert severity(alone, "GD402") == "error", "no pcscd to tell it of"
    closed = replace(OF_THE_KERNEL, accessible=False)
    without_drivers = machine(version="2.4.4", readers=(), usb=(closed,), pcscd={"drivers": False})
    assert severity(without_drivers, "GD402") == "error", "GD314 hides what pcscd does not list"


@pytest.mark.parametrize("pcscd", [{}, NO_LIBRARY, {"listener": "activator"}, {"service": "failed"}])
@pytest.mark.parametrize(
    ("version", "conf", "expected"),
    [
        ("2.2.27", "", "error"),
        ("2.4.4", "", "error"),
        ("2.4.5", "", None),
        ("2.4.8", "compatibility-flags ccid-no-auto-detach\n", "error"),
        ("2.4.8", ON_PCSC, "error"),
    ],
)
def test_without_pcscd_a_driver_of_the_kernels_keeps_scdaemon_out_all_the_same(
    pcscd: dict[str, Any], version: str, conf: str, expected: str | None
) -> None:
    facts = without_pcscd(version=version, conf=conf, usb=(OF_THE_KERNEL,), pcscd=pcscd)
    assert severity(facts, "GD502") == expected
    if expected:
        assert "pn533_usb" in finding(facts, "GD502").found.summary.clear()
        assert "'modprobe', '-r', 'pn533_usb'" in advice_of(facts, "GD502")
    with_another = without_pcscd(version=version, conf=conf, usb=(OF_THE_KERNEL, ELSEWHERE), pcscd=pcscd)
    assert severity(with_another, "GD502") is None


def test_a_driver_of_the_kernels_is_no_matter_to_a_scdaemon_that_is_not_there() -> None:
    facts = without_pcscd(usb=(OF_THE_KERNEL,), gnupg={"scdaemon_exists": False, "scdaemon_version": None})
    assert severity(facts, "GD502") is None
