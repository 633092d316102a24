"""GD104, GD106, GD108, GD111, GD112: what is in force when scdaemon starts."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Facts, PcscDriver, Unknown
from gpgdoctor.wording import clear
from tests.support.build import AGENT_CONF, FREE_ON_USB, HOME, RUNNING, SHARING, client, machine, without_pcscd
from tests.support.judging import causes, changed_lines, finding, judged, severity, status

# -- GD104 -------------------------------------------------------------------------------------------------------


def test_pcsc_shared_with_disable_ccid_has_an_effect() -> None:
    assert status(machine(conf=SHARING), "GD104") == status(machine(version="2.4.7", conf=SHARING), "GD104") == "pass"
    assert status(machine(), "GD104") == "skipped"


def test_since_2_3_pcsc_shared_alone_does_nothing() -> None:
    facts = without_pcscd(version="2.4.7", conf="pcsc-shared\n")
    assert causes(facts) == {"GD104"}
    cure = finding(facts, "GD104").found.cure
    assert cure and cure.options == () and [change.text for change in cure.changes] == [None]
    assert "PIN cache" in str(finding(facts, "GD104").found.effect)


def test_where_pcscd_has_the_reader_it_is_a_consequence() -> None:
    facts = machine(version="2.4.7", conf="pcsc-shared\n")
    assert causes(facts) == {"GD205"}
    assert finding(facts, "GD104").consequence_of == "GD205"
    cure = finding(facts, "GD104").found.cure
    assert cure and cure.options == () and [change.text for change in cure.changes] == [None]


def test_disable_ccid_is_offered_instead_where_somebody_is_there_to_share_with() -> None:
    cure = finding(machine(version="2.4.7", conf="pcsc-shared\n", clients=(client("firefox"),)), "GD104").found.cure
    assert cure and cure.options == ("disable-ccid",) and any("PIN" in cost.value for cost in cure.costs)


def test_2_2_shares_what_its_own_driver_cannot_open() -> None:
    assert severity(machine(conf="pcsc-shared\n"), "GD104") is None
    assert severity(machine(conf="pcsc-shared\n", usb=(FREE_ON_USB,)), "GD104") == "warning"


def test_2_2_with_a_card_by_its_own_driver_shares_nothing() -> None:
    facts = machine(conf="pcsc-shared\n", running=RUNNING, readers=(), pcscd={"connections": ()})
    assert severity(facts, "GD104") == "warning"


def test_a_build_without_a_driver_needs_no_disable_ccid() -> None:
    assert severity(machine(version="2.4.7", conf="pcsc-shared\n", own_driver=False), "GD104") is None


def test_whether_2_2_finds_a_free_reader_can_be_unknown() -> None:
    assert status(machine(conf="pcsc-shared\n", usb=Unknown.because("/sys is not mounted")), "GD104") == "unknown"


# -- GD106 -------------------------------------------------------------------------------------------------------

LIBRARY = "/opt/pcsc/libpcsclite.so.1"


def with_driver(*, usable: bool = False, conf: str = "disable-ccid\n", **how: Any) -> Facts:
    driver = PcscDriver(name=LIBRARY, usable=usable, reason=None if usable else "no such file")
    given: dict[str, Any] = {"configuration": {"pcsc_driver": driver}, **how}
    return machine(conf=f"{conf}pcsc-driver {LIBRARY}\n", **given)


def test_a_library_that_does_not_load_is_an_error() -> None:
    assert causes(with_driver()) == causes(with_driver(version="2.4.7")) == {"GD106"}
    assert "no such file" in finding(with_driver(), "GD106").found.summary.clear()
    assert changed_lines(with_driver(), "GD106") == {2: None}


def test_a_library_that_loads_passes() -> None:
    assert status(with_driver(usable=True), "GD106") == "pass"
    assert status(machine(), "GD106") == "skipped"


def test_on_musl_the_line_is_corrected() -> None:
    facts = with_driver(host={"distribution": "alpine Alpine Linux v3.20"})
    assert changed_lines(facts, "GD106") == {2: "pcsc-driver libpcsclite.so.1"}


def test_scdaemons_own_driver_loads_no_library() -> None:
    assert status(with_driver(version="2.4.7", conf="", readers=()), "GD106") == "skipped"
    assert status(with_driver(conf="", usb=(FREE_ON_USB,)), "GD106") == "skipped"
    assert severity(with_driver(conf=""), "GD106") == "error"


def test_a_library_that_was_not_tried_is_unknown() -> None:
    other = PcscDriver(name="libpcsclite.so.1", usable=True)
    for driver in (other, None, Unknown.because("the probe process ended early")):
        assert status(with_driver(configuration={"pcsc_driver": driver}), "GD106") == "unknown"


def test_without_any_library_it_is_a_consequence() -> None:
    missing = PcscDriver(name="libpcsclite.so.1", usable=False, reason="no such file")
    facts = with_driver(pcscd={"library": missing})
    assert finding(facts, "GD106").consequence_of == "GD305"
    assert changed_lines(facts, "GD106") == {}


# -- GD108 -------------------------------------------------------------------------------------------------------


def with_program(program: str, exists: bool) -> Facts:
    return machine(agent_conf=f"scdaemon-program {program}\n", configuration={"scdaemon_program_exists": exists})


def test_a_disabled_scdaemon_is_an_error() -> None:
    facts = machine(agent_conf="default-cache-ttl 600\ndisable-scdaemon\n")
    assert (causes(facts), severity(facts, "GD108")) == ({"GD108"}, "error")
    cure = finding(facts, "GD108").found.cure
    assert cure and f"line 2 of {AGENT_CONF}" in cure.advice[0].text.clear()


def test_another_program_is_an_error_where_it_is_missing() -> None:
    assert severity(with_program("/usr/bin/gnupg-pkcs11-scd", False), "GD108") == "error"
    assert severity(with_program("/usr/bin/gnupg-pkcs11-scd", True), "GD108") == "info"


def test_gnupgs_own_scdaemon_may_be_named() -> None:
    assert status(with_program("/usr/lib/gnupg/scdaemon", True), "GD108") == "pass"
    assert status(machine(agent_conf="default-cache-ttl 600\n"), "GD108") == status(machine(), "GD108") == "pass"


def test_an_agent_without_a_readable_file_is_unknown() -> None:
    assert status(machine(configuration={"agent_in_force": Unknown.because("it is encrypted")}), "GD108") == "unknown"


# -- GD111 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["it belongs to another user", "others may write to it"])
def test_an_unsafe_home_is_a_warning(problem: str) -> None:
    facts = machine(gnupg={"homedir_problems": (problem,)})
    assert causes(facts) == {"GD111"}
    assert problem in finding(facts, "GD111").found.summary.clear()


def test_a_home_without_problems_passes() -> None:
    assert status(machine(), "GD111") == "pass"
    assert status(machine(gnupg={"homedir_problems": Unknown.because("no permission")}), "GD111") == "unknown"


# -- GD112 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["[ignore]\npcsc-shared\n", "[ignore-all]\n"])
def test_an_option_that_the_system_voids_is_a_warning(system: str) -> None:
    facts = machine(conf=SHARING, system_conf=system)
    assert causes(facts) == {"GD112"}
    assert "pcsc-shared (line 2)" in finding(facts, "GD112").found.summary.clear()


def test_what_the_system_forces_as_well_is_not_lost() -> None:
    assert severity(machine(conf="disable-ccid\n", system_conf="[force]\ndisable-ccid\n"), "GD112") is None
    forced = "[force]\nreader-port Gemalto\n"
    assert severity(machine(conf="reader-port Yubico\n", system_conf=forced), "GD112") == "warning"
    assert severity(machine(conf="reader-port Gemalto\n", system_conf=forced), "GD112") is None


def test_options_that_both_files_may_set_pass() -> None:
    assert status(machine(conf=SHARING, system_conf="disable-ccid\n"), "GD112") == "pass"
    assert judged(machine(conf=SHARING, system_conf="disable-ccid\n")).verdict == "healthy"


def test_what_is_voided_can_be_unknown() -> None:
    assert status(machine(configuration={"voided": Unknown.because("a file is encrypted")}), "GD112") == "unknown"


@pytest.mark.parametrize(
    "spelling", ["/lib/gnupg/scdaemon", "/usr/lib/x/../gnupg/scdaemon", "/usr//lib/gnupg/scdaemon"]
)
def test_gnupgs_own_scdaemon_is_no_other_one_however_it_is_spelt(spelling: str) -> None:
    assert status(machine(agent_conf=f"scdaemon-program {spelling}\n"), "GD108") == "pass"


def test_a_home_that_is_none_is_to_be_made_one() -> None:
    found = finding(machine(gnupg={"homedir_problems": ("it does not exist",)}), "GD111").found
    assert "does not serve" in found.summary.clear() and str(found.effect) == 'gpg says "No agent running".'
    assert found.cure is not None and clear(found.cure.advice[0].commands[0]) == ("mkdir", "-m", "700", HOME)


def test_what_is_there_already_is_not_to_be_made() -> None:
    cure = finding(machine(gnupg={"homedir_problems": ("it is no directory",)}), "GD111").found.cure
    assert cure is not None and cure.advice[0].commands == ()
