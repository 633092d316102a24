"""GD206 and GD208 by scdaemon's own driver, GD402 for pcscd's user, GD401's second question, GD506."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import CardAccess, Facts, LogEvent, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import (
    BOB,
    FREE_ON_USB,
    NITROKEY,
    ON_USB,
    PCSCD,
    RUNNING,
    SCDAEMON,
    client,
    connection,
    machine,
    reader,
    without_pcscd,
)
from tests.support.judging import causes, changed_lines, checks, finding, judged, severity, status

PCSC = "disable-ccid\n"
BOBS = replace(SCDAEMON, pid=900, uid=BOB, user="bob", cards=Unknown.because("bob's, and not asked"))
MY_OTHER = replace(SCDAEMON, pid=901, homedir="/home/alice/.gnupg-work", cards=1)
BY_OWN_DRIVER: dict[str, Any] = {"version": "2.4.7", "running": RUNNING, "readers": ()}
NOBODY = {"connections": ()}


# -- GD206 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.2.40", "2.4.7"])
def test_another_scdaemon_by_its_own_driver_without_any_pcscd(version: str) -> None:
    facts = without_pcscd(version=version, usb=(ON_USB,), others=(BOBS,))
    assert (causes(facts), finding(facts, "GD206").found.culprits[0].certainty) == ({"GD206"}, "likely")
    assert "belongs to bob" in finding(facts, "GD206").found.cure.advice[0].text.clear()  # type: ignore[union-attr]
    mine = without_pcscd(version=version, usb=(ON_USB,), others=(MY_OTHER,))
    assert finding(mine, "GD206").found.culprits[0].certainty == "certain"


@pytest.mark.parametrize("conf", [None, PCSC])
def test_the_same_beside_a_pcscd_that_does_not_list_the_reader(conf: str | None) -> None:
    facts = machine(version="2.4.7", conf=conf, readers=(), others=(BOBS,))
    assert causes(facts) == {"GD206"}
    assert {check.status for check in checks(facts, "GD502")} == {"skipped"}


def test_a_scdaemon_of_others_that_is_no_rival() -> None:
    without_card = replace(BOBS, cards=0)
    assert severity(without_pcscd(version="2.4.7", usb=(ON_USB,), others=(without_card,)), "GD206") is None
    free_too = (ON_USB, replace(FREE_ON_USB, name="1-3:1.0"))
    assert severity(without_pcscd(version="2.4.7", usb=free_too, others=(BOBS,)), "GD206") is None
    assert severity(machine(version="2.4.7", conf=PCSC, others=(BOBS,)), "GD206") is None, "pcscd has the reader"
    mine = machine(**BY_OWN_DRIVER, pcscd=NOBODY, others=(BOBS,))
    assert severity(mine, "GD206") is None


def test_where_pcscd_may_have_the_reader_it_is_unknown() -> None:
    unlisted = Unknown.because("it took too long")
    facts = machine(version="2.4.7", readers=unlisted, others=(BOBS,))
    assert {check.status for check in checks(facts, "GD206")} == {"unknown"}


# -- GD208 -------------------------------------------------------------------------------------------------------


def test_scdaemons_own_driver_keeps_the_reader_from_pcscd() -> None:
    facts = machine(**BY_OWN_DRIVER, pcscd=NOBODY)
    assert (causes(facts), severity(facts, "GD208")) == ({"GD208"}, "warning")
    cure = finding(facts, "GD208").found.cure
    assert cure is not None and cure.options == ("disable-ccid",)
    assert status(facts, "GD502") == "skipped"


@pytest.mark.parametrize(
    ("program", "expected"), [("firefox", "error"), ("gsd-smartcard", "warning"), ("keepassxc", "warning")]
)
def test_it_is_an_error_where_a_program_that_uses_cards_waits(program: str, expected: str) -> None:
    waiting = client(program)
    facts = machine(**BY_OWN_DRIVER, others=(waiting,), pcscd=NOBODY)
    facts = replace(facts, pcscd=replace(facts.pcscd, connections=(connection(waiting),)))
    assert severity(facts, "GD208") == expected


def test_without_a_pcscd_it_is_for_information() -> None:
    facts = without_pcscd(version="2.4.7", running=RUNNING, usb=(ON_USB,))
    assert (causes(facts), severity(facts, "GD208")) == (set(), "info")
    useless = machine(**BY_OWN_DRIVER, pcscd=NOBODY, usb=(replace(ON_USB, in_libccid=False),))
    assert severity(useless, "GD208") == "info", "pcscd could not use it"


def test_a_scdaemon_that_goes_through_pcscd_keeps_nothing_from_it() -> None:
    taken = (reader("PRESENT", "EXCLUSIVE"),)
    assert status(machine(version="2.4.7", conf=PCSC, running=RUNNING, readers=taken), "GD208") == "pass"
    assert status(machine(version="2.4.7", conf=PCSC), "GD208") == "pass"


# -- GD402 -------------------------------------------------------------------------------------------------------


def _own_user(facts: Facts) -> Facts:
    assert isinstance(facts.processes, tuple)
    own = replace(PCSCD, uid=971, user="pcscd")
    return replace(facts, processes=(own, *(it for it in facts.processes if it.role != "pcscd")))


@pytest.mark.parametrize(("may", "certainty"), [(False, "certain"), (Unknown.because("old"), "likely")])
def test_pcscds_own_user_may_not_open_the_reader(may: Any, certainty: str) -> None:
    usb = (replace(FREE_ON_USB, accessible_to_pcscd=may),)
    facts = _own_user(machine(version="2.4.8", conf=PCSC, usb=usb, readers=()))
    assert causes(facts) == {"GD402"}
    assert finding(facts, "GD402").found.culprits[0].certainty == certainty


def test_where_it_may_open_it_the_reader_is_missed_for_another_reason() -> None:
    usb = (replace(FREE_ON_USB, accessible_to_pcscd=True),)
    assert causes(_own_user(machine(version="2.4.8", conf=PCSC, usb=usb, readers=()))) == {"GD502"}
    denied = (LogEvent(kind="open-failed", age=9.0, code="ACCESS"),)
    facts = _own_user(machine(version="2.4.8", conf=PCSC, usb=usb, readers=(), pcscd={"log": denied}))
    assert causes(facts) == {"GD402"}


CLOSED = replace(FREE_ON_USB, accessible=False, accessible_to_pcscd=False)


def _told(facts: Facts) -> str:
    found = finding(facts, "GD402").found
    assert found.effect is not None and found.cure is not None
    return " ".join([found.summary.clear(), found.effect.clear(), *(it.text.clear() for it in found.cure.advice)])


@pytest.mark.parametrize(
    ("version", "conf", "own_driver"), [("2.2.40", "", True), ("2.4.8", PCSC, True), ("2.4.8", "", False)]
)
@pytest.mark.parametrize("ccid", [True, False])
def test_where_scdaemons_path_ends_at_pcscd_its_users_lack_of_the_right_is_the_cause(
    version: str, conf: str, own_driver: bool, ccid: bool
) -> None:
    """Whether or not I may open the device, and whatever class it is of that a driver of pcscd's knows."""
    usb = (replace(CLOSED, ccid=ccid),)
    facts = _own_user(machine(version=version, conf=conf, usb=usb, readers=(), own_driver=own_driver))
    assert (causes(facts), severity(facts, "GD402"), severity(facts, "GD502")) == ({"GD402"}, "error", None)
    assert [(who.user, who.certainty) for who in finding(facts, "GD402").found.culprits] == [("pcscd", "certain")]
    assert "your own user would have no trouble" not in _told(facts)
    assert "package that brings its driver" in _told(facts)
    assert ("your user lacks the right" in _told(facts)) is (version == "2.2.40" and ccid)


