"""GD5xx: is there a reader, is there a card, does either answer?"""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Facts, LogEvent, PcscDriver, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import (
    FREE_ON_USB,
    IN_USE,
    NITROKEY,
    OF_THE_KERNEL,
    ON_USB,
    PCSCD,
    RUNNING,
    client,
    connection,
    machine,
    reader,
    without_pcscd,
)
from tests.support.judging import advice_of, causes, checks, finding, judged, severity, status

ON_PCSC = "disable-ccid\n"
EMPTY = reader("EMPTY")
LOST = replace(reader(), state=Unknown.because("PC/SC did not tell"))
BUILT_IN = replace(ON_USB, name="1-5:1.0", vendor="058f", product="9540", title="EMV Smartcard Reader")
NO_LIBRARY = {"library": PcscDriver(name="libpcsclite.so.1", usable=False, reason="cannot open"), "installed": False}
WITHOUT_CCID = replace(FREE_ON_USB, name="1-4:1.0", product="0402", title="YubiKey FIDO", ccid=False, in_libccid=False)


# -- GD501, GD503, GD504, GD505 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["GD501", "GD502", "GD503", "GD504", "GD505"])
def test_a_reader_with_a_card_passes(id: str) -> None:
    assert status(machine(), id) == "pass"


def test_no_reader_anywhere() -> None:
    assert causes(machine(readers=(), usb=())) == {"GD501"}
    assert severity(machine(readers=(), usb=(FREE_ON_USB,)), "GD501") is None
    assert status(machine(readers=Unknown.because("why"), usb=()), "GD501") == "unknown"
    assert status(machine(readers=(), usb=Unknown.because("/sys is not mounted")), "GD501") == "unknown"


def test_where_no_reader_is_on_usb_a_pcscd_that_sleeps_hides_none() -> None:
    version = "2.4.7"
    asleep = {"listener": "activator"}
    unasked = Unknown.because("pcscd is asleep")
    facts = without_pcscd(version=version, usb=(), readers=unasked, pcscd=asleep)
    assert (judged(facts).complete, severity(facts, "GD501")) == (True, "warning")
    assert "asleep" in finding(facts, "GD501").found.summary.clear()
    plugged = without_pcscd(version=version, usb=(FREE_ON_USB,), readers=unasked, pcscd=asleep)
    assert severity(plugged, "GD501") is None
    through_pcsc = without_pcscd(version=version, conf=ON_PCSC, usb=(), readers=unasked, pcscd=asleep)
    assert status(through_pcsc, "GD501") == status(through_pcsc, "GD503") == "unknown", "it alone would know"
    turning = without_pcscd(version="2.2.40", usb=(), readers=unasked, pcscd=asleep)
    assert status(turning, "GD501") == "unknown", "it would wake pcscd, which may have a reader that is not on USB"


SECURITY_KEY = replace(WITHOUT_CCID, title="Security Key by Yubico")


def test_a_security_key_has_no_card_function_to_switch_on() -> None:
    for pcscd in ({}, NO_LIBRARY):
        alone = without_pcscd(version="2.4.7", usb=(SECURITY_KEY,), pcscd=pcscd)
        assert causes(alone) == {"GD501"}
        assert "has no card" in str(finding(alone, "GD501").found.note)
        assert severity(without_pcscd(version="2.4.7", usb=(WITHOUT_CCID,), pcscd=pcscd), "GD502") == "warning"
    assert judged(machine(usb=(SECURITY_KEY, ON_USB))).verdict == "healthy"


def test_without_pcscd_and_without_a_driver_the_service_comes_first() -> None:
    facts = without_pcscd(conf=ON_PCSC, usb=())
    assert (causes(facts), status(facts, "GD501")) == ({"GD301"}, "skipped")
    assert causes(without_pcscd(version="2.4.7", usb=())) == {"GD501"}


