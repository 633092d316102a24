"""GD3xx: is what has to run there, and does it answer?"""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Connection, Facts, PcscDriver, Unknown, known
from gpgdoctor.system.record import replace
from gpgdoctor.wording import clear
from tests.support.build import (
    AGENT,
    ALICE,
    FREE_ON_USB,
    ON_USB,
    PCSCD,
    RUNNING,
    SCDAEMON,
    client,
    machine,
    without_pcscd,
)
from tests.support.judging import causes, checks, finding, judged, severity, status

ON_PCSC = "disable-ccid\n"
MISSING = PcscDriver(name="libpcsclite.so.1", usable=False, reason="no such file")
STALE = {"socket_file": "socket", "refused": True}
ASLEEP = {"listener": "activator", "answer": Unknown.because("pcscd is asleep"), "connections": ()}
UNLISTED = Unknown.because("pcscd does not answer")


@pytest.mark.parametrize(
    "id", ["GD301", "GD302", "GD303", "GD304", "GD305", "GD306", "GD307", "GD308", "GD309", "GD310", "GD311"]
)
def test_where_all_runs_all_passes(id: str) -> None:
    assert {check.status for check in checks(machine(), id)} == {"pass"}


def commands(facts: Facts, id: str) -> list[tuple[str, ...]]:
    cure = finding(facts, id).found.cure
    assert cure is not None
    return [clear(command) for advice in cure.advice for command in advice.commands]


# -- GD301, GD302, GD309 -----------------------------------------------------------------------------------------


def test_without_pcscd_scdaemon_has_no_reader_there() -> None:
    facts = without_pcscd(conf=ON_PCSC)
    assert causes(facts) == {"GD301"}
    assert commands(facts, "GD301") == [("sudo", "systemctl", "enable", "--now", "pcscd.socket")]


def test_with_its_own_driver_scdaemon_needs_no_pcscd() -> None:
    assert judged(without_pcscd()).verdict == judged(without_pcscd(version="2.4.7")).verdict == "healthy"


def test_without_a_reader_on_usb_it_is_a_consequence() -> None:
    facts = without_pcscd(usb=())
    assert (causes(facts), finding(facts, "GD301").consequence_of) == ({"GD501"}, "GD501")


def test_a_socket_from_outside_a_container_is_unknown() -> None:
    assert status(without_pcscd(conf=ON_PCSC, pcscd={"mounted": True}), "GD301") == "unknown"


def test_a_stale_socket_is_an_error_where_it_is_needed() -> None:
    assert causes(without_pcscd(conf=ON_PCSC, pcscd=STALE)) == {"GD302"}
    assert severity(without_pcscd(version="2.4.7", pcscd=STALE), "GD302") == "info"
    assert status(without_pcscd(pcscd={**STALE, "refused": Unknown.because("from outside")}), "GD302") == "unknown"


def test_a_sleeping_pcscd_is_for_information() -> None:
    facts = machine(conf=ON_PCSC, pcscd=ASLEEP, readers=Unknown.because("pcscd is asleep"))
    assert (causes(facts), severity(facts, "GD309")) == (set(), "info")
    assert {status(facts, id) for id in ("GD201", "GD202", "GD203", "GD204", "GD207")} == {"pass"}
    assert status(machine(pcscd={"listener": Unknown.because("no sockets")}), "GD309") == "unknown"


# -- GD303, GD304, GD305, GD311 ----------------------------------------------------------------------------------


def test_a_pcscd_that_does_not_answer() -> None:
    facts = machine(conf=ON_PCSC, pcscd={"answer": "no-answer"}, readers=UNLISTED)
    assert causes(facts) == {"GD303"}
    stopped = replace(facts, processes=(replace(PCSCD, state="T"),))
    assert commands(stopped, "GD303") == [("sudo", "kill", "-CONT", "500")]


def test_what_pcscd_answers_can_be_unknown() -> None:
    facts = machine(pcscd={"answer": Unknown.because("the probe process ended early")}, readers=UNLISTED)
    assert {status(facts, id) for id in ("GD303", "GD304", "GD401")} == {"unknown"}


def test_two_versions_of_the_protocol() -> None:
    facts = machine(conf=ON_PCSC, pcscd={"answer": "0x8010001E"}, readers=UNLISTED)
    assert causes(facts) == {"GD304"}
    assert status(without_pcscd(), "GD304") == "skipped"