def test_a_pcscd_that_may_open_the_reader_leaves_it_to_the_other_findings() -> None:
    usb = (replace(CLOSED, accessible_to_pcscd=True),)
    assert causes(_own_user(machine(usb=usb, readers=()))) == {"GD402", "GD502"}, "2.2 would turn to it"
    of_class_ff = (replace(CLOSED, ccid=False, accessible_to_pcscd=True),)
    assert causes(_own_user(machine(usb=of_class_ff, readers=()))) == {"GD502"}


def test_since_2_3_my_own_right_comes_first_and_pcscds_is_why_it_is_no_way_around() -> None:
    facts = _own_user(machine(version="2.4.8", usb=(CLOSED,), readers=()))
    assert (causes(facts), finding(facts, "GD402").found.culprits) == ({"GD402"}, ())
    assert "your user lacks the right" in _told(facts)
    assert "no way around it yet. pcscd runs as the user pcscd, which may not open" in _told(facts)


def test_where_i_may_open_it_myself_that_is_said() -> None:
    facts = _own_user(machine(version="2.4.8", conf=PCSC, usb=(replace(CLOSED, accessible=True),), readers=()))
    assert "root or your own user would have no trouble" in _told(facts)


def test_a_closed_reader_beside_one_with_a_card_does_no_harm() -> None:
    of_class_ff = replace(CLOSED, ccid=False, name="1-3:1.0", title="ACR128U")
    facts = _own_user(machine(version="2.4.8", conf=PCSC, usb=(ON_USB, of_class_ff)))
    assert (severity(facts, "GD402"), judged(facts).verdict) == ("info", "healthy")


