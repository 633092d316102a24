"""GD308, GD310, GD312-GD316, GD404, GD603: programs, services and what the log tells."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import AgentUnit, BlockedDevice, Facts, LogEvent, PcscDriver, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import AGENT, FREE_ON_USB, RUNNING, SCDAEMON, machine, reader, without_pcscd
from tests.support.judging import causes, finding, severity, status

PCSC = "disable-ccid\n"
UNKNOWN = Unknown.because("nobody looked")
TAKEN = (reader("PRESENT", "EXCLUSIVE"),)
MISMATCH = LogEvent(kind="protocol-mismatch", age=60.0, client="4:4", server="4:5")


def with_executables(facts: Facts, **its: str) -> Facts:
    """The same daemons, run from elsewhere."""
    assert isinstance(facts.processes, tuple)
    names = {"gpg-agent": its.get("agent"), "scdaemon": its.get("scdaemon")}
    moved = (replace(it, executable=names.get(it.role) or it.executable) for it in facts.processes)
    return replace(facts, processes=tuple(moved))


def in_use(**how: Any) -> Facts:
    return machine(**{"version": "2.4.7", "conf": PCSC, "running": RUNNING, "readers": TAKEN, **how})


# -- GD310 and GD316 ---------------------------------------------------------------------------------------------


def test_the_program_that_scdaemon_program_names_is_not_an_older_one() -> None:
    conf = "scdaemon-program /opt/scd/scdaemon\n"
    other = {"running": replace(RUNNING, version="2.2.27")}
    facts = in_use(agent_conf=conf, gnupg=other, configuration={"scdaemon_program_exists": True})
    assert severity(with_executables(facts, scdaemon="/opt/scd/scdaemon"), "GD310") is None
    through_a_link = with_executables(facts, scdaemon="/opt/scd-2.2/bin/scdaemon")
    assert (severity(through_a_link, "GD310"), severity(through_a_link, "GD316")) == (None, None)
    same = in_use(agent_conf="scdaemon-program /lib/gnupg/scdaemon\n", gnupg=other)
    assert severity(same, "GD310") == "warning", "gpgconf's own, by another path"


def test_another_installation_is_no_older_one() -> None:
    brew = {
        "gpgconf": "/home/linuxbrew/.linuxbrew/bin/gpgconf",
        "scdaemon": "/home/linuxbrew/.linuxbrew/opt/gnupg/libexec/scdaemon",
        "scdaemon_real": "/home/linuxbrew/.linuxbrew/Cellar/gnupg/2.5.12/libexec/scdaemon",
        "agent": "/home/linuxbrew/.linuxbrew/Cellar/gnupg/2.5.12/bin/gpg-agent",
        "running": replace(RUNNING, version="2.4.7"),
    }
    facts = in_use(version="2.5.12", gnupg=brew)
    assert causes(facts) == {"GD316"}
    assert severity(facts, "GD310") is None
    assert severity(in_use(), "GD316") is None
    hidden = replace(facts, processes=tuple(replace(it, executable=UNKNOWN) for it in (AGENT, SCDAEMON)))
    assert status(hidden, "GD316") == "unknown"


@pytest.mark.parametrize(("running", "expected"), [("2.4.5", "warning"), ("2.4.7", None)])
def test_two_store_paths_of_one_package_are_one_installation(running: str, expected: str | None) -> None:
    old = f"/nix/store/{'a' * 32}-gnupg-{running}"
    new = f"/nix/store/{'b' * 32}-gnupg-2.4.7"
    nix = {"scdaemon_real": f"{new}/libexec/scdaemon", "agent": f"{new}/bin/gpg-agent"}
    facts = machine(version="2.4.7", conf=PCSC, gnupg=nix)
    facts = with_executables(facts, agent=f"{old}/bin/gpg-agent")
    assert (severity(facts, "GD310"), severity(facts, "GD316")) == (expected, None)


# -- GD312 to GD315 ----------------------------------------------------------------------------------------------


def test_a_client_of_another_protocol() -> None:
    facts = in_use(pcscd={"log": (MISMATCH,)})
    assert causes(facts) == {"GD312"}
    said = finding(facts, "GD312").found.summary.clear()
    assert "4:4" in said and "4:5 (pcsc-lite 2.3 and 2.4)" in said
    assert status(in_use(), "GD312") == "pass"
    unknown = in_use(pcscd={"log": UNKNOWN})
    assert status(unknown, "GD312") == "unknown" and causes(unknown) == set()


def test_a_pcscd_that_cannot_start() -> None:
    failed = {"service": "failed", "log": (LogEvent(kind="start-failed", age=9.0, code="exit-code"),)}
    facts = without_pcscd(version="2.4.7", conf=PCSC, pcscd=failed)
    assert (causes(facts), severity(facts, "GD313"), status(facts, "GD301")) == ({"GD313"}, "error", "skipped")
    assert "(exit-code)" in finding(facts, "GD313").found.summary.clear()
    stale = without_pcscd(version="2.4.7", conf=PCSC, pcscd={**failed, "socket_file": "socket", "refused": True})
    assert causes(stale) == {"GD313"}
    assert severity(without_pcscd(version="2.4.7", pcscd=failed), "GD313") == "info", "its own driver needs none"
    assert severity(in_use(pcscd={"service": "failed"}), "GD313") is None, "another one runs"
    assert status(without_pcscd(pcscd={"installed": False}), "GD313") == "skipped"


def test_a_pcscd_without_drivers() -> None:
    bare: dict[str, Any] = {"version": "2.4.7", "readers": (), "usb": (FREE_ON_USB,), "pcscd": {"drivers": False}}
    facts = machine(conf=PCSC, **bare)
    assert (causes(facts), severity(facts, "GD314")) == ({"GD314"}, "error")
    cure = finding(facts, "GD314").found.cure
    assert cure is not None and [change.text for change in cure.changes] == [None], "without disable-ccid gpg works"
    assert severity(machine(**bare), "GD314") == "info"
    logged = machine(conf=PCSC, **{**bare, "pcscd": {"log": (LogEvent(kind="no-drivers", age=5.0),)}})
    assert severity(logged, "GD314") == "error"
    assert severity(machine(conf=PCSC, version="2.4.7"), "GD314") is None


def test_a_keyboxd_that_is_missing() -> None:
    gone = {"keyboxd_exists": False}
    assert severity(in_use(common_conf="use-keyboxd\n", gnupg=gone), "GD315") == "warning"
    assert status(in_use(common_conf="use-keyboxd\n"), "GD315") == "pass"
    assert status(in_use(common_conf="use-keyboxd\n", gnupg={"keyboxd_exists": UNKNOWN}), "GD315") == "unknown"
    assert status(in_use(gnupg=gone), "GD315") == "skipped"
    assert status(machine(version="2.2.40", common_conf="use-keyboxd\n", gnupg=gone), "GD315") == "skipped"


def test_the_package_of_keyboxd() -> None:
    facts = in_use(common_conf="use-keyboxd\n", gnupg={"keyboxd_exists": False})
    for distribution, package in (("debian Debian GNU/Linux 13", "gpg"), ("debian Ubuntu 24.04.1 LTS", "keyboxd")):
        there = replace(facts, host=replace(facts.host, distribution=distribution))
        cure = finding(there, "GD315").found.cure
        assert cure is not None and cure.advice[0].commands[0][-1] == package


def test_a_unit_that_starts_the_agent_with_a_name_that_was_changed() -> None:
    unit = AgentUnit(path="/usr/lib/systemd/user/gpg-agent.service", options=("--supervised",))
    assert severity(machine(version="2.5.3", gnupg={"agent_unit": unit}), "GD101") == "warning"
    assert severity(machine(version="2.4.9", gnupg={"agent_unit": unit}), "GD101") is None
    renamed = replace(unit, options=("--deprecated-supervised",))
    assert severity(machine(version="2.5.3", gnupg={"agent_unit": renamed}), "GD101") is None
    assert severity(machine(version="2.5.3", gnupg={"agent_unit": UNKNOWN}), "GD101") is None


# -- GD404 and GD603 ---------------------------------------------------------------------------------------------

TOKEN = BlockedDevice(name="1-3", vendor="1050", product="0407", title="YubiKey OTP+FIDO+CCID")


def test_a_device_that_the_kernel_was_told_not_to_use() -> None:
    facts = replace(without_pcscd(version="2.4.7", usb=()), usb_blocked=(TOKEN,))
    assert (causes(facts), severity(facts, "GD404")) == ({"GD404"}, "error")
    assert severity(replace(in_use(), usb_blocked=(TOKEN,)), "GD404") == "info"
    assert status(in_use(), "GD404") == "pass"
    assert status(replace(without_pcscd(usb=()), usb_blocked=UNKNOWN), "GD404") == "unknown"
    assert status(replace(in_use(), usb_blocked=UNKNOWN), "GD404") == "skipped"


@pytest.mark.parametrize(("version", "expected"), [("2.2.40", "warning"), ("2.4.7", "info")])
def test_keys_of_another_card(version: str, expected: str) -> None:
    other = {"stub_serials": ("D2760001240103040006999999990000",)}
    assert severity(in_use(version=version, gnupg=other), "GD603") == expected
    # The same card, as 2.4 reports it: without its version.
    mine = {"stub_serials": ("D2760001240100000006123456780000",)}
    assert severity(in_use(version=version, gnupg=mine), "GD603") is None
    both = {"stub_serials": (*mine["stub_serials"], *other["stub_serials"])}
    assert severity(in_use(version=version, gnupg=both), "GD603") is None, "a backup key beside"
    assert status(in_use(version=version, gnupg={"stub_serials": ()}), "GD603") == "pass"


def test_stubs_that_cannot_be_read_make_only_2_2_incomplete() -> None:
    unread = {"stub_serials": UNKNOWN}
    assert status(in_use(version="2.2.40", gnupg=unread), "GD603") == "unknown"
    assert status(in_use(version="2.4.7", gnupg=unread), "GD603") == "pass"
    assert status(machine(), "GD603") == "skipped"


# -- GD308 -------------------------------------------------------------------------------------------------------

NOT_SHOWN = Unknown.because("the program that listens on the agent's socket is not visible to this user")


def over_ssh(*, agent_runs: bool = False, **how: Any) -> Facts:
    """A server with nothing plugged in, and somebody who does not show listens on the agent's socket."""
    given = {"host": {"session": "ssh"}, "gnupg": {"agent_listener": NOT_SHOWN}, "usb": (), **how}
    facts = without_pcscd(version="2.4.7", conf=PCSC, **given)
    return facts if agent_runs else replace(facts, processes=())