def test_the_reader_that_scdaemon_insists_on_is_empty() -> None:
    two = (EMPTY, reader(name=NITROKEY))
    found = finding(machine(readers=two), "GD506").found
    assert found.severity == "error" and found.summary.clear().startswith(f"scdaemon takes {EMPTY.name}")
    assert found.cure is not None and found.cure.options == ("reader-port Nitrokey Nitrokey",)
    assert severity(machine(readers=two, conf="reader-port Nitrokey\n"), "GD506") is None
    assert severity(machine(version="2.4.7", conf=ON_PCSC, readers=two), "GD506") is None
    assert severity(machine(readers=two, usb=(FREE_ON_USB,)), "GD506") is None, "its own driver tries every reader"


def test_a_card_in_the_taken_reader_may_be_the_other_one() -> None:
    two = (reader(), reader(name=NITROKEY))
    assert (severity(machine(readers=two), "GD506"), judged(machine(readers=two)).verdict) == ("info", "healthy")
    assert severity(machine(readers=two, running=RUNNING), "GD506") is None


def test_empty_readers_are_for_information() -> None:
    facts = machine(readers=(EMPTY, replace(EMPTY, name=NITROKEY)))
    assert (severity(facts, "GD503"), judged(facts).verdict) == ("info", "healthy")
    assert severity(machine(readers=(reader(name=NITROKEY), EMPTY)), "GD503") is None


def test_the_reader_that_scdaemon_takes_is_empty() -> None:
    # Version 2.2 takes the first reader, whatever is in it; since 2.3 it goes on to the next one.
    facts = machine(readers=(EMPTY, reader(name=NITROKEY)))
    assert causes(facts) == {"GD506"}
    assert status(machine(readers=(LOST,)), "GD503") == "unknown"


def test_a_mute_card() -> None:
    facts = machine(readers=(reader(name=NITROKEY), reader("PRESENT", "MUTE")))
    assert causes(facts) == {"GD504"}
    assert finding(facts, "GD504").subject == reader().name
    assert status(machine(readers=(LOST,)), "GD504") == "unknown"


def test_a_reader_that_is_gone() -> None:
    assert causes(machine(readers=(reader("UNAVAILABLE"),))) == {"GD505"}
    assert status(machine(readers=(LOST,)), "GD505") == "unknown"


# -- GD502 -------------------------------------------------------------------------------------------------------


def unlisted(*interfaces: Any, conf: str = ON_PCSC, **how: Any) -> Facts:
    return machine(**{"conf": conf, "readers": (), "usb": interfaces, **how})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"driver": None, "in_libccid": False}, "do not know the product 1050:0407"),
        ({"driver": None}, "it may have been in use or closed to pcscd"),
        ({"driver": "pn533_usb"}, "the kernel's driver pn533_usb has it"),
        ({"driver": "usbfs"}, "another program has claimed it"),
    ],
)
def test_a_reader_that_pcscd_does_not_list(change: dict[str, Any], why: str) -> None:
    facts = unlisted(replace(ON_USB, **change))
    assert causes(facts) == {"GD502"}
    assert why in finding(facts, "GD502").found.summary.clear()


def test_it_is_for_information_where_scdaemon_has_another_way() -> None:
    assert severity(unlisted(FREE_ON_USB, conf="", version="2.4.7"), "GD502") == "info"
    assert severity(unlisted(FREE_ON_USB, conf=""), "GD502") == "info"
    another_with_a_card = machine(conf=ON_PCSC, usb=(ON_USB, replace(BUILT_IN, driver=None)))
    assert severity(another_with_a_card, "GD502") == "info"


def test_a_listed_reader_need_not_be_called_as_on_usb() -> None:
    assert severity(machine(usb=(BUILT_IN,), readers=(reader(name="Alcor Micro AU9540 00 00"),)), "GD502") is None
    both = machine(usb=(ON_USB, BUILT_IN), readers=(reader(), reader("EMPTY", name="Alcor Micro AU9540 00 00")))
    assert {check.status for check in checks(both, "GD502")} == {"pass"}


def test_what_helps_depends_on_why() -> None:
    def advised(facts: Facts) -> str:
        cure = finding(facts, "GD502").found.cure
        assert cure is not None
        return cure.advice[0].text.clear()

    assert "libccid" in advised(unlisted(replace(FREE_ON_USB, in_libccid=False)))
    assert "cuts its other programs off" in advised(unlisted(FREE_ON_USB))


