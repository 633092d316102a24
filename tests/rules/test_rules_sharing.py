"""GD601, GD602: what sharing costs."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Connection, Facts, Unknown, known
from gpgdoctor.system.record import replace
from tests.support.build import IN_USE, NITROKEY, RUNNING, SCDAEMON, SHARING, client, connection, machine, reader
from tests.support.judging import changed_lines, finding, judged, severity, status

YUBIKEYS_ATR = "3bfd1300008131fe158073c021c057597562694b657940"


def test_since_2_3_shared_mode_asks_for_the_pin() -> None:
    facts = machine(version="2.4.7", conf=SHARING)
    assert (severity(facts, "GD601"), judged(facts).verdict) == ("info", "healthy")
    assert changed_lines(facts, "GD601") == {2: None}


def test_2_2_does_not_ask_more_often() -> None:
    assert status(machine(conf=SHARING), "GD601") == "pass"


def test_pcsc_shared_costs_the_pin_cache_whatever_the_way() -> None:
    assert severity(machine(version="2.4.7", conf="pcsc-shared\n"), "GD601") == "info"
    assert severity(machine(version="2.4.7", conf="disable-ccid\n"), "GD601") is None


def test_the_pin_is_unknown_where_the_configuration_is() -> None:
    assert (
        status(machine(version="2.4.7", configuration={"in_force": Unknown.because("encrypted")}), "GD601") == "unknown"
    )


def shared_with(*programs: str, version: str = "2.2.40", name: str = NITROKEY, **how: Any) -> Facts:
    clients = tuple(client(program, pid=800 + number) for number, program in enumerate(programs))
    given = {"conf": SHARING, "readers": (replace(IN_USE, name=name),), "running": RUNNING, **how}
    return machine(version=version, clients=clients, **given)


def test_where_piv_is_off_the_pin_is_asked_less() -> None:
    with_piv = finding(machine(version="2.4.7", conf=SHARING), "GD601").found
    without = finding(machine(version="2.4.7", conf=f"{SHARING}disable-application piv\n"), "GD601").found
    assert "every operation" in with_piv.summary.clear() and "every operation" not in without.summary.clear()
    assert with_piv.cure is not None and "disable-application piv" in with_piv.cure.advice[0].text.clear()


def test_a_program_that_selects_applets_is_a_warning() -> None:
    facts = shared_with("keepassxc")
    assert severity(facts, "GD602") == "warning"
    assert [culprit.program for culprit in finding(facts, "GD602").found.culprits] == ["keepassxc"]


def test_a_program_that_may_do_so_is_for_information() -> None:
    facts = shared_with("a-program")
    assert (severity(facts, "GD602"), judged(facts).verdict) == ("info", "healthy")


@pytest.mark.parametrize("program", ["gsd-smartcard", "firefox", "pkcs11-tool"])
def test_watchers_and_what_goes_by_opensc_do_no_harm(program: str) -> None:
    assert severity(shared_with(program), "GD602") is None


@pytest.mark.parametrize("program", ["ykman", "yubico-piv-tool", "python3"])
def test_who_leaves_the_card_reset_or_unpowered_harms_every_scdaemon(program: str) -> None:
    assert severity(shared_with(program, version="2.4.7", name="Yubico YubiKey"), "GD602") == "warning"


def test_nobody_else_and_no_looking_tool_interferes() -> None:
    assert status(shared_with(), "GD602") == status(shared_with("pcsc_scan"), "GD602") == "pass"


def test_a_program_that_is_not_visible_may_interfere() -> None:
    unseen = {"connections": (Connection(inode=1, uid=0, pid=Unknown.because("not visible")),)}
    assert severity(shared_with(running=None, pcscd=unseen), "GD602") == "info"


def hiding(number: int, uid: int = 1000, *programs: str, conf: str = SHARING) -> Facts:
    """Connections that show no program, beside a scdaemon that selects again on this card."""
    unseen = tuple(Connection(inode=at, uid=uid, pid=Unknown.because("not visible")) for at in range(1, number + 1))
    seen = tuple(connection(client(program, pid=800 + at)) for at, program in enumerate(programs))
    only = {"connections": (*unseen, *seen)}
    yubikey = "Yubico YubiKey OTP+FIDO+CCID 00 00"
    return shared_with(*programs, version="2.4.9", name=yubikey, conf=conf, pcscd=only, host={"root": False})


def test_a_program_of_mine_that_hides_is_for_information() -> None:
    facts = hiding(2)
    found = finding(facts, "GD602").found
    assert (found.severity, judged(facts).verdict) == ("info", "healthy")
    assert [(it.program, it.pid, it.certainty) for it in found.culprits] == [("unknown", None, "likely")]
    assert found.note is not None and "sudo" in found.note.clear()


def test_scdaemons_own_connection_and_what_is_not_mine_are_no_program_of_mine_that_hides() -> None:
    assert severity(hiding(1), "GD602") is None
    assert severity(hiding(1, 1000, "gsd-smartcard"), "GD602") is None
    assert severity(hiding(1, 120), "GD602") is None, "a watcher of the login screen"
    assert severity(hiding(2, conf="disable-ccid\n"), "GD602") is None
    facts = hiding(2)
    without_card = replace(SCDAEMON, pid=710, cards=0, homedir="/home/alice/other")
    two = replace(facts, processes=(*known(facts.processes), without_card))
    assert severity(two, "GD602") is None, "the other may be a scdaemon of another home"


@pytest.mark.parametrize(
    ("version", "name", "expected"),
    [
        ("2.2.40", "Yubico YubiKey", "warning"),
        ("2.3.1", "Yubico YubiKey", "warning"),
        ("2.3.2", "Yubico YubiKey", None),
        ("2.4.7", NITROKEY, "warning"),
        ("2.5.22", "Nitrokey Nitrokey 3 [CCID/ICCD Interface]", "warning"),
        ("2.5.23", "Nitrokey Nitrokey 3 [CCID/ICCD Interface]", None),
    ],
)
def test_which_scdaemon_selects_again_on_which_card(version: str, name: str, expected: str | None) -> None:
    assert severity(shared_with("age-plugin-yubikey", version=version, name=name), "GD602") == expected


def test_a_yubikey_is_known_by_its_atr() -> None:
    held = (replace(IN_USE, name="ACS ACR1252 00 00", atr=YUBIKEYS_ATR),)
    assert severity(shared_with("age-plugin-yubikey", version="2.4.7", readers=held), "GD602") is None


def test_without_a_shared_reader_nobody_interferes() -> None:
    assert status(shared_with("keepassxc", conf="disable-ccid\n"), "GD602") == "skipped"
    assert status(shared_with("keepassxc", readers=(reader(),), running=None), "GD602") == "pass"


def test_by_its_own_driver_scdaemon_shares_nothing() -> None:
    assert status(shared_with("keepassxc", version="2.4.7", conf="pcsc-shared\n", running=None), "GD602") == "skipped"


def test_whoever_selects_is_asked_to_let_go() -> None:
    def asked(*programs: str) -> list[str]:
        cure = finding(shared_with(*programs), "GD602").found.cure
        assert cure is not None
        *programs_first, restart = cure.advice
        assert restart.commands == (("gpgconf", "--kill", "scdaemon"),)  # without which "Card error" stays
        return [advice.text.clear().split()[0] for advice in programs_first]

    assert asked("a-program", "keepassxc") == ["keepassxc"]
    assert asked("a-program", "gsd-smartcard") == ["a-program"]


def test_the_reader_that_scdaemon_does_not_take_is_no_matter() -> None:
    two = (reader(name=NITROKEY), replace(IN_USE, name="Gemalto PC Twin Reader"))
    assert status(shared_with("keepassxc", readers=two, running=None), "GD602") == "pass"


def test_without_the_state_of_the_reader_it_is_unknown() -> None:
    lost = (replace(IN_USE, state=Unknown.because("PC/SC did not tell")),)
    assert status(shared_with("keepassxc", readers=lost, running=None), "GD602") == "unknown"


def test_keepassxc_was_reported_where_scdaemon_selects_again() -> None:
    facts = shared_with("keepassxc", version="2.4.9", name="Yubico YubiKey OTP+FIDO+CCID 00 00")
    assert severity(facts, "GD602") == "warning"
    nitrokey = shared_with("keepassxc", version="2.5.23", name="Nitrokey Nitrokey 3 [CCID/ICCD Interface]")
    assert severity(nitrokey, "GD602") is None, "of that nobody reported it"
    healthy = shared_with("gsd-smartcard", "firefox", version="2.4.9", name="Yubico YubiKey OTP+FIDO+CCID 00 00")
    assert severity(healthy, "GD602") is None