def test_a_log_that_tells_of_another_device_tells_nothing_of_this_one() -> None:
    usb = (replace(CLOSED, accessible_to_pcscd=True),)
    denied = LogEvent(kind="open-failed", age=9.0, code="ACCESS", vendor="072f", product="90cc")
    assert causes(_own_user(machine(version="2.4.8", conf=PCSC, usb=usb, readers=(), pcscd={"log": (denied,)}))) == {
        "GD502"
    }


def test_a_pcscd_that_is_root_needs_no_rule() -> None:
    assert causes(machine(version="2.4.8", conf=PCSC, usb=(FREE_ON_USB,), readers=())) == {"GD502"}


# -- GD401: the second question -----------------------------------------------------------------------------------


def access(answer: str, about: str = "scdaemon", *, with_reader: bool = False, **pcscd: Any) -> Facts:
    card = CardAccess(answer=answer, about=about, with_reader=with_reader)
    return machine(version="2.4.7", conf=PCSC, pcscd={"polkit": True, "card_access": card, **pcscd})


def test_who_may_ask_may_still_not_connect() -> None:
    assert status(access("yes"), "GD401") == "pass"
    assert status(access("no"), "GD401") == status(access("challenge"), "GD401") == "unknown"
    assert causes(access("no")) == set()
    assert severity(access("no", with_reader=True), "GD401") == "error"
    refused = LogEvent(kind="not-authorised", age=3.0, uid=1000, pid=77, action="access_card")
    assert severity(access("no", log=(refused,)), "GD401") == "error"
    assert status(access("yes", log=(refused,)), "GD401") == "pass", "it was another session of mine"
    greeter = replace(refused, uid=997)
    assert severity(access("no", log=(greeter,)), "GD401") is None


def test_a_probe_that_was_denied_is_an_answer() -> None:
    denied = (reader("PRESENT", "INUSE", probe="denied"),)
    facts = machine(version="2.4.7", conf=PCSC, readers=denied, clients=(client("firefox"),), pcscd={"polkit": True})
    assert causes(facts) == {"GD401"}
    assert "without a reader's name" in finding(facts, "GD401").found.cure.advice[0].text.clear()  # type: ignore[union-attr]


# -- GD506 -------------------------------------------------------------------------------------------------------

EMPTY = reader("EMPTY", name="Built-in Reader 00 00")


