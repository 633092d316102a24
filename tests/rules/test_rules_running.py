"""GD109: whether the scdaemon that runs read the files as they are now."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import Connection, Facts, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import (
    AGENT_CONF,
    ALICE,
    CONF,
    EXCLUSIVE,
    IN_USE,
    NITROKEY,
    NOW,
    RUNNING,
    SCDAEMON,
    SHARING,
    SYSTEM_CONF,
    client,
    machine,
    reader,
    with_file,
)
from tests.support.judging import causes, checks, finding, severity, status

STORED = {"target": "/nix/store/abc-home-manager-files/.gnupg/scdaemon.conf", "manager": "Nix (home-manager)"}
STARTED = NOW - 100  # as build.SCDAEMON


def changed_at(when: float, path: str = CONF, **more: Any) -> Facts:
    """scdaemon runs without a card, and its file changed at that time."""
    idle = replace(RUNNING, cards=())
    return with_file(machine(conf="disable-ccid\n", system_conf="", running=idle), path, changed=when, **more)


def with_card(conf: str, *readers: Any, **how: Any) -> Facts:
    return machine(conf=conf, running=RUNNING, readers=readers, **how)


def certainty(facts: Facts) -> str:
    (culprit,) = finding(facts, "GD109").found.culprits
    assert culprit.pid == RUNNING.pid
    return culprit.certainty


def test_without_a_running_scdaemon_nothing_is_in_force() -> None:
    assert status(machine(), "GD109") == status(machine(conf=SHARING), "GD109") == "skipped"
    assert status(with_file(machine(conf=SHARING), CONF, changed=NOW), "GD109") == "skipped"


def test_without_a_file_all_is_in_force() -> None:
    assert status(machine(running=replace(RUNNING, cards=())), "GD109") == "pass"


@pytest.mark.parametrize("path", [CONF, SYSTEM_CONF])
@pytest.mark.parametrize(("after", "expected"), [(-50, None), (1.9, None), (2.5, "warning"), (90, "warning")])
def test_a_file_that_is_newer_than_scdaemon(path: str, after: float, expected: str | None) -> None:
    assert severity(changed_at(STARTED + after, path), "GD109") == expected


def test_of_a_newer_file_it_is_likely() -> None:
    facts = changed_at(STARTED + 90)
    assert certainty(facts) == "likely"
    assert CONF in finding(facts, "GD109").found.summary.clear()


def test_exclusive_contradicts_pcsc_shared() -> None:
    facts = with_card(SHARING, EXCLUSIVE)
    assert (causes(facts), certainty(facts)) == ({"GD109"}, "certain")


def test_shared_contradicts_a_file_without_pcsc_shared() -> None:
    assert certainty(with_card("disable-ccid\n", IN_USE)) == "certain"
    assert severity(with_card("disable-ccid\n", IN_USE, clients=(client("keepassxc"),)), "GD109") is None


def test_an_scdaemon_of_another_home_may_be_the_one_that_shares() -> None:
    other = replace(SCDAEMON, pid=701, homedir="/home/alice/.gnupg-work", cards=1)
    assert severity(with_card("disable-ccid\n", IN_USE, clients=(other,)), "GD109") is None


@pytest.mark.parametrize(("version", "conf"), [("2.2.40", ""), ("2.4.7", "pcsc-shared\n")])
def test_what_scdaemon_does_contradicts_a_file_that_is_gone(version: str, conf: str) -> None:
    assert certainty(with_card(conf, IN_USE, version=version)) == "certain"


def test_a_share_mode_says_nothing_of_scdaemons_own_driver() -> None:
    """A connection of my user whose program is not visible need not be scdaemon's."""
    for nobody in ((), (Connection(inode=1, uid=ALICE, pid=Unknown.because("not visible")),)):
        for version in ("2.2.40", "2.4.7"):
            facts = with_card("pcsc-shared\n", EXCLUSIVE, version=version, pcscd={"connections": nobody})
            assert severity(facts, "GD109") is None