def test_where_pcscd_does_not_know_the_product_scdaemon_may_do_without_it() -> None:
    facts = unlisted(replace(FREE_ON_USB, in_libccid=False), version="2.4.7")
    cure = finding(facts, "GD502").found.cure
    assert cure is not None and [change.text for change in cure.changes] == [None]


def test_a_built_in_reader_cannot_be_plugged_in_again() -> None:
    cure = finding(unlisted(replace(FREE_ON_USB, removable="fixed")), "GD502").found.cure
    assert cure is not None and not any(
        "Plug" in advice.text.clear() or "plug" in advice.text.clear() for advice in cure.advice
    )


def test_the_log_says_why_it_was_not_opened() -> None:
    busy = {"log": (LogEvent(kind="open-failed", code="BUSY", age=60.0),)}
    assert "LIBUSB_ERROR_BUSY" in finding(unlisted(FREE_ON_USB, pcscd=busy), "GD502").found.summary.clear()


def test_a_claimed_reader_without_a_name_is_not_taken_for_a_listed_one() -> None:
    nameless = replace(BUILT_IN, title="")
    assert severity(machine(usb=(ON_USB, nameless)), "GD502") == "info"


def test_which_of_two_is_not_listed_can_be_unknown() -> None:
    two = (BUILT_IN, replace(BUILT_IN, name="1-6:1.0", title="Another Reader"))
    facts = machine(usb=two, readers=(reader(name="Alcor Micro AU9540 00 00"),))
    assert {check.status for check in checks(facts, "GD502")} == {"unknown"}


def test_a_reader_that_scdaemon_has_by_its_own_driver_works() -> None:
    facts = machine(version="2.4.7", readers=(), running=RUNNING, pcscd={"connections": ()})
    assert (status(facts, "GD502"), causes(facts)) == ("skipped", {"GD208"})
    found = finding(facts, "GD208").found
    assert found.severity == "warning" and found.cure is not None and found.cure.options == ("disable-ccid",)


def test_a_reader_of_scdaemons_own_driver_is_no_harm_where_no_pcscd_runs() -> None:
    facts = without_pcscd(version="2.4.7", running=RUNNING, usb=(ON_USB,))
    assert (severity(facts, "GD208"), judged(facts).verdict) == ("info", "healthy")


def test_who_waits_for_a_reader_of_scdaemons_own_driver_makes_it_an_error() -> None:
    firefox = client("firefox")
    only = {"connections": (connection(firefox),)}
    facts = machine(version="2.4.7", readers=(), running=RUNNING, clients=(firefox,), pcscd=only)
    assert severity(facts, "GD208") == "error"


def test_a_product_that_pcscd_does_not_know_is_no_loss_to_it() -> None:
    unknown = (replace(ON_USB, in_libccid=False),)
    facts = machine(version="2.4.7", readers=(), running=RUNNING, usb=unknown, pcscd={"connections": ()})
    found = finding(facts, "GD208").found
    assert (found.severity, found.cure) == ("info", None)


def test_other_interfaces_of_a_listed_device_are_no_matter() -> None:
    more = (replace(FREE_ON_USB, name="1-2:1.0", ccid=False), replace(FREE_ON_USB, name="1-2:1.3"))
    assert status(machine(usb=(*more, ON_USB)), "GD502") == "pass"
    assert status(machine(usb=(*more, ON_USB), readers=(IN_USE,), conf="pcsc-shared\n"), "GD502") == "pass"


def test_without_pcscd_nobody_lists_it() -> None:
    assert status(without_pcscd(), "GD502") == "skipped"
    assert status(unlisted(replace(ON_USB, driver=Unknown.because("no sysfs"))), "GD502") == "unknown"