def test_an_empty_reader_that_comes_first_on_2_2() -> None:
    facts = machine(conf=PCSC, readers=(EMPTY, reader()))
    assert (causes(facts), severity(facts, "GD506")) == ({"GD506"}, "error")
    cure = finding(facts, "GD506").found.cure
    assert cure is not None and cure.options == ("reader-port Yubico YubiKey",)


def test_a_reader_port_that_names_the_empty_one_is_rewritten() -> None:
    facts = machine(conf=f"{PCSC}reader-port Built-in\n", readers=(EMPTY, reader()))
    assert changed_lines(facts, "GD506") == {2: "reader-port Yubico YubiKey"}


def test_another_card_is_for_information_and_the_first_reader_is_well() -> None:
    assert severity(machine(conf=PCSC, readers=(reader(), reader(name=NITROKEY))), "GD506") == "info"
    assert severity(machine(conf=PCSC, readers=(reader(), EMPTY)), "GD506") is None
    assert severity(machine(version="2.4.7", conf=PCSC, readers=(EMPTY, reader())), "GD506") is None
    both_free = (FREE_ON_USB, replace(FREE_ON_USB, name="1-3:1.0"))
    assert status(machine(usb=both_free, readers=(EMPTY, reader())), "GD506") == "skipped", "its own driver tries all"


def test_who_never_connects_in_that_mode_is_left_out() -> None:
    both = (client("firefox", pid=810), client("yubikey-agent", pid=811))
    alone = (reader("PRESENT", "EXCLUSIVE"),)
    (culprit,) = finding(machine(conf=PCSC, clients=both, readers=alone), "GD203").found.culprits
    assert (culprit.program, culprit.certainty) == ("yubikey-agent", "likely")
    shared = (reader("PRESENT", "INUSE", probe="ok"),)
    (culprit,) = finding(machine(conf=PCSC, clients=both, readers=shared), "GD202").found.culprits
    assert (culprit.program, culprit.certainty) == ("firefox", "likely")
    (culprit,) = finding(machine(conf=PCSC, clients=both[:1], readers=alone), "GD203").found.culprits
    assert (culprit.program, culprit.certainty) == ("firefox", "certain"), "nobody else is there"


def test_as_many_connections_as_programs_are_each_of_them() -> None:
    two = (client("firefox", pid=810), client("thunderbird", pid=811))
    held = (reader("PRESENT", "INUSE", probe="ok", handles=2),)
    found = finding(machine(conf=PCSC, clients=two, readers=held), "GD202").found
    assert {it.certainty for it in found.culprits} == {"likely"} and found.summary.clear().startswith("Each of ")
    one = (reader("PRESENT", "INUSE", probe="ok", handles=1),)
    found = finding(machine(conf=PCSC, clients=two, readers=one), "GD202").found
    assert {it.certainty for it in found.culprits} == {"possible"} and found.summary.clear().startswith("One of 2")


ALCOR = replace(ON_USB, name="1-5:1.0", vendor="058f", product="9540", title="EMV Smartcard Reader")
ZEITCONTROL = replace(RUNNING, cards=("D2760001240103040005123456780000",))


@pytest.mark.parametrize("version", ["2.2.40", "2.4.7"])
@pytest.mark.parametrize("running", [RUNNING, ZEITCONTROL])
def test_a_reader_that_pcscd_lists_under_another_name_is_not_scdaemons(version: str, running: Any) -> None:
    listed = (reader("EMPTY", name="Alcor Micro AU9540 00 00"),)
    facts = machine(version=version, running=running, readers=listed, usb=(ALCOR, ON_USB), pcscd=NOBODY)
    assert finding(facts, "GD208").subject == "YubiKey OTP+FIDO+CCID (USB 1-2:1.2)"