def test_a_file_of_gpg_agent_is_no_matter() -> None:
    facts = machine(agent_conf="default-cache-ttl 60\n", running=replace(RUNNING, cards=()))
    assert severity(with_file(facts, AGENT_CONF, changed=NOW), "GD109") is None


def test_a_reader_that_is_not_held_contradicts_nothing() -> None:
    assert severity(with_card("disable-ccid\n", reader()), "GD109") is None
    assert severity(with_card(SHARING, reader()), "GD109") is None


def test_a_share_mode_as_in_the_file_is_no_contradiction() -> None:
    assert severity(with_card(SHARING, IN_USE), "GD109") is None
    assert severity(with_card("disable-ccid\n", EXCLUSIVE), "GD109") is None


def test_which_of_two_readers_is_scdaemons_is_not_guessed() -> None:
    assert severity(with_card(SHARING, EXCLUSIVE, replace(IN_USE, name=NITROKEY)), "GD109") is None
    assert severity(with_card("disable-ccid\n", IN_USE, replace(EXCLUSIVE, name=NITROKEY)), "GD109") is None
    assert severity(with_card(SHARING, EXCLUSIVE, reader(name=NITROKEY)), "GD109") == "warning"


def test_a_reader_that_another_program_keeps_contradicts_nothing() -> None:
    elsewhere: dict[str, Any] = {"clients": (client("yubikey-agent"),), "running": replace(RUNNING, cards=())}
    assert severity(machine(conf=SHARING, readers=(EXCLUSIVE,), **elsewhere), "GD109") is None


def test_where_scdaemon_could_not_start_again_that_comes_first() -> None:
    broken = with_file(machine(version="2.4.7", conf="foo\n", running=RUNNING, readers=(EXCLUSIVE,)), CONF, changed=NOW)
    assert causes(broken) >= {"GD101"} and severity(broken, "GD109") is None


def test_a_store_says_nothing_about_times() -> None:
    (check,) = checks(changed_at(NOW - 10, **STORED), "GD109")
    assert (check.status, check.counts) == ("unknown", False), "every new generation links it anew"
    contradicted = with_file(with_card(SHARING, EXCLUSIVE), CONF, changed=1.0, **STORED)
    assert certainty(contradicted) == "certain"


def test_a_link_into_a_store_that_is_older_than_scdaemon_was_read() -> None:
    assert status(changed_at(STARTED - 86400, **STORED), "GD109") == "pass"
    assert status(with_file(machine(conf=SHARING), CONF, changed=NOW, **STORED), "GD109") == "skipped", "none runs"


@pytest.mark.parametrize(
    ("conf", "how"),
    [
        (SHARING, {"readers": (IN_USE,)}),
        ("disable-ccid\n", {"readers": (EXCLUSIVE,)}),
        ("log-file /tmp/log\n", {"readers": (), "pcscd": {"connections": ()}}),
    ],
)
def test_scdaemon_obeys_what_the_link_leads_to(conf: str, how: dict[str, Any]) -> None:
    facts = machine(version="2.4.7", conf=conf, running=RUNNING, **how)
    assert status(with_file(facts, CONF, changed=NOW - 10, **STORED), "GD109") == "pass"
    assert status(with_file(facts, CONF, changed=NOW - 10), "GD109") == "fail", "where times tell, they count"


def test_a_time_in_the_future_says_nothing() -> None:
    assert status(changed_at(NOW + 86400), "GD109") == "unknown"


def test_missing_times_are_unknown() -> None:
    assert status(with_file(changed_at(0), CONF, changed=Unknown.because("no time")), "GD109") == "unknown"
    silent = replace(changed_at(0), processes=(replace(SCDAEMON, started=Unknown.because("it is not visible")),))
    assert status(silent, "GD109") == "unknown"
    assert status(machine(gnupg={"running": Unknown.because("scdaemon does not answer")}), "GD109") == "unknown"
