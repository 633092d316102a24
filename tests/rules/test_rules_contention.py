"""GD2xx: two programs want one reader."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Connection, Facts, LogEvent, Process, Reader, Reason, Unknown, known
from gpgdoctor.rules import holding
from gpgdoctor.system.record import replace
from gpgdoctor.wording import clear
from tests.support.build import (
    ALICE,
    BOB,
    EMPTY_HANDED,
    EXCLUSIVE,
    FREE_ON_USB,
    IN_USE,
    NITROKEY,
    NOW,
    RUNNING,
    SCDAEMON,
    SHARING,
    client,
    connection,
    machine,
    reader,
    without_pcscd,
)
from tests.support.judging import causes, checks, finding, judged, severity, status

BLOCKED = replace(IN_USE, probe="blocked", seconds=2.0)
KEEPASSXC, GNOME, STRANGER = client("keepassxc"), client("gsd-smartcard", pid=801), client("a-program", pid=802)
OTHERS_SCDAEMON = replace(SCDAEMON, pid=900, uid=BOB, user="bob", cards=1)
MY_OTHER_SCDAEMON = replace(SCDAEMON, pid=901, homedir="/home/alice/.gnupg-work", cards=1)
FIREFOX = client("firefox", pid=803)
UNSEEN = {"connections": (Connection(inode=1, uid=0, pid=Unknown.because("not visible")),)}
NOT_ROOT = {"root": False}


def held_by(*programs: Any, **how: Any) -> Facts:
    return machine(**{"readers": (IN_USE,), "clients": programs, **how})


def kept_by(*programs: Any, **how: Any) -> Facts:
    return machine(**{"readers": (EXCLUSIVE,), "clients": programs, **how})


@pytest.mark.parametrize("id", ["GD201", "GD202", "GD203", "GD204", "GD205", "GD206", "GD207"])
def test_a_machine_without_contention_passes(id: str) -> None:
    assert status(machine(), id) == status(without_pcscd(), id) == "pass"


@pytest.mark.parametrize("id", ["GD201", "GD202", "GD203", "GD204", "GD206", "GD207"])
def test_without_the_readers_contention_is_unknown(id: str) -> None:
    assert status(held_by(KEEPASSXC, readers=Unknown.because("it took too long")), id) == "unknown"
    assert status(machine(readers=Unknown.because("it took too long"), pcscd={"hidden": 1}), id) == "unknown"


@pytest.mark.parametrize("id", ["GD201", "GD202", "GD203", "GD204", "GD206", "GD207"])
def test_where_nobody_is_connected_nobody_contends(id: str) -> None:
    assert status(machine(readers=Unknown.because("it took too long")), id) == "pass"


def test_a_program_that_was_there_for_a_moment_holds_nothing() -> None:
    assert causes(held_by(readers=(replace(IN_USE, later_state=("PRESENT",)),), clients=())) == set()


# -- GD201 -------------------------------------------------------------------------------------------------------


def test_an_exclusive_scdaemon_is_for_information_while_nobody_else_wants_the_card() -> None:
    facts = kept_by(running=RUNNING)
    assert (causes(facts), severity(facts, "GD201"), judged(facts).verdict) == (set(), "info", "healthy")
    (culprit,) = finding(facts, "GD201").found.culprits
    assert (culprit.pid, culprit.certainty) == (RUNNING.pid, "certain")


@pytest.mark.parametrize(
    ("program", "expected"), [(FIREFOX, "error"), (KEEPASSXC, "info"), (GNOME, "info"), (STRANGER, "error")]
)
def test_it_is_an_error_where_a_program_that_uses_cards_waits(program: object, expected: str) -> None:
    assert severity(kept_by(program, running=RUNNING), "GD201") == expected


def test_refusals_in_pcscds_log_are_shown_and_raise_nothing() -> None:
    facts = kept_by(running=RUNNING, pcscd={"log": (LogEvent(kind="refused-exclusive", age=12.0),)})
    found = finding(facts, "GD201").found
    assert found.severity == "info" and found.note is not None and "1 refusals" in found.note.clear()


def test_a_scdaemon_that_shares_excludes_nobody() -> None:
    assert severity(held_by(running=RUNNING, conf=SHARING), "GD201") is None
    assert severity(kept_by(KEEPASSXC), "GD201") is None


# -- GD202 -------------------------------------------------------------------------------------------------------


def test_a_program_that_shares_the_reader_blocks_scdaemon() -> None:
    facts = held_by(KEEPASSXC)
    assert (causes(facts), severity(facts, "GD202")) == ({"GD202"}, "warning")
    (culprit,) = finding(facts, "GD202").found.culprits
    assert (culprit.program, culprit.certainty) == ("keepassxc", "certain")
    cure = finding(facts, "GD202").found.cure
    assert cure and cure.options == ("disable-ccid", "pcsc-shared")


def test_it_is_an_error_where_somebody_wants_the_card() -> None:
    assert severity(held_by(KEEPASSXC, gnupg={"card_keys": 3}), "GD202") == "error"
    assert severity(held_by(KEEPASSXC, running=replace(RUNNING, cards=())), "GD202") == "error"


def test_one_of_several_is_possible_and_who_always_holds_comes_first() -> None:
    culprits = finding(held_by(GNOME, STRANGER, KEEPASSXC), "GD202").found.culprits
    assert [culprit.program for culprit in culprits] == ["gsd-smartcard", "a-program", "keepassxc"]
    assert {culprit.certainty for culprit in culprits} == {"possible"}


def test_a_connection_out_of_sight_is_a_candidate_too() -> None:
    found = finding(held_by(STRANGER, pcscd={"hidden": 1, "connections": (connection(STRANGER),)}), "GD202").found
    assert {culprit.certainty for culprit in found.culprits} == {"possible"}
    assert found.summary.clear().startswith("One of 2 programs ")


def test_who_has_the_card_or_shares_is_not_blocked() -> None:
    assert severity(held_by(KEEPASSXC, conf=SHARING), "GD202") is None
    assert severity(held_by(KEEPASSXC, running=RUNNING), "GD202") is None


def test_who_goes_by_his_own_driver_is_not_blocked() -> None:
    assert severity(held_by(KEEPASSXC, usb=(FREE_ON_USB,)), "GD202") is None
    assert severity(held_by(KEEPASSXC, version="2.4.7"), "GD202") is None
    assert severity(held_by(KEEPASSXC, version="2.4.7", conf="disable-ccid\n"), "GD202") == "warning"


def test_only_the_reader_that_scdaemon_takes_counts() -> None:
    second = (reader(), replace(IN_USE, name=NITROKEY))
    assert severity(held_by(KEEPASSXC, readers=second), "GD202") is None
    assert severity(held_by(KEEPASSXC, readers=second, conf="reader-port Nitrokey\n"), "GD202") == "warning"
    assert severity(held_by(KEEPASSXC, readers=second, conf="disable-ccid\n", version="2.4.7"), "GD202") is None


def test_an_old_scdaemon_cannot_share() -> None:
    cure = finding(held_by(KEEPASSXC, version="2.2.27"), "GD202").found.cure
    assert cure and (cure.applicability, cure.options) == ("manual", ())


# -- GD203 -------------------------------------------------------------------------------------------------------


def test_a_program_that_keeps_the_reader_to_itself() -> None:
    facts = kept_by(client("yubikey-agent"))
    assert causes(facts) == {"GD203"}
    cure = finding(facts, "GD203").found.cure
    assert (
        cure and cure.applicability == "manual" and ("pkill", "-HUP", "-x", "yubikey-agent") in cure.advice[0].commands
    )


def test_pcsc_shared_does_not_help_against_it() -> None:
    assert causes(kept_by(client("yubikey-agent"), conf=SHARING)) == {"GD203"}


def test_a_shared_reader_is_not_kept() -> None:
    assert severity(held_by(KEEPASSXC), "GD203") is None
    assert severity(kept_by(running=RUNNING), "GD203") is None
    assert severity(kept_by(KEEPASSXC, readers=(replace(EXCLUSIVE, probe="ok"),)), "GD203") is None


def test_which_of_two_exclusive_readers_is_scdaemons_can_be_unknown() -> None:
    two = (EXCLUSIVE, replace(EXCLUSIVE, name=NITROKEY))
    facts = kept_by(STRANGER, readers=two, running=RUNNING, version="2.4.7", conf="disable-ccid\n")
    assert {check.status for check in judged(facts).checks if check.rule.id == "GD203"} == {"unknown"}


# -- GD204 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["blocked", "stuck"])
def test_a_probe_that_stays_blocked_is_a_transaction(outcome: str) -> None:
    assert causes(held_by(KEEPASSXC, readers=(replace(BLOCKED, probe=outcome),))) == {"GD204"}


def test_a_probe_that_comes_back_is_none() -> None:
    assert severity(held_by(KEEPASSXC), "GD204") is None
    assert severity(kept_by(KEEPASSXC), "GD204") is None


def test_an_earlier_probe_that_still_waits_tells_as_much() -> None:
    not_made = replace(IN_USE, probe="not-made", not_made_reason=Reason.PROBE_WAITS)
    assert severity(held_by(KEEPASSXC, readers=(not_made,), pcscd={"waiting": 1}), "GD204") == "error"
    assert status(held_by(KEEPASSXC, readers=(not_made,)), "GD204") == "unknown"


def test_a_program_that_waits_tells_as_much_and_may_itself_be_a_candidate() -> None:
    not_made = replace(IN_USE, probe="not-made", not_made_reason=Reason.PROGRAM_WAITS)
    both = held_by(KEEPASSXC, STRANGER, readers=(not_made,), pcscd={"waiting_programs": 1})
    assert severity(both, "GD204") == "error"
    assert {who.certainty for who in finding(both, "GD204").found.culprits} == {"possible"}
    alone = held_by(KEEPASSXC, readers=(not_made,), pcscd={"waiting_programs": 1})
    assert [who.certainty for who in finding(alone, "GD204").found.culprits] == ["possible"]
    unwanted = replace(not_made, not_made_reason=Reason.NO_PROBE)
    assert severity(held_by(KEEPASSXC, readers=(unwanted,), pcscd={"waiting_programs": 1}), "GD204") == "error"


def test_who_was_there_before_another_came_to_wait_is_named_first() -> None:
    not_made = replace(IN_USE, probe="not-made", not_made_reason=Reason.PROGRAM_WAITS)
    came_last = client("firefox", 801, started=NOW - 20)
    there_before = client("xfreerdp", 802, started=NOW - 300)
    waiting = held_by(came_last, there_before, readers=(not_made,), pcscd={"waiting_programs": 1})
    assert [who.program for who in finding(waiting, "GD204").found.culprits] == ["xfreerdp", "firefox"]
    only_connected = client("keepassxc", 803, started=NOW - 3000)
    beside = held_by(only_connected, came_last, readers=(not_made,), pcscd={"waiting_programs": 1})
    assert [who.program for who in finding(beside, "GD204").found.culprits] == ["firefox", "keepassxc"]


def test_my_scdaemon_waits_for_the_only_other_program() -> None:
    not_made = replace(IN_USE, probe="not-made", not_made_reason=Reason.PROGRAM_WAITS)
    silent = {"running": Unknown.because("it did not answer")}
    waits = held_by(KEEPASSXC, SCDAEMON, readers=(not_made,), pcscd={"waiting_programs": 1}, gnupg=silent)
    assert [(who.pid, who.certainty) for who in finding(waits, "GD204").found.culprits] == [(KEEPASSXC.pid, "certain")]


def test_in_which_of_several_readers_it_waits_is_not_known() -> None:
    """Then nothing else is said of a reader that may as well be in a transaction, and nothing is cured."""
    not_made = replace(IN_USE, probe="not-made", not_made_reason=Reason.PROBE_WAITS)
    both = held_by(KEEPASSXC, readers=(not_made, replace(not_made, name=NITROKEY)), pcscd={"waiting": 1})
    assert (causes(both), judged(both).verdict) == (set(), "incomplete")
    assert "unknown" in {check.status for check in checks(both, "GD202")}
    alone = (not_made, replace(EXCLUSIVE, name=NITROKEY))  # which would have refused it
    assert "GD204" in causes(held_by(KEEPASSXC, readers=alone, pcscd={"waiting": 1}))


def test_a_probe_that_nobody_wanted_is_skipped() -> None:
    not_made = replace(IN_USE, probe="not-made", not_made_reason=Reason.NO_PROBE)
    assert status(held_by(KEEPASSXC, readers=(not_made,)), "GD204") == "skipped"


@pytest.mark.parametrize("reason", [Reason.NO_PROBE, Reason.PASSIVE])
def test_a_holder_is_blamed_where_nobody_wanted_a_probe(reason: Reason) -> None:
    not_made = replace(IN_USE, probe="not-made", not_made_reason=reason)
    assert severity(held_by(KEEPASSXC, readers=(not_made,)), "GD202") == "warning"


# -- GD205 -------------------------------------------------------------------------------------------------------


def test_since_2_3_scdaemon_looks_past_a_reader_of_pcscd() -> None:
    facts = machine(version="2.4.7")
    assert causes(facts) == {"GD205"}
    cure = finding(facts, "GD205").found.cure
    assert cure and cure.options == ("disable-ccid",) and "smaller change" in cure.advice[0].text.clear()


def test_with_a_holder_the_reader_has_to_be_shared_as_well() -> None:
    cure = finding(held_by(KEEPASSXC, version="2.4.7"), "GD205").found.cure
    assert cure and cure.options == ("disable-ccid", "pcsc-shared") and cure.advice == ()


def test_whoever_goes_through_pcscd_does_not_compete() -> None:
    assert severity(machine(version="2.4.7", conf="disable-ccid\n"), "GD205") is None
    assert severity(machine(version="2.4.7", own_driver=False), "GD205") is None
    assert severity(machine(version="2.2.40"), "GD205") is None


def test_whoever_has_the_card_by_his_own_driver_works() -> None:
    by_own_driver: dict[str, Any] = {"running": RUNNING, "pcscd": {"connections": ()}}
    assert severity(machine(version="2.4.7", **by_own_driver), "GD205") is None
    assert severity(machine(version="2.4.7", usb=(FREE_ON_USB,)), "GD205") is None


def test_without_usb_it_is_unknown() -> None:
    assert status(machine(version="2.4.7", usb=Unknown.because("/sys is not mounted")), "GD205") == "unknown"


# -- GD206 -------------------------------------------------------------------------------------------------------


def test_the_scdaemon_of_another_user_has_the_reader() -> None:
    facts = kept_by(OTHERS_SCDAEMON)
    assert causes(facts) == {"GD206"}
    cure = finding(facts, "GD206").found.cure
    assert cure and "bob" in cure.advice[0].text.clear() and cure.advice[0].commands == ()


def test_my_own_scdaemon_of_another_home_can_be_stopped() -> None:
    cure = finding(kept_by(MY_OTHER_SCDAEMON), "GD206").found.cure
    assert cure and tuple(map(clear, cure.advice[0].commands)) == (
        ("gpgconf", "--homedir", "/home/alice/.gnupg-work", "--kill", "scdaemon"),
    )


def test_a_scdaemon_without_a_card_has_no_reader() -> None:
    assert severity(kept_by(KEEPASSXC, replace(OTHERS_SCDAEMON, cards=0)), "GD206") is None
    assert severity(kept_by(OTHERS_SCDAEMON, running=RUNNING), "GD206") is None


# -- GD207 -------------------------------------------------------------------------------------------------------


def test_whoever_is_not_visible_is_said_to_be_so() -> None:
    facts = held_by(pcscd=UNSEEN, host=NOT_ROOT)
    assert (causes(facts), finding(facts, "GD207").consequence_of) == ({"GD202"}, "GD202")
    assert finding(facts, "GD202").found.note and finding(facts, "GD202").found.culprits[0].user == "root"


def test_whoever_is_visible_explains_it() -> None:
    assert severity(held_by(KEEPASSXC), "GD207") is None
    assert severity(held_by(running=RUNNING, conf=SHARING), "GD207") is None


def test_a_connection_of_my_user_may_be_my_scdaemons() -> None:
    opaque = {"connections": (Connection(inode=1, uid=ALICE, pid=Unknown.because("not visible")),)}
    facts = machine(readers=(EXCLUSIVE,), running=RUNNING, pcscd=opaque, host=NOT_ROOT)
    assert (causes(facts), severity(facts, "GD201")) == (set(), "info")


# -- several readers ---------------------------------------------------------------------------------------------


HIDDEN = Connection(inode=900, uid=ALICE, pid=Unknown.because("the program is not visible to this user"))


def whom(facts: Facts) -> list[tuple[str, str | None, str]]:
    return [(who.program, who.user, who.certainty) for who in finding(facts, "GD202").found.culprits]


def beside_my_empty_handed_scdaemon(*connections: Connection, programs: tuple[Process, ...] = ()) -> Facts:
    as_me = {"root": False}
    facts = held_by(*programs, running=EMPTY_HANDED, readers=(IN_USE,), host=as_me)
    found = (*known(facts.pcscd.connections), *connections)
    return replace(facts, pcscd=replace(facts.pcscd, connections=found))


def test_a_hidden_connection_of_my_scdaemon_that_has_no_card_is_no_candidate() -> None:
    watcher = client("gsd-smartcard", 801)
    one = beside_my_empty_handed_scdaemon(HIDDEN, programs=(watcher,))
    assert whom(one) == [("gsd-smartcard", "alice", "likely")]
    further = beside_my_empty_handed_scdaemon(HIDDEN, replace(HIDDEN, inode=901), programs=(watcher,))
    assert whom(further)[1:] == [("unknown", "alice", "possible")], "that one is somebody else's"
    of_another = beside_my_empty_handed_scdaemon(HIDDEN, replace(HIDDEN, inode=901, uid=987))
    assert whom(of_another) == [("unknown", "uid 987", "likely")]


def test_a_scdaemon_that_goes_by_its_own_driver_has_no_connection_to_hide() -> None:
    watcher = client("gsd-smartcard", 801)
    facts = beside_my_empty_handed_scdaemon(HIDDEN, programs=(watcher,))
    assert holding.unseen(facts) == 0
    on_usb = replace(facts, configuration=replace(facts.configuration, in_force=()))
    newer = replace(on_usb, gnupg=replace(on_usb.gnupg, scdaemon_version="2.4.7"))
    assert holding.unseen(newer) == 1
    unknown = replace(facts, gnupg=replace(facts.gnupg, scdaemon_version=Unknown.because("it did not tell")))
    assert holding.unseen(unknown) == 1


def test_a_hidden_connection_that_nothing_else_explains_stays() -> None:
    assert whom(beside_my_empty_handed_scdaemon(HIDDEN)) == [("unknown", "alice", "likely")]
    seen = Connection(inode=902, uid=ALICE, pid=SCDAEMON.pid)
    assert whom(beside_my_empty_handed_scdaemon(HIDDEN, seen, programs=(client("gsd-smartcard", 801),)))[1:] == [
        ("unknown", "alice", "possible")
    ], "my scdaemon's is another one"


def test_a_scdaemon_that_is_the_only_client_has_every_reader_that_is_held() -> None:
    both = (EXCLUSIVE, replace(EXCLUSIVE, name=NITROKEY))
    facts = kept_by(running=RUNNING, readers=both, version="2.4.7", conf="disable-ccid\n")
    assert (causes(facts), severity(facts, "GD201"), judged(facts).complete) == (set(), "info", True)


def test_without_another_scdaemon_none_has_the_reader() -> None:
    both = (IN_USE, replace(IN_USE, name=NITROKEY))
    facts = held_by(STRANGER, running=RUNNING, readers=both, version="2.4.7", conf=SHARING)
    assert {check.status for check in checks(facts, "GD206")} == {"pass"}


def test_another_scdaemon_may_have_several_readers() -> None:
    both = (EXCLUSIVE, replace(EXCLUSIVE, name=NITROKEY))
    facts = kept_by(replace(OTHERS_SCDAEMON, cards=2), readers=both, version="2.4.7", conf="disable-ccid\n")
    assert causes(facts) == {"GD206"}
    assert {it.found.culprits[0].certainty for it in judged(facts).findings if it.id == "GD206"} == {"certain"}


def test_a_silent_scdaemon_beside_programs_that_only_share_is_likely() -> None:
    silent = replace(OTHERS_SCDAEMON, cards=Unknown.because("it was not asked"))
    (culprit,) = finding(kept_by(GNOME, silent), "GD206").found.culprits
    assert (culprit.pid, culprit.certainty) == (OTHERS_SCDAEMON.pid, "likely")
    assert "may have" in finding(kept_by(GNOME, silent), "GD206").found.summary.clear()
    assert causes(kept_by(KEEPASSXC, silent)) == {"GD206"}
    beside = finding(kept_by(STRANGER, silent), "GD203").found
    assert {it.program for it in beside.culprits} == {"a-program", "scdaemon"}
    assert beside.cure and "belongs to bob" in beside.cure.advice[-1].text.clear()


def test_a_silent_scdaemon_beside_who_shares() -> None:
    """One connection on the reader is rather that of the program that shares; two are both of them."""
    silent = replace(OTHERS_SCDAEMON, cards=Unknown.because("it was not asked"))
    one = held_by(GNOME, silent, conf="disable-ccid\n")
    assert causes(one) == {"GD202"}
    two = held_by(GNOME, silent, conf="disable-ccid\n", readers=(replace(IN_USE, handles=2),))
    assert causes(two) == {"GD206"}
    assert finding(two, "GD206").found.culprits[0].certainty == "likely"


# -- what cannot be seen ------------------------------------------------------------------------------------------


def test_a_pcscd_out_of_sight_is_no_pcscd_without_clients() -> None:
    facts = machine(pcscd={"listener": None, "connections": ()}, readers=())
    assert {it.status for id in ("GD201", "GD202", "GD203", "GD204") for it in checks(facts, id)} == {"unknown"}


@pytest.mark.parametrize("answer", ["0x8010006A", "0x80100013"])
def test_a_refusal_that_is_for_information_hides_no_competition(answer: str) -> None:
    unlisted = Unknown.because("pcscd refuses this session")
    refused: dict[str, Any] = {"pcscd": {"answer": answer, "polkit": True}, "readers": unlisted}
    facts = machine(version="2.4.7", usb=(), **refused)
    assert severity(facts, "GD401") == "info"
    assert [status(facts, id) for id in ("GD205", "GD501", "GD202")] == ["unknown", "unknown", "skipped"]
    assert judged(facts).verdict == "incomplete"
    works = machine(version="2.4.7", usb=(FREE_ON_USB,), running=RUNNING, **refused)
    assert status(works, "GD205") == "pass"


def test_a_scdaemon_of_mine_that_listens_nowhere_is_another_one() -> None:
    facts = machine(readers=(EXCLUSIVE,), clients=(SCDAEMON,))
    found = finding(facts, "GD206")
    assert [(it.pid, it.certainty) for it in found.found.culprits] == [(SCDAEMON.pid, "certain")]
    assert severity(facts, "GD203") is None
    assert found.found.cure is not None and "end the program that started it" in found.found.cure.advice[0].text.clear()


# -- several readers are held ------------------------------------------------------------------------------------

SECOND_CARD = "D276000124010304000F111122220000"
TWO_HELD = (reader("PRESENT", "EXCLUSIVE"), reader("PRESENT", "EXCLUSIVE", name=NITROKEY))


def two_tokens(*cards: str, readers: tuple[Reader, ...] = TWO_HELD, **how: Any) -> Facts:
    """As an ordinary user sees it: a connection of mine, whose program is hidden; scdaemon forbids ptrace."""
    running = replace(RUNNING, version="2.4.7", cards=cards)
    hidden = Connection(inode=1, uid=ALICE, pid=Unknown.because("its program does not show"))
    pcscd = {"connections": (hidden,), "hidden": 1}
    return machine(version="2.4.7", conf="disable-ccid\n", running=running, readers=readers, pcscd=pcscd, **how)


def statuses(facts: Facts, id: str) -> set[str]:
    return {check.status for check in checks(facts, id)}


def test_as_many_cards_as_readers_are_held_are_scdaemons() -> None:
    facts = two_tokens(*RUNNING.cards, SECOND_CARD)
    found = [it for it in judged(facts).findings if it.id == "GD201"]
    assert (judged(facts).verdict, statuses(facts, "GD203")) == ("healthy", {"pass"})
    assert [it.found.severity for it in found] == ["info", "info"]
    assert {who.certainty for it in found for who in it.found.culprits} == {"likely"}


def test_with_fewer_cards_than_held_readers_another_may_have_one() -> None:
    third = (*TWO_HELD, reader("PRESENT", "EXCLUSIVE", name="A Third Reader"))
    assert statuses(two_tokens(*RUNNING.cards), "GD203") == {"unknown"}
    assert statuses(two_tokens(*RUNNING.cards, *RUNNING.cards), "GD203") == {"unknown"}
    assert statuses(two_tokens(*RUNNING.cards, SECOND_CARD, readers=third), "GD203") == {"unknown"}