def test_of_more_readers_than_scdaemon_has_cards_the_maker_of_the_card_tells() -> None:
    strange = replace(ON_USB, name="1-6:1.0", vendor="1fc9", title="A Reader")
    facts = machine(**BY_OWN_DRIVER, usb=(strange, ON_USB), pcscd=NOBODY)
    assert finding(facts, "GD208").subject == "YubiKey OTP+FIDO+CCID (USB 1-2:1.2)"
    anybodys = machine(**{**BY_OWN_DRIVER, "running": ZEITCONTROL}, usb=(strange, ON_USB), pcscd=NOBODY)
    (check,) = checks(anybodys, "GD208")
    assert (check.status, check.counts) == ("unknown", False)


def test_of_two_of_a_kind_pcscd_may_have_either() -> None:
    twin = replace(ON_USB, name="1-3:1.2")
    facts = machine(**{**BY_OWN_DRIVER, "readers": (reader("EMPTY"),)}, usb=(ON_USB, twin), pcscd=NOBODY)
    assert status(facts, "GD208") == "unknown"
    both = replace(RUNNING, cards=(*RUNNING.cards, "D2760001240103040006999999990000"))
    facts = machine(**{**BY_OWN_DRIVER, "running": both}, usb=(ON_USB, twin), pcscd=NOBODY)
    assert len(checks(facts, "GD208")) == 2 and causes(facts) == {"GD208"}


def test_a_second_slot_is_no_second_reader() -> None:
    slots = (reader("EMPTY", name="Alcor Micro AU9540 00 00"), reader("EMPTY", name="Alcor Micro AU9540 00 01"))
    facts = machine(**{**BY_OWN_DRIVER, "readers": slots}, usb=(ALCOR, ON_USB), pcscd=NOBODY)
    assert finding(facts, "GD208").subject == "YubiKey OTP+FIDO+CCID (USB 1-2:1.2)"


def test_with_disable_ccid_its_own_driver_has_nothing() -> None:
    of_the_host = Unknown.because("the socket of pcscd comes from outside this container")
    facts = without_pcscd(
        version="2.4.7",
        conf=PCSC,
        running=RUNNING,
        readers=of_the_host,
        usb=(replace(ON_USB, accessible=False),),
        pcscd={"mounted": True, "socket_file": "socket", "refused": of_the_host},
        host={"container": "docker"},
    )
    assert status(facts, "GD208") == "pass"
    assert (judged(facts).verdict, judged(facts).complete) == ("healthy", True), "its card comes from somewhere"
    without_card = replace(facts, gnupg=replace(facts.gnupg, running=replace(RUNNING, version="2.4.7", cards=())))
    assert judged(without_card).verdict == "incomplete"


def test_a_pcscd_that_only_this_look_woke_makes_no_warning() -> None:
    facts = machine(**BY_OWN_DRIVER, pcscd=NOBODY)
    assert isinstance(facts.processes, tuple)
    woken = replace(facts, processes=tuple(it for it in facts.processes if it.role != "pcscd"))
    assert severity(woken, "GD208") == "info"
    hiding = replace(woken, host=replace(woken.host, hides_processes=True))
    assert severity(hiding, "GD208") == "warning", "it may have run before"


def test_a_reader_in_which_its_own_driver_finds_no_card() -> None:
    """An empty one, or one that the driver does not get on with: neither shows, so it is for information."""
    keys = {"card_keys": 3}
    facts = without_pcscd(version="2.4.7", usb=(ON_USB,), running=replace(RUNNING, cards=()), gnupg=keys)
    found = finding(facts, "GD503").found
    assert found.severity == "info" and found.cure is not None
    assert "disable-ccid" in found.cure.advice[0].text.clear()
    for other in (
        without_pcscd(version="2.4.7", usb=(ON_USB,), running=RUNNING, gnupg=keys),
        without_pcscd(version="2.4.7", usb=(ON_USB,), running=replace(RUNNING, cards=())),
        without_pcscd(version="2.4.7", usb=(FREE_ON_USB,), running=replace(RUNNING, cards=()), gnupg=keys),
        without_pcscd(version="2.4.7", usb=(ON_USB,), gnupg=keys),
    ):
        assert severity(other, "GD503") is None