def test_who_does_not_show_over_ssh_is_most_likely_the_forwarded_agent() -> None:
    facts = over_ssh()
    assert causes(facts) == {"GD308"} and "Most likely" in finding(facts, "GD308").found.summary.clear()
    assert {status(facts, id) for id in ("GD301", "GD501")} == {"skipped"}


@pytest.mark.parametrize(
    "how",
    [
        {"host": {"session": "wayland"}},
        {"agent_runs": True},
        {"pcscd": {"connections": UNKNOWN}},
        {"host": {"session": "ssh", "hides_processes": True}},
    ],
)
def test_where_it_may_be_another_it_stays_unknown(how: dict[str, Any]) -> None:
    assert status(over_ssh(**how), "GD308") == "unknown"


def test_nothing_needs_pcsc_where_there_is_no_scdaemon() -> None:
    """Nobody knows the path of a scdaemon that is not there."""
    missing = {"scdaemon_exists": False, "scdaemon_version": None, "own_ccid_driver": UNKNOWN}
    library = PcscDriver(name="libpcsclite.so.1", usable=False, reason="no such file")
    facts = without_pcscd(gnupg=missing, pcscd={"library": library})
    assert (causes(facts), severity(facts, "GD305")) == ({"GD306"}, "info")
    assert status(without_pcscd(gnupg=missing), "GD301") == "skipped"
    another = without_pcscd(gnupg=missing, pcscd={"library": library}, configuration={"scdaemon_program_exists": True})
    assert severity(another, "GD305") == "error"