def test_a_library_that_is_not_there() -> None:
    facts = machine(conf=ON_PCSC, pcscd={"library": MISSING, "answer": Unknown.because("no library")}, readers=UNLISTED)
    assert causes(facts) == {"GD305"}
    assert status(machine(pcscd={"library": Unknown.because("pyscard cannot be imported")}), "GD305") == "unknown"


def test_where_there_is_no_gnupg_nobody_needs_the_library() -> None:
    gone = dict.fromkeys(
        ("scdaemon", "scdaemon_exists", "scdaemon_version", "own_ccid_driver"), Unknown.because("no GnuPG")
    )
    facts = machine(gnupg={"gpgconf": None, **gone}, pcscd={"library": MISSING})
    assert (causes(facts), severity(facts, "GD305")) == ({"GD307"}, "info")


@pytest.mark.parametrize(("count", "expected"), [(189, None), (190, "error")])
def test_a_full_pcscd(count: int, expected: str | None) -> None:
    crowd = client("java")
    connections = tuple(Connection(inode=number, uid=ALICE, pid=crowd.pid) for number in range(count))
    facts = machine(clients=(crowd,), pcscd={"connections": connections})
    assert severity(facts, "GD311") == expected
    assert status(machine(pcscd={"connections": Unknown.because("no sockets")}), "GD311") == "unknown"


def test_only_where_pcscd_runs_has_it_room() -> None:
    assert status(machine(), "GD311") == "pass"
    assert status(without_pcscd(), "GD311") == "skipped"


def test_connections_out_of_sight_count() -> None:
    assert severity(machine(pcscd={"hidden": 195}), "GD311") == "error"


# -- GD306, GD307, GD308, GD310 ----------------------------------------------------------------------------------


def test_a_scdaemon_that_is_not_there() -> None:
    facts = machine(gnupg={"scdaemon_exists": False})
    assert causes(facts) == {"GD306"}
    assert commands(facts, "GD306") == [("sudo", "apt-get", "install", "scdaemon")]
    assert status(machine(gnupg={"scdaemon": Unknown.because("gpgconf is silent")}), "GD306") == "unknown"


def test_another_program_in_its_place_will_do() -> None:
    replaced: dict[str, Any] = {
        "agent_conf": "scdaemon-program /usr/bin/gnupg-pkcs11-scd\n",
        "gnupg": {"scdaemon_exists": False},
    }
    facts = machine(**replaced, configuration={"scdaemon_program_exists": True})
    assert (causes(facts), status(facts, "GD306")) == (set(), "skipped")
    assert "GD306" in causes(machine(**replaced, configuration={"scdaemon_program_exists": False}))


def test_no_gnupg_at_all() -> None:
    facts = machine(gnupg={"gpgconf": None})
    assert causes(facts) == {"GD307"}
    assert status(facts, "GD306") == "skipped"


@pytest.mark.parametrize(
    ("listener", "expected"), [("sshd", "warning"), ("socat", "warning"), ("systemd", None), (None, None)]
)
def test_an_agent_elsewhere(listener: str | None, expected: str | None) -> None:
    assert severity(machine(gnupg={"agent_listener": listener}), "GD308") == expected


def test_who_listens_for_the_agent_can_be_unknown() -> None:
    assert status(machine(gnupg={"agent_listener": Unknown.because("not visible")}), "GD308") == "unknown"


def test_a_scdaemon_from_before_the_update() -> None:
    older = {"running": replace(RUNNING, version="2.2.27")}
    assert severity(machine(running=RUNNING, gnupg=older), "GD310") == "warning"
    assert severity(machine(running=RUNNING), "GD310") is None


def test_an_agent_whose_program_was_replaced() -> None:
    facts = machine()
    replaced = replace(facts, processes=(replace(SCDAEMON, program="gpg-agent", role="gpg-agent", replaced=True),))
    assert severity(replaced, "GD310") == "warning"
    hidden = replace(facts, processes=(replace(AGENT, replaced=Unknown.because("not visible")),))
    assert status(hidden, "GD310") == "unknown"


def test_daemons_of_another_home_are_not_mine_to_restart() -> None:
    facts = machine()
    elsewhere = replace(AGENT, pid=999, homedir="/tmp/other", replaced=True)
    beside = replace(facts, processes=(*known(facts.processes), elsewhere))
    assert status(beside, "GD310") == "pass"


def test_packages_are_words_of_their_own() -> None:
    facts = without_pcscd(conf="disable-ccid\n", pcscd={"installed": False}, host={"distribution": "arch Arch Linux"})
    assert commands(facts, "GD301") == [("sudo", "pacman", "-S", "pcsclite", "ccid")]


