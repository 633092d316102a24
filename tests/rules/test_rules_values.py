"""GD113-GD117: values that lead nowhere, or too far."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import AgentUnit, Facts, LogFile, Setting, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import AGENT, RUNNING, machine
from tests.support.judging import changed_lines, finding, severity, status

UNKNOWN = Unknown.because("it cannot be looked at")
PINENTRY = "pinentry-program /usr/bin/pinentry-gone\n"
LOG = "/var/log/scdaemon.log"


def with_pinentry(exists: Any, conf: str = PINENTRY) -> Facts:
    return machine(agent_conf=conf, configuration={"pinentry_exists": exists})


def test_a_pinentry_that_is_missing() -> None:
    assert severity(with_pinentry(False), "GD113") == "error"
    assert changed_lines(with_pinentry(False), "GD113") == {1: None}
    assert severity(with_pinentry(False, f"{PINENTRY}allow-loopback-pinentry\n"), "GD113") == "warning"
    assert status(with_pinentry(True), "GD113") == "pass"
    assert status(with_pinentry(UNKNOWN), "GD113") == "unknown"
    assert status(machine(), "GD113") == "skipped"


def test_an_agent_that_does_not_start_asks_for_no_pin() -> None:
    stopped = machine(
        version="2.4.7", agent_conf=f"{PINENTRY}no-such-option\n", configuration={"pinentry_exists": False}
    )
    assert severity(stopped, "GD101") == "error" and status(stopped, "GD113") == "skipped"


@pytest.mark.parametrize(
    ("version", "conf", "expected"),
    [
        ("2.2.40", f"debug cardio\nlog-file {LOG}\n", "warning"),
        ("2.2.40", f"debug-all\nlog-file {LOG}\n", "warning"),
        ("2.2.40", f"debug-level guru\nlog-file {LOG}\n", "warning"),
        ("2.2.40", f"debug 2048\nlog-file {LOG}\n", "warning"),
        ("2.2.40", f"debug 0x800\nlog-file {LOG}\n", "warning"),
        ("2.2.40", f"debug reader\nlog-file {LOG}\n", None),
        ("2.2.40", f"debug-level advanced\nlog-file {LOG}\n", None),
        ("2.2.40", "debug cardio\n", None),
        ("2.2.41", f"debug cardio\nlog-file {LOG}\n", None),
        ("2.3.7", f"debug cardio\nlog-file {LOG}\n", "warning"),
        ("2.4.7", f"debug cardio\nlog-file {LOG}\n", None),
        ("2.4.7", f"debug cardio\ndebug-allow-pin-logging\nlog-file {LOG}\n", "warning"),
    ],
)
def test_a_log_that_may_hold_pins(version: str, conf: str, expected: str | None) -> None:
    assert severity(machine(version=version, conf=conf), "GD114") == expected


def test_a_log_file_in_common_conf_is_scdaemons_too() -> None:
    common = {"common_in_force": (Setting(option="log-file", value=LOG, path="/home/alice/c", line=1),)}
    facts = machine(version="2.3.7", conf="debug cardio\n", configuration=common)
    assert severity(facts, "GD114") == "warning"
    assert f"{LOG}-scdaemon" in finding(facts, "GD114").found.summary.clear()
    assert severity(machine(version="2.2.40", conf="debug cardio\n", configuration=common), "GD114") is None


def test_a_supervised_agents_journal_is_a_log() -> None:
    facts = machine(conf="debug cardio\n")
    supervised = replace(AGENT, options=("--supervised",))
    assert isinstance(facts.processes, tuple)
    supervised_facts = replace(facts, processes=(*(it for it in facts.processes if it != AGENT), supervised))
    assert severity(supervised_facts, "GD114") == "warning"
    cure = finding(supervised_facts, "GD114").found.cure
    assert cure is not None and cure.restart and "change the PIN" in cure.advice[0].text.clear()


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("reader-port Yubico # the blue one\n", {1: "# the blue one\nreader-port Yubico"}),
        ("disable-application piv # no PIV\n", {1: "# no PIV\ndisable-application piv"}),
        ("log-file /tmp/log  # for a while\n", {1: "# for a while\nlog-file /tmp/log"}),
    ],
)
def test_a_note_that_became_part_of_the_value(conf: str, expected: dict[int, str]) -> None:
    facts = machine(version="2.4.7", conf=f"{conf}disable-ccid\n")
    assert (severity(facts, "GD115"), changed_lines(facts, "GD115")) == ("warning", expected)


def test_a_number_sign_within_a_word_is_no_note() -> None:
    assert severity(machine(conf="log-file /tmp/log#1\n"), "GD115") is None


def test_a_library_with_a_note_is_named_by_the_note() -> None:
    """The note is the cause: what is written is the value without it."""
    facts = machine(
        conf="disable-ccid\npcsc-driver /usr/lib/libpcsclite.so.1 # here\n",
        configuration={"pcsc_driver": None},
    )
    assert severity(facts, "GD115") == "warning"
    assert changed_lines(facts, "GD115") == {2: "# here\npcsc-driver /usr/lib/libpcsclite.so.1"}


def test_a_log_file_that_cannot_be_written() -> None:
    home = machine(conf="log-file ~/scd.log\n")
    assert (severity(home, "GD116"), changed_lines(home, "GD116")) == ("info", {1: "log-file /home/alice/scd.log"})
    conf = f"log-file {LOG}\n"
    unusable = LogFile(path=LOG, usable=False, reason="its directory is missing")
    assert severity(machine(conf=conf, configuration={"log_file": unusable}), "GD116") == "info"
    usable = LogFile(path=LOG, usable=True)
    assert status(machine(conf=conf, configuration={"log_file": usable}), "GD116") == "pass"
    assert status(machine(conf=conf, configuration={"log_file": UNKNOWN}), "GD116") == "unknown"
    assert status(machine(conf="log-file socket:///tmp/s\n"), "GD116") == "skipped"


def test_what_is_switched_off() -> None:
    off = machine(conf="disable-application openpgp\n")
    assert (severity(off, "GD117"), changed_lines(off, "GD117")) == ("error", {1: None})
    assert severity(machine(conf="deny-admin\n"), "GD117") == "info"
    assert severity(machine(conf="disable-application piv\n"), "GD117") is None
    assert status(machine(), "GD117") == "pass"
    assert status(machine(configuration={"in_force": UNKNOWN}), "GD117") == "unknown"


def without_default(*, conf: str | None = None, **how: Any) -> Facts:
    given = {"gnupg": {"card_keys": 3}, **how}
    return machine(agent_conf=conf, configuration={"pinentry_exists": False}, **given)


def test_the_default_pinentry_is_missing() -> None:
    assert severity(without_default(), "GD113") == "error"
    assert severity(without_default(conf="allow-loopback-pinentry\n"), "GD113") == "warning"
    assert severity(without_default(gnupg={"card_keys": 0}), "GD113") == "warning", "passphrases are asked for too"
    without_agent = replace(without_default(gnupg={"card_keys": 0}), processes=())
    assert severity(without_agent, "GD113") == "info", "nobody has anything to enter yet"
    assert status(machine(gnupg={"card_keys": 3}), "GD113") == "skipped"


def test_a_card_that_is_being_set_up_needs_a_pinentry_too() -> None:
    no_keys = {"card_keys": 0}
    assert severity(without_default(gnupg=no_keys, running=RUNNING), "GD113") == "error"
    assert severity(without_default(gnupg={"card_keys": UNKNOWN}, running=RUNNING), "GD113") == "error"
    for running in (replace(RUNNING, cards=()), None):
        assert severity(without_default(gnupg=no_keys, running=running), "GD113") == "warning"
        unseen = machine(configuration={"pinentry_exists": UNKNOWN}, gnupg=no_keys, running=running)
        assert status(unseen, "GD113") == "skipped", "no card, no PIN"
    assert status(machine(gnupg=no_keys, running=RUNNING), "GD113") == "skipped", "the pinentry is there"


def test_a_pinentry_on_the_agents_command_line() -> None:
    """NixOS' unit has it there."""
    facts = without_default()
    assert isinstance(facts.processes, tuple)
    for options, expected in ((("--supervised", "--pinentry-program"), "skipped"), (UNKNOWN, "unknown")):
        told = replace(AGENT, options=options)
        running = tuple(told if it.role == "gpg-agent" else it for it in facts.processes)
        assert status(replace(facts, processes=running), "GD113") == expected
    none_runs = replace(facts, processes=())
    assert severity(none_runs, "GD113") == "error"
    unit = AgentUnit(path="/etc/systemd/user/gpg-agent.service", options=("--supervised", "--pinentry-program"))
    for of_systemd, expected in ((unit, "skipped"), (UNKNOWN, "unknown")):
        assert status(replace(none_runs, gnupg=replace(facts.gnupg, agent_unit=of_systemd)), "GD113") == expected
