"""Machines from the field that came out wrong once, with the right answer. Names and numbers are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpgdoctor.commands.check import check
from gpgdoctor.commands.check_options import CheckOptions
from gpgdoctor.commands.snapshots import load
from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import BlockedDevice, Facts
from gpgdoctor.plan.plan import steps_of
from gpgdoctor.report.style import Style
from gpgdoctor.report.text import render
from gpgdoctor.system.record import replace
from tests.support.build import ON_USB, machine
from tests.support.judging import causes, finding, judged, severity, status

FIELD = Path(__file__).resolve().parents[2] / "fixtures" / "field"
# The cause, its severity, the exit code; None: nothing is found at warning or above.
RIGHT: dict[str, tuple[str | None, str | None, int]] = {
    "sudo-hides-polkit-refusal": (None, None, 3),
    "polkit-refuses-the-card-only": (None, None, 0),
    "pcscd-user-may-not-open-the-reader": ("GD402", "error", 1),
    "hidepid-is-no-missing-rule": ("GD401", "error", 1),
    "container-without-polkit": ("GD401", "error", 1),
    "usb-not-authorized": ("GD501", "warning", 1),
    "empty-reader-first-on-2.2": ("GD506", "error", 1),
    "empty-reader-first-with-reader-port": ("GD105", "error", 1),
    "two-gnupgs-one-home": ("GD316", "warning", 1),
}
OPTIONS = CheckOptions(
    homedir=None,
    format="text",
    fail_on="warning",
    ignore=(),
    probe=True,
    wake=False,
    timeout_s=5.0,
    save=None,
    replay=None,
    redact=True,
    verbose=False,
    quiet=False,
)


def case(name: str) -> Facts:
    return load(str(FIELD / f"{name}.json"))


def said(name: str) -> str:
    """What is printed, in one line."""
    return " ".join(render(diagnose(case(name)), Style()).split())


def advised(facts: Facts, id: str) -> str:
    found = finding(facts, id)
    return " ".join(step.text for step in steps_of(facts, found) if hasattr(step, "text"))


@pytest.mark.parametrize("name", RIGHT)
def test_the_cause_its_severity_and_the_exit_code(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    id, expected, code = RIGHT[name]
    facts = case(name)
    assert causes(facts) == ({id} if id else set())
    if id:
        assert severity(facts, id) == expected
    assert check(replace(OPTIONS, replay=str(FIELD / f"{name}.json")), None) == code
    capsys.readouterr()


def test_every_case_has_its_answer() -> None:
    assert {path.stem for path in FIELD.glob("*.json")} == set(RIGHT)


def _status(diagnosis: Diagnosis, id: str) -> set[str]:
    return {it.status for it in diagnosis.checks if it.rule.id == id}


def test_what_root_was_told_says_nothing_of_the_user() -> None:
    assert _status(diagnose(case("sudo-hides-polkit-refusal")), "GD401") == {"unknown"}
    assert "asked as root" in said("sudo-hides-polkit-refusal")


def test_an_unasked_second_question_is_unknown_and_no_pass() -> None:
    assert _status(diagnose(case("polkit-refuses-the-card-only")), "GD401") == {"unknown"}


def test_pcscds_own_user_is_named_and_no_replug_advised() -> None:
    text = said("pcscd-user-may-not-open-the-reader")
    assert "pcscd runs as the user" in text and "udevadm trigger" in text and "1.7.0" in text
    assert "GD502" not in text


def test_no_rule_helps_against_hidepid() -> None:
    text = said("hidepid-is-no-missing-rule")
    assert "hidepid" in text and "add a polkit rule" not in text
    seen = replace(case("hidepid-is-no-missing-rule"))
    seen = replace(seen, host=replace(seen.host, hides_processes=True))
    assert "cannot see who asks" in finding(seen, "GD401").found.summary.clear()
    assert "does not help" in advised(seen, "GD401")


def test_in_a_container_neither_session_nor_rule_is_offered() -> None:
    text = said("container-without-polkit")
    assert "--disable-polkit" in text and "/run/pcscd/pcscd.comm" in text
    assert "desktop session may" not in text and "desktop session of this machine" not in text


def test_a_blocked_device_is_named_where_it_is_seen() -> None:
    token = BlockedDevice(name="1-3", vendor="1050", product="0407", title="YubiKey OTP+FIDO+CCID")
    facts = replace(case("usb-not-authorized"), usb_blocked=(token,))
    assert (causes(facts), severity(facts, "GD404"), status(facts, "GD501")) == ({"GD404"}, "error", "skipped")
    assert "Plug" not in advised(facts, "GD404") and "unlock the screen" in advised(facts, "GD404")
    assert "GD404" in advised(case("usb-not-authorized"), "GD501"), "where nobody looked, its page is named"


def test_the_reader_with_the_card_is_named() -> None:
    for name, id in (("empty-reader-first-on-2.2", "GD506"), ("empty-reader-first-with-reader-port", "GD105")):
        assert "+reader-port Yubico YubiKey" in said(name), id


def test_both_installations_are_named_and_nothing_is_restarted() -> None:
    text = said("two-gnupgs-one-home")
    assert "/usr/lib/gnupg/scdaemon" in text and "linuxbrew" in text
    assert _status(diagnose(case("two-gnupgs-one-home")), "GD310") == {"pass"}
    assert finding(case("two-gnupgs-one-home"), "GD316").found.cure.applicability == "manual"  # type: ignore[union-attr]


def test_a_pinentry_that_is_gone() -> None:
    conf = "pinentry-program /nix/store/0000000000000000-pinentry-1.2/bin/pinentry\n"
    facts = machine(agent_conf=conf, configuration={"pinentry_exists": False})
    assert (causes(facts), severity(facts, "GD113")) == ({"GD113"}, "error")
    cure = finding(facts, "GD113").found.cure
    assert cure is not None and cure.restart and [change.text for change in cure.changes] == [None]


def test_a_keyboxd_that_is_gone() -> None:
    facts = machine(
        version="2.4.7",
        conf="disable-ccid\n",
        common_conf="use-keyboxd\n",
        gnupg={"keyboxd_exists": False},
        usb=(ON_USB,),
    )
    assert (causes(facts), severity(facts, "GD315")) == ({"GD315"}, "warning")
    assert "--card-status works" in str(finding(facts, "GD315").found.effect)
    assert judged(facts).verdict == "findings"