def test_an_agent_may_have_its_home_from_its_environment() -> None:
    untold = replace(AGENT, pid=999, homedir=None, replaced=True)
    elsewhere = {"homedir": "/srv/gnupg", "home_is_default": False}
    served = machine(gnupg=elsewhere)
    assert severity(replace(served, processes=(untold,)), "GD310") == "warning"
    two = replace(served, processes=(untold, replace(untold, pid=1000)))
    assert severity(two, "GD310") is None, "nobody can tell which of them it is"
    nobody = machine(gnupg={**elsewhere, "agent_listener": None})
    assert severity(replace(nobody, processes=(untold,)), "GD310") is None, "it is the default home's"


# -- nothing on USB: GD501 is what is wrong ----------------------------------------------------------------------

NO_LIBRARY = {"library": MISSING, "answer": Unknown.because("no library")}


@pytest.mark.parametrize("version", ["2.2.20", "2.2.40", "2.4.7"])
def test_a_library_that_no_reader_needs_is_no_fault(version: str) -> None:
    """Debian without pcscd and its library, whose token is not plugged in."""
    facts = without_pcscd(version=version, usb=(), pcscd=NO_LIBRARY)
    assert (causes(facts), severity(facts, "GD305")) == ({"GD501"}, "info")
    unread = replace(facts, readers=Unknown.because("the PC/SC library cannot be loaded"))
    assert (causes(unread), judged(unread).complete) == ({"GD501"}, True)


def test_2_2_needs_the_library_for_a_reader_that_its_driver_cannot_have() -> None:
    locked = replace(FREE_ON_USB, accessible=False)
    no_ccid = replace(FREE_ON_USB, ccid=False)
    for interface in (ON_USB, no_ccid):
        facts = without_pcscd(usb=(interface,), pcscd=NO_LIBRARY)
        assert severity(facts, "GD305") == "error"
    assert severity(machine(usb=(locked,), readers=Unknown.because("no library"), pcscd=NO_LIBRARY), "GD305") == "error"
    assert severity(without_pcscd(usb=(FREE_ON_USB,), pcscd=NO_LIBRARY), "GD305") == "info"
    assert severity(without_pcscd(usb=(), conf=ON_PCSC, pcscd=NO_LIBRARY), "GD305") == "error"


def test_a_missing_library_is_no_worse_than_the_pcscd_that_is_missing_beside_it() -> None:
    locked = replace(FREE_ON_USB, accessible=False)
    alone = without_pcscd(usb=(locked,), pcscd={"installed": False, "unit": None})
    facts = without_pcscd(usb=(locked,), pcscd={"installed": False, "unit": None, **NO_LIBRARY})
    assert (causes(alone), causes(facts), severity(facts, "GD305")) == ({"GD402"}, {"GD402"}, "info")
    cure = finding(facts, "GD402").found.cure
    assert cure is not None and "install the PC/SC library and run pcscd" in cure.advice[-1].text.clear()
    packages = {command[-1] for command in cure.advice[-1].commands}
    assert packages == {"libpcsclite1", "pcscd"}
    of_2_4 = finding(without_pcscd(version="2.4.7", usb=(locked,), pcscd=NO_LIBRARY), "GD402").found.cure
    assert of_2_4 is not None and "install the PC/SC library, run pcscd and set" in of_2_4.advice[-1].text.clear()
    mounted = without_pcscd(usb=(locked,), pcscd={"mounted": True, "socket_file": "socket", **NO_LIBRARY})
    assert severity(mounted, "GD305") == "error", "the host's pcscd may run"


def test_a_session_that_is_refused_is_no_fault_where_there_is_no_reader() -> None:
    """Debian 12 over SSH: the desktop's gsd-smartcard keeps pcscd awake, and no token is plugged in."""
    refused = {"answer": "0x8010006A", "polkit": True}
    facts = machine(usb=(), readers=UNLISTED, pcscd=refused)
    assert (causes(facts), severity(facts, "GD401"), judged(facts).complete) == ({"GD501"}, "info", True)
    assert "cannot tell" in finding(facts, "GD501").found.summary.clear()
    assert severity(machine(readers=UNLISTED, pcscd=refused), "GD401") == "error"