def test_a_token_without_its_card_interface() -> None:
    assert causes(without_pcscd(version="2.4.7", usb=(WITHOUT_CCID,))) == {"GD502"}
    assert severity(machine(readers=(), usb=(WITHOUT_CCID,)), "GD502") == "warning"
    assert severity(machine(readers=(), usb=(WITHOUT_CCID,), gnupg={"card_keys": 3}), "GD502") == "error"
    assert severity(without_pcscd(version="2.4.7", usb=(WITHOUT_CCID, FREE_ON_USB)), "GD502") is None
    proprietary = replace(FREE_ON_USB, ccid=False)
    assert severity(without_pcscd(version="2.4.7", usb=(WITHOUT_CCID, proprietary)), "GD502") is None
    assert severity(machine(usb=(WITHOUT_CCID,)), "GD502") is None
    with_another = machine(usb=(WITHOUT_CCID, ON_USB))
    assert {check.status for check in checks(with_another, "GD502")} == {"pass"}


OTP_ONLY = replace(WITHOUT_CCID, product="0401", title="Yubikey 4 OTP")


@pytest.mark.parametrize("version", ["2.2.19", "2.4.4", "2.4.7"])
@pytest.mark.parametrize(("keys", "expected"), [(0, "warning"), (3, "error")])
@pytest.mark.parametrize("conf", ["", ON_PCSC])
def test_nothing_about_pcscd_explains_a_token_that_is_switched_off(
    version: str, keys: int, expected: str, conf: str
) -> None:
    facts = without_pcscd(version=version, conf=conf, usb=(OTP_ONLY,), gnupg={"card_keys": keys}, pcscd=NO_LIBRARY)
    assert severity(facts, "GD502") == expected
    assert severity(facts, "GD305") == ("error" if conf else "info")
    asleep = without_pcscd(version=version, conf=conf, usb=(OTP_ONLY,), pcscd={"listener": "activator"})
    assert severity(asleep, "GD502") == "warning"


def test_a_token_that_is_switched_off_is_no_matter_where_scdaemon_has_a_card() -> None:
    unlisted_here = Unknown.because("pcscd refuses this session")
    facts = machine(running=RUNNING, usb=(OTP_ONLY,), readers=unlisted_here, pcscd={"connections": ()})
    assert severity(facts, "GD502") is None


def test_a_token_that_is_switched_off_beside_empty_readers() -> None:
    """A built-in reader without a card explains nothing to who has keys on one."""

    def beside(keys: int, readers: Any = (EMPTY,)) -> str | None:
        return severity(machine(usb=(OTP_ONLY, BUILT_IN), readers=readers, gnupg={"card_keys": keys}), "GD502")

    assert (beside(3), beside(0)) == ("warning", None)
    assert beside(3, readers=(reader(),)) is None, "a card is there"
    assert beside(3, readers=Unknown.because("pcscd refuses")) is None, "one may be there"


def test_without_gpgconf_it_is_for_information() -> None:
    missing = Unknown.because("gpgconf does not name the directories")
    facts = machine(usb=(OF_THE_KERNEL,), readers=(), gnupg={"gpgconf": None, "running": missing})
    facts = replace(facts, configuration=replace(facts.configuration, in_force=missing))
    assert severity(facts, "GD502") == "info" and severity(facts, "GD307") == "error"


# -- GD502: who has it, and what helps ---------------------------------------------------------------------------

TOO_NEW = replace(FREE_ON_USB, vendor="20a0", product="42b2", title="Nitrokey 3", accessible=False, in_libccid=False)
OF_THE_SNAP = replace(PCSCD, pid=510, executable="/snap/yubioath-desktop/12/usr/sbin/pcscd")


def test_a_product_that_libccid_does_not_know_is_told_beside_a_closed_node() -> None:
    facts = machine(readers=(), usb=(TOO_NEW,))
    assert causes(facts) == {"GD402", "GD502"}
    assert "its drivers do not know" in advice_of(facts, "GD402") and "disable-ccid" not in advice_of(facts, "GD402")
    closed = machine(readers=(), usb=(replace(TOO_NEW, in_libccid=True),))
    assert causes(closed) == {"GD402", "GD502"}, "2.2 would turn to pcscd"
    assert "disable-ccid" not in advice_of(closed, "GD402"), "pcscd does not list it"
    assert "run pcscd" not in advice_of(closed, "GD402"), "it runs"
    assert "run pcscd" in advice_of(without_pcscd(version="2.4.7", usb=(replace(TOO_NEW, in_libccid=True),)), "GD402")


