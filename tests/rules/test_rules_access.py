"""GD401, GD402: who may reach pcscd, and who the reader."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Connection, Facts, LogEvent, Maybe, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import AGENT, FREE_ON_USB, ON_USB, RUNNING, machine, reader, without_pcscd
from tests.support.judging import causes, finding, severity, status

SECURITY_VIOLATION, COMM_ERROR, NO_SERVICE = "0x8010006A", "0x80100013", "0x8010001D"
LOCKED = replace(FREE_ON_USB, accessible=False)
WANTED = {"card_keys": 3}


def refusing(
    code: str = SECURITY_VIOLATION,
    conf: str = "disable-ccid\n",
    host: dict[str, Any] | None = None,
    usb: Any = (ON_USB,),
    **pcscd: Any,
) -> Facts:
    given = {"answer": code, "polkit": True, **pcscd}
    session = host or {"session": "ssh"}
    return machine(conf=conf, pcscd=given, usb=usb, readers=Unknown.because(f"pcscd answers {code}"), host=session)


@pytest.mark.parametrize("code", [SECURITY_VIOLATION, COMM_ERROR, NO_SERVICE])
def test_pcscd_refuses_a_session(code: str) -> None:
    facts = refusing(code)
    assert causes(facts) == {"GD401"}
    assert f"this log-in over SSH ({code})" in finding(facts, "GD401").found.summary.clear()


def test_another_session_may_be_let_in() -> None:
    desktop = refusing(host={"session": "wayland"})
    nowhere = refusing(host={"session": None})
    assert "desktop session" in str(finding(refusing(), "GD401").found.effect)
    assert "desktop session" not in str(finding(desktop, "GD401").found.effect)
    assert "no desktop session" in finding(nowhere, "GD401").found.summary.clear()


def test_a_refusal_is_for_information_where_scdaemon_needs_no_pcscd() -> None:
    assert severity(refusing(conf="", usb=(FREE_ON_USB,)), "GD401") == "info"
    assert severity(refusing(conf=""), "GD401") == "error", "2.2 turns to PC/SC where the interface is claimed"


UNASKED = (LogEvent(kind="no-polkit", age=3.0),)
FEDORA = {"distribution": "fedora Fedora 43", "session": "x11"}


def test_no_rule_helps_where_polkitd_could_not_be_asked() -> None:
    found = finding(refusing(COMM_ERROR, log=UNASKED, host=FEDORA), "GD401").found
    assert "polkitd could not be asked" in found.summary.clear() and "pcscd.log[0]" in found.because
    assert found.cure is not None
    (advice,) = found.cure.advice
    assert "add a polkit rule" not in advice.text.clear()
    assert ("sudo", "dnf", "install", "polkit") in advice.commands
    assert ("sudo", "systemctl", "start", "polkit.service") in advice.commands
    in_a_container = finding(refusing(log=UNASKED, host={"container": "docker"}), "GD401").found
    assert in_a_container.cure is not None and "pcscd.log[0]" in in_a_container.because
    assert "--disable-polkit" in in_a_container.cure.advice[0].text.clear()


@pytest.mark.parametrize(("refused_s", "unasked"), [(2.0, False), (800.0, True)])
def test_what_polkitd_answered_since_shows_that_it_can_be_asked(refused_s: float, unasked: bool) -> None:
    log = (LogEvent(kind="no-polkit", age=60.0), LogEvent(kind="not-authorised", age=refused_s, uid=1000))
    summary = finding(refusing(log=log, host=FEDORA), "GD401").found.summary.clear()
    assert ("polkitd could not be asked" in summary) is unasked


def test_where_polkitd_could_not_be_asked_no_other_session_is_better_off() -> None:
    elsewhere = {"session": "ssh", "session_unit": "session-5.scope"}
    facts = refusing(host=elsewhere)
    assert isinstance(facts.processes, tuple)
    agents = tuple(replace(it, session="user@1000.service") for it in facts.processes)
    assert status(replace(facts, processes=agents), "GD401") == "unknown"
    unasked = replace(facts, processes=agents, pcscd=replace(facts.pcscd, log=UNASKED))
    assert severity(unasked, "GD401") == "error"


def test_without_elogind_no_session_counts() -> None:
    no_seats = Unknown.because("/run/systemd/seats: No such file or directory")
    void = {"init": "runit", "session": "x11", "session_unit": None, "at_seat": no_seats}
    found = finding(refusing(host=void), "GD401").found
    assert found.cure is not None and "elogind" in found.cure.advice[0].text.clear()
    for known in ({"at_seat": True}, {"at_seat": False}, {"init": "systemd"}, {"session_unit": "session-2.scope"}):
        other = finding(refusing(host={**void, **known}), "GD401").found
        assert other.cure is not None and "elogind" not in other.cure.advice[0].text.clear()


def test_only_polkit_refuses() -> None:
    assert severity(refusing("0x8010001D", polkit=False), "GD401") is None
    assert status(refusing("0x8010001D", polkit=Unknown.because("who knows")), "GD401") == "unknown"


def test_another_answer_is_no_refusal() -> None:
    assert status(machine(pcscd={"polkit": True}), "GD401") == "pass"
    assert severity(refusing("0x80100001"), "GD401") is None


def test_a_full_pcscd_refuses_in_the_same_words() -> None:
    crowd = tuple(Connection(inode=number, uid=0, pid=1) for number in range(200))
    assert causes(refusing(connections=crowd)) == {"GD311"}


def test_a_pcscd_that_does_not_run_refuses_nobody() -> None:
    assert status(without_pcscd(), "GD401") == "skipped"


# -- GD402 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.2.40", "2.4.7"])
def test_a_device_that_scdaemon_may_not_open(version: str) -> None:
    facts = without_pcscd(version=version, usb=(LOCKED,), gnupg=WANTED)
    assert causes(facts) == {"GD402"}
    assert finding(facts, "GD402").subject == "YubiKey OTP+FIDO+CCID (USB 1-2:1.2)"


def test_a_device_that_it_may_open() -> None:
    assert status(without_pcscd(version="2.4.7", gnupg=WANTED), "GD402") == "pass"
    assert status(machine(usb=()), "GD402") == "skipped"


def test_it_is_an_error_before_gpg_was_tried() -> None:
    assert severity(without_pcscd(version="2.4.7", usb=(LOCKED,)), "GD402") == "error"


def test_who_goes_through_pcscd_needs_no_device() -> None:
    taken = replace(ON_USB, accessible=False)
    assert severity(machine(usb=(taken,), gnupg=WANTED), "GD402") is None
    assert severity(machine(version="2.4.7", conf="disable-ccid\n", usb=(taken,), gnupg=WANTED), "GD402") is None
    assert causes(machine(version="2.4.7", usb=(taken,), gnupg=WANTED)) == {"GD205"}


def test_2_2_turns_to_a_pcscd_that_sleeps() -> None:
    asleep = {"listener": "activator", "answer": Unknown.because("pcscd is asleep"), "connections": ()}
    facts = machine(usb=(LOCKED,), readers=Unknown.because("pcscd is asleep"), pcscd=asleep, gnupg=WANTED)
    assert severity(facts, "GD402") is None


def test_since_2_3_a_reader_of_pcscd_will_not_do() -> None:
    another = machine(version="2.4.7", usb=(LOCKED,), readers=(reader(name="A Serial Reader"),), gnupg=WANTED)
    assert causes(another) >= {"GD402"}


def test_a_pcscd_that_is_of_no_use_hides_nothing() -> None:
    stale = {"socket_file": "socket", "refused": True}
    assert causes(without_pcscd(version="2.4.7", usb=(LOCKED,), gnupg=WANTED, pcscd=stale)) == {"GD402"}


def test_2_2_turns_to_a_pcscd_that_lists_a_reader() -> None:
    assert severity(machine(usb=(LOCKED,), gnupg=WANTED), "GD402") is None
    assert severity(machine(usb=(LOCKED,), readers=(), gnupg=WANTED), "GD402") == "error"


def test_with_disable_ccid_scdaemon_opens_no_device() -> None:
    facts = without_pcscd(conf="disable-ccid\n", usb=(LOCKED,), gnupg=WANTED)
    assert (causes(facts), status(facts, "GD402")) == ({"GD301"}, "pass")


def test_another_device_will_do() -> None:
    both = (LOCKED, replace(FREE_ON_USB, name="1-3:1.0"))
    assert severity(without_pcscd(version="2.4.7", usb=both, gnupg=WANTED), "GD402") is None


def test_a_scdaemon_that_has_a_card_may_open_its_reader() -> None:
    facts = without_pcscd(version="2.4.7", usb=(LOCKED,), running=RUNNING)
    assert severity(facts, "GD402") is None


def test_without_the_node_it_is_unknown() -> None:
    hidden = replace(LOCKED, accessible=Unknown.because("sysfs does not tell the device's number"))
    assert status(without_pcscd(version="2.4.7", usb=(hidden,)), "GD402") == "unknown"


@pytest.mark.parametrize(
    ("at_seat", "of_gnupg", "expected"),
    [
        (False, "user@1000.service", "fail"),
        (True, "user@1000.service", "unknown"),
        (Unknown.because("there is no logind"), "user@1000.service", "unknown"),
        (False, "session-2.scope", "unknown"),
    ],
)
def test_below_a_user_manager_nobody_is_let_in_whose_sessions_are_all_refused(
    at_seat: Maybe[bool], of_gnupg: str, expected: str
) -> None:
    """polkit judges such a process by a session of its user."""
    facts = refusing(host={"session": "ssh", "session_unit": "session-7.scope", "at_seat": at_seat})
    facts = replace(facts, processes=(replace(AGENT, session=of_gnupg),))
    assert status(facts, "GD401") == expected
    unregistered = replace(facts, pcscd=replace(facts.pcscd, policy=False))
    assert status(unregistered, "GD401") == "fail", "polkit refuses everybody what it does not know"


def told(facts: Facts) -> str:
    cure = finding(facts, "GD402").found.cure
    assert cure is not None
    return " ".join(f"{it.text.clear()} {it.commands}" for it in cure.advice)


@pytest.mark.parametrize(
    ("pcscd", "command"),
    [
        ({"unit": "disabled"}, "'systemctl', 'enable', '--now', 'pcscd.socket'"),
        ({"unit": "masked"}, "'systemctl', 'unmask', 'pcscd.socket'"),
        ({"unit": None, "installed": False}, "'apt-get', 'install', 'pcscd'"),
    ],
)
def test_how_pcscd_is_run_to_open_the_device(pcscd: dict[str, Any], command: str) -> None:
    of_2_2 = told(without_pcscd(usb=(LOCKED,), pcscd=pcscd))
    assert command in of_2_2 and "disable-ccid" not in of_2_2, "scdaemon 2.2 turns to it by itself"
    of_2_4 = told(without_pcscd(version="2.4.7", usb=(LOCKED,), pcscd=pcscd))
    assert command in of_2_4 and "set disable-ccid" in of_2_4


def test_a_built_in_reader_that_nobody_wants_is_for_information() -> None:
    built_in = replace(LOCKED, removable="fixed")
    assert severity(without_pcscd(version="2.4.7", usb=(built_in,)), "GD402") == "info"
    assert severity(without_pcscd(version="2.4.7", usb=(built_in,), gnupg=WANTED), "GD402") == "error"
    unknown = {"card_keys": Unknown.because("hidden")}
    assert severity(without_pcscd(version="2.4.7", usb=(built_in,), gnupg=unknown), "GD402") == "error"
    empty_handed = replace(RUNNING, cards=())
    assert severity(without_pcscd(version="2.4.7", usb=(built_in,), running=empty_handed), "GD402") == "error"


# -- GD402 beside what keeps pcscd from serving ------------------------------------------------------------------

FAILED = {"service": "failed"}


def advice_on_usb(facts: Facts) -> str:
    cure = finding(facts, "GD402").found.cure
    assert cure is not None
    return " ".join(advice.text.clear() for advice in cure.advice)


def test_where_2_2_would_turn_to_pcscd_the_device_is_the_consequence() -> None:
    for cause, facts in (
        ("GD313", without_pcscd(usb=(LOCKED,), gnupg=WANTED, pcscd=FAILED)),
        ("GD314", machine(usb=(LOCKED,), readers=(), gnupg=WANTED, pcscd={"drivers": False})),
    ):
        assert (causes(facts), finding(facts, "GD402").consequence_of) == ({cause}, cause)
        assert "disable-ccid" not in advice_on_usb(facts) and cause in advice_on_usb(facts)


def test_a_milder_finding_is_no_cause() -> None:
    """From 2.3 on scdaemon does without pcscd, whatever is wrong with that."""
    facts = without_pcscd(version="2.4.7", usb=(LOCKED,), gnupg=WANTED, pcscd=FAILED)
    assert (severity(facts, "GD313"), finding(facts, "GD402").consequence_of) == ("info", None)
    assert "mend pcscd first (GD313)" in advice_on_usb(facts)
    assert "set disable-ccid: then pcscd" in advice_on_usb(without_pcscd(version="2.4.7", usb=(LOCKED,), gnupg=WANTED))


def test_a_session_that_gets_neither_leads_as_an_error() -> None:
    """What udev gives an active session alone, polkit does not give it either: its refusal tells of both."""
    refused = {"answer": "0x8010006A", "polkit": True}
    unlisted = Unknown.because("pcscd answers 0x8010006A")
    how: dict[str, Any] = {"version": "2.4.7", "readers": unlisted, "pcscd": refused, "host": {"session": "ssh"}}
    facts = machine(usb=(LOCKED,), gnupg=WANTED, **how)
    assert (causes(facts), severity(facts, "GD401"), severity(facts, "GD402")) == ({"GD401"}, "error", "error")
    assert "mend pcscd first (GD401), then set disable-ccid" in advice_on_usb(facts)
    assert severity(machine(usb=(FREE_ON_USB,), gnupg=WANTED, **how), "GD401") == "info"