def test_a_pcscd_that_is_broken_may_have_had_a_reader_beside_usb() -> None:
    for id, facts in (
        ("GD303", machine(usb=(), readers=UNLISTED, pcscd={"answer": "no-answer"})),
        ("GD304", machine(usb=(), readers=UNLISTED, pcscd={"answer": "0x8010001E"})),
        ("GD302", without_pcscd(usb=(), pcscd=STALE)),
    ):
        assert causes(facts) == {id}


def test_without_a_reader_a_pcscd_that_is_off_is_no_fault() -> None:
    assert causes(without_pcscd(usb=(), pcscd={**STALE, "service": "inactive"})) == {"GD501"}
    assert causes(without_pcscd(usb=(), pcscd={"service": "failed"})) == {"GD501"}


# -- under an agent elsewhere nothing of this machine explains gpg ----------------------------------------------

GONE = dict.fromkeys(("scdaemon_version", "own_ccid_driver", "scdaemon_options"), Unknown.because("it is not there"))


@pytest.mark.parametrize(
    "how",
    [
        {"pcscd": NO_LIBRARY, "conf": ON_PCSC},
        {"pcscd": STALE, "conf": ON_PCSC},
        {"pcscd": {"service": "failed"}, "conf": ON_PCSC},
        {"version": "2.4.7", "usb": (replace(FREE_ON_USB, accessible=False),)},
    ],
)
def test_a_forwarded_agent_needs_nothing_here(how: dict[str, Any]) -> None:
    facts = without_pcscd(**{"gnupg": {"agent_listener": "sshd"}, **how})
    assert causes(facts) == {"GD308"}
    assert causes(without_pcscd(**how)) not in (set(), {"GD308"})


def test_a_server_without_scdaemon_is_well_under_a_forwarded_agent() -> None:
    gnupg = {**GONE, "scdaemon_exists": False, "agent_listener": "sshd"}
    facts = without_pcscd(usb=(), gnupg=gnupg, pcscd=NO_LIBRARY)
    assert (causes(facts), diagnose(facts, ignore=("GD308",)).verdict) == ({"GD308"}, "healthy")
    assert causes(without_pcscd(usb=(), gnupg={**gnupg, "agent_listener": "gpg-agent"})) >= {"GD306"}


def test_mistakes_in_gpgs_own_files_stay_under_a_forwarded_agent() -> None:
    facts = without_pcscd(version="2.4.7", common_conf="no-such-option\n", gnupg={"agent_listener": "sshd"})
    assert causes(facts) >= {"GD308", "GD101"}


# -- scdaemon's own name for the library ------------------------------------------------------------------------


def test_a_scdaemon_of_musl_wants_the_name_of_the_headers() -> None:
    missing = PcscDriver(name="libpcsclite.so", usable=False, reason="no such file")
    facts = machine(version="2.2.17", pcscd={"library": missing}, host={"distribution": "void"})
    assert (causes(facts), severity(facts, "GD305")) == ({"GD305"}, "error")
    effect = finding(facts, "GD305").found.effect
    assert effect is not None and "other programs do" in effect.clear()
    free = machine(version="2.2.17", usb=(FREE_ON_USB,), pcscd={"library": missing})
    assert severity(free, "GD305") == "info"


@pytest.mark.parametrize(
    ("id", "gone"), [("GD306", {"scdaemon_exists": False, "scdaemon_version": None}), ("GD307", {"gpgconf": None})]
)
@pytest.mark.parametrize(
    ("pcscd", "why", "command"),
    [
        ({"installed": False, "unit": None}, "pcscd is not installed", ("sudo", "apt-get", "install", "pcscd")),
        (
            {"unit": "disabled"},
            "its socket is disabled (GD301)",
            ("sudo", "systemctl", "enable", "--now", "pcscd.socket"),
        ),
    ],
)
def test_where_scdaemon_is_missing_a_pcscd_that_does_not_run_is_told_beside(
    id: str, gone: dict[str, Any], pcscd: dict[str, Any], why: str, command: tuple[str, ...]
) -> None:
    plugged = finding(without_pcscd(usb=(FREE_ON_USB,), gnupg=gone, pcscd=pcscd), id).found.cure
    assert plugged is not None and why in plugged.advice[-1].text.clear() and command in plugged.advice[-1].commands
    for other in (
        without_pcscd(usb=(), gnupg=gone, pcscd=pcscd),
        without_pcscd(usb=(FREE_ON_USB,), gnupg=gone, pcscd=ASLEEP),
        machine(usb=(FREE_ON_USB,), gnupg=gone),
    ):
        cure = finding(other, id).found.cure
        assert cure is not None and "pcscd" not in str(cure.advice), "nothing to say of it"