def leads(facts: Facts) -> str:
    return judged(facts).findings[0].id


def test_what_keeps_pcscd_from_the_reader_is_told_before_the_closed_node() -> None:
    closed = replace(TOO_NEW, in_libccid=True)
    assert leads(machine(readers=(), usb=(TOO_NEW,))) == "GD502", "libccid does not know it"
    assert leads(machine(readers=(), usb=(closed,))) == "GD502", "2.2 would turn to pcscd"
    of_the_kernel = replace(OF_THE_KERNEL, accessible=False)
    assert leads(without_pcscd(version="2.4.4", usb=(of_the_kernel,))) == "GD502"
    assert leads(without_pcscd(version="2.2.40", usb=(TOO_NEW,))) == "GD402", "no pcscd runs"


def test_a_closed_node_explains_it_only_to_a_scdaemon_that_does_not_ask_pcscd() -> None:
    closed = replace(TOO_NEW, in_libccid=True)
    by_own_driver_alone = unlisted(closed, conf="", version="2.4.4")
    assert causes(by_own_driver_alone) == {"GD402"}
    assert "disable-ccid" not in advice_of(by_own_driver_alone, "GD402"), "pcscd does not list it"
    turns_to_pcscd = unlisted(closed, conf="")
    assert severity(turns_to_pcscd, "GD502") == severity(turns_to_pcscd, "GD402") == "error"
    listed = machine(version="2.4.4", usb=(closed,), readers=(reader(name="Nitrokey Nitrokey 3 00 00"),))
    assert "set disable-ccid" in advice_of(listed, "GD402"), "pcscd has it"


def test_a_second_pcscd_is_named_with_the_way_to_stop_it() -> None:
    facts = machine(conf=ON_PCSC, readers=(), others=(OF_THE_SNAP,))
    found = finding(facts, "GD502").found
    assert [(it.pid, it.certainty) for it in found.culprits] == [(510, "likely")]
    assert "another pcscd (pid 510) has it" in found.summary.clear()
    assert "snap" in advice_of(facts, "GD502") and "yubioath-desktop" in advice_of(facts, "GD502")


def test_where_it_does_not_show_which_is_the_systems_both_are_possible() -> None:
    hidden = Unknown.because("this user may not see it")
    facts = machine(conf=ON_PCSC, readers=(), others=(OF_THE_SNAP,))
    assert isinstance(facts.processes, tuple)
    unseen = replace(facts, processes=tuple(replace(it, executable=hidden) for it in facts.processes))
    found = finding(unseen, "GD502").found
    assert [(it.pid, it.certainty) for it in found.culprits] == [(500, "possible"), (510, "possible")]
    assert "pcscd.service" in advice_of(unseen, "GD502")


def test_a_second_pcscd_is_no_matter_where_the_reader_is_listed_or_free() -> None:
    assert severity(machine(conf=ON_PCSC, others=(OF_THE_SNAP,)), "GD502") is None
    free = machine(conf=ON_PCSC, readers=(), usb=(FREE_ON_USB,), others=(OF_THE_SNAP,))
    assert finding(free, "GD502").found.culprits == ()


@pytest.mark.parametrize(
    ("code", "told"), [("IO", True), ("NO_DEVICE", True), (None, True), ("BUSY", False), ("ACCESS", False)]
)
def test_a_reader_that_went_may_be_asleep(code: str | None, told: bool) -> None:
    log = (LogEvent(kind="open-failed", code=code),) if code else ()
    facts = machine(conf=ON_PCSC, readers=(), usb=(FREE_ON_USB,), pcscd={"log": log})
    assert ("/sys/bus/usb/devices/{device}/power/control" in advice_of(facts, "GD502")) is told


def test_nobody_is_told_to_put_a_card_in_where_scdaemon_has_one() -> None:
    """By its own driver, in a reader that PC/SC does not list; the one that it lists is empty."""
    empty = (reader("EMPTY", name="Alcor Link AK9567 00 00"),)
    assert severity(machine(readers=empty), "GD503") == "info"
    facts = machine(readers=empty, running=RUNNING, pcscd={"connections": ()})
    assert severity(facts, "GD503") is None
