"""From findings to steps, as values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gpgdoctor.facts import ConfigFile, ConfigLine, Facts, Reader, Setting, Unknown, known
from gpgdoctor.plan.plan import Advise, Edit, Plan, Restart, plan, steps_of
from gpgdoctor.rules.rule import Advice, Cost, Cure, LineChange
from gpgdoctor.system.record import replace as replace_record
from gpgdoctor.wording import text
from tests.support.machines import AGENT, BY_HAND, CONF, HOME, SCDAEMON, SHARE, diagnosed, finding, machine

ADDED = f"--- {{}}\n+++ {CONF}\n@@ -{{}} +{{}} @@\n+disable-ccid\n+pcsc-shared\n"


def shared(facts: Facts, **how: Any) -> Plan:
    return plan(diagnosed(facts, finding("GD202", SHARE)), **how)


def diff_of(facts: Facts) -> str:
    (edit,) = shared(facts).edits
    return edit.diff


def text_of(planned: Plan) -> str:
    return " ".join(step.text for step in planned.advice)


def line(number: int, text: str, kind: str, option: str | None = None, **more: Any) -> dict[str, Any]:
    return {"number": number, "text": text, "kind": kind, "option": option, **more}


def regular(length: int, *lines: dict[str, Any], **more: Any) -> Facts:
    kept = [{name: value for name, value in it.items() if value is not None} for it in lines]
    return machine(file={"status": "regular", "owner": 1000, "mode": 0o600, "length": length, "lines": kept, **more})


def test_while_a_probe_waits_for_a_transaction_nothing_is_planned() -> None:
    facts = machine()
    waiting = replace_record(facts, pcscd=replace_record(facts.pcscd, waiting=1))
    assert not shared(waiting).changes_something
    assert "in the middle of a transaction" in shared(waiting).refused[0].reason


@pytest.mark.parametrize(
    ("lines", "number"), [(("[ignore]", "pcsc-shared"), 2), (("[ignore-all]", "[-ignore-all]"), 1)]
)
def test_what_the_whole_system_ignores_is_not_written(lines: tuple[str, ...], number: int) -> None:
    kept = tuple(
        ConfigLine(number=at, text=text, kind="meta" if text.startswith("[") else "option")
        for at, text in enumerate(lines, 1)
    )
    file = ConfigFile(
        path="/etc/gnupg/scdaemon.conf", program="scdaemon", scope="global", status="regular", length=2, lines=kept
    )
    facts = machine()
    files = (file, *known(facts.configuration.files))
    planned = shared(replace_record(facts, configuration=replace_record(facts.configuration, files=files)))
    assert not planned.changes_something
    assert f"/etc/gnupg/scdaemon.conf, line {number}, takes" in planned.refused[0].reason


def test_a_missing_file_is_created() -> None:
    assert diff_of(machine()) == ADDED.format("/dev/null", "0,0", "1,2")


def test_options_are_added_at_the_end() -> None:
    assert diff_of(regular(3)) == ADDED.format(CONF, "3,0", "4,2")


def test_ten_thousand_lines() -> None:
    assert diff_of(regular(10_000)) == ADDED.format(CONF, "10000,0", "10001,2")


def test_a_line_follows_the_comment_that_says_the_same() -> None:
    facts = regular(9, line(4, "#disable-ccid", "commented-out", "disable-ccid"))
    assert diff_of(facts) == (f"--- {CONF}\n+++ {CONF}\n@@ -4,0 +5 @@\n+disable-ccid\n@@ -9,0 +11 @@\n+pcsc-shared\n")


def test_a_malformed_line_is_mended_in_place() -> None:
    bad = line(2, "disable-ccid yes", "problem", "disable-ccid", problem="argument-not-expected", meant="disable-ccid")
    assert diff_of(regular(2, bad)) == (
        f"--- {CONF}\n+++ {CONF}\n@@ -2 +2,2 @@\n-disable-ccid yes\n+disable-ccid\n+pcsc-shared\n"
    )


def test_an_option_that_is_there_is_not_added_again() -> None:
    facts = regular(1, line(1, "disable-ccid", "option", "disable-ccid"))
    assert diff_of(facts) == f"--- {CONF}\n+++ {CONF}\n@@ -1,0 +2 @@\n+pcsc-shared\n"


def test_a_last_line_without_its_end() -> None:
    facts = regular(2, final_newline=False, last_line="# end")
    assert diff_of(facts) == (
        f"--- {CONF}\n+++ {CONF}\n@@ -2 +2,3 @@\n-# end\n\\ No newline at end of file\n+# end\n"
        "+disable-ccid\n+pcsc-shared\n\\ No newline at end of file\n"
    )


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ({"manager": "Nix (home-manager)", "target": "/nix/store/x/scdaemon.conf"}, "Nix (home-manager) manages it"),
        ({"manager": "stow"}, "stow manages it"),
        ({"owner": 0}, "it belongs to another user"),
        ({"mode": 0o444}, "it is read-only"),
        ({"target": "/srv/scdaemon.conf"}, "it is a symbolic link out of your home, to /srv/scdaemon.conf"),
        ({"status": "template"}, "it is a template"),
        ({"status": "not-regular", "detail": "a FIFO"}, "it is no regular file (a FIFO)"),
        ({"status": "absent", "detail": "a symbolic link to /x, which does not exist"}, "which does not exist"),
    ],
)
def test_what_is_not_ours_to_write_is_refused_with_the_lines(file: dict[str, Any], reason: str) -> None:
    facts = machine(file={"status": "regular", "owner": 1000, "mode": 0o600, **file})
    planned = shared(facts)
    assert not planned.changes_something
    assert [refusal.id for refusal in planned.refused] == ["GD202"]
    assert reason in text_of(planned)
    assert "disable-ccid" in text_of(planned) and "pcsc-shared" in text_of(planned)
    assert ("gpgconf", "--kill", "gpg-agent") in planned.advice[0].commands


def test_home_manager_is_told_in_its_own_form() -> None:
    facts = machine(file={"status": "regular", "manager": "Nix (home-manager)"})
    assert "programs.gpg.scdaemonSettings = { disable-ccid = true; pcsc-shared = true; };" in text_of(shared(facts))


def test_chezmoi_is_told_in_its_own_form() -> None:
    facts = machine(file={"status": "regular", "manager": "chezmoi"})
    assert ("chezmoi", "edit", CONF) in shared(facts).advice[0].commands


def test_a_link_within_the_home_is_followed() -> None:
    facts = regular(0, target="/home/alice/dotfiles/scdaemon.conf")
    assert shared(facts).edits


def test_what_is_found_only_when_the_file_is_opened() -> None:
    planned = shared(machine(), found_obstacles={CONF: "its file system is read-only"})
    assert not planned.changes_something
    assert "for its file system is read-only" in text_of(planned)


def test_several_findings_on_one_file_are_one_edit_and_one_restart() -> None:
    typo = LineChange(path=CONF, line=1, text="verbose")
    facts = regular(1, line(1, "verbos", "problem", problem="unknown-option"))
    mistake = Cure(applicability="safe", costs=(Cost.ASKS_MORE,), changes=(typo,), restart=True)
    found = (finding("GD202", SHARE), finding("GD101", mistake, severity="warning", subject=CONF))
    planned = plan(diagnosed(facts, *found))
    assert [type(step) for step in planned.steps] == [Edit, Restart]
    assert "-verbos\n+verbose\n+disable-ccid" in planned.edits[0].diff
    assert planned.costs[:2] == (Cost.ASKS_PIN.value, Cost.ASKS_MORE.value)


def test_which_findings_are_planned() -> None:
    info = finding("GD601", Cure(applicability="safe", options=("verbose",)), severity="info")
    ignored = replace(finding("GD202", SHARE), ignored=True)
    diagnosis = diagnosed(machine(), ignored, info)
    assert plan(diagnosis).planned == ()
    assert plan(diagnosis, ["GD601"]).planned == (info,)
    assert plan(diagnosis, ["GD202"]).planned == ()


def test_a_manual_cure_is_advice() -> None:
    cure = Cure(applicability="manual", advice=(Advice(text=text("Close it."), commands=(("kill", "1"),)),))
    diagnosis = diagnosed(machine(), finding("GD203", cure))
    planned = plan(diagnosis)
    assert planned.steps == (Advise(text="Close it.", commands=(("kill", "1"),)),)
    assert planned.advised == diagnosis.findings and not planned.refused
    assert steps_of(machine(), diagnosis.findings[0]) == planned.steps


@pytest.mark.parametrize("other", ["GD204", "GD203", "GD206"])
def test_nothing_is_tried_against_who_holds_the_card(other: str) -> None:
    diagnosis = diagnosed(machine(), finding(other, BY_HAND), finding("GD202", SHARE))
    planned = plan(diagnosis)
    assert not planned.changes_something and not planned.trial
    assert [refusal.id for refusal in planned.refused] == ["GD202"]


def test_a_transaction_on_any_reader_keeps_everything_as_it_is() -> None:
    held = finding("GD204", BY_HAND, subject="another reader")
    assert not plan(diagnosed(machine(), held, finding("GD202", SHARE))).changes_something
    alone = finding("GD203", BY_HAND, subject="another reader")
    assert plan(diagnosed(machine(), alone, finding("GD202", SHARE))).changes_something


class TestRestart:
    def test_of_the_agent(self) -> None:
        assert shared(machine()).restart == Restart(target="gpg-agent", argv=("gpgconf", "--kill", "gpg-agent"))

    def test_of_scdaemon_alone(self) -> None:
        restart = shared(machine(), keep_agent=True).restart
        assert restart == Restart(target="scdaemon", argv=("gpgconf", "--kill", "scdaemon"))

    def test_in_another_home(self) -> None:
        restart = shared(machine(homedir="/srv/keys")).restart
        assert restart and restart.argv == ("gpgconf", "--homedir", "/srv/keys", "--kill", "gpg-agent")

    def test_of_nothing_where_nothing_runs(self) -> None:
        assert shared(machine(daemons=())).restart is None

    def test_of_nothing_where_no_scdaemon_runs(self) -> None:
        assert shared(machine(daemons=(AGENT,))).restart is None

    def test_of_an_agent_without_scdaemon_where_it_is_the_agent_that_is_old(self) -> None:
        old = finding("GD310", Cure(applicability="safe", restart=True), severity="warning", subject=None)
        restart = plan(diagnosed(machine(daemons=(AGENT,)), old)).restart
        assert restart and restart.target == "gpg-agent"

    def test_under_a_socket_unit(self) -> None:
        assert shared(machine(agent_listener="systemd")).restart == shared(machine()).restart
        sleeping = machine(agent_listener="systemd", daemons=(SCDAEMON,))
        restart = shared(sleeping).restart
        assert restart and restart.argv[0] == "gpg-connect-agent"

    def test_of_no_agent_elsewhere(self) -> None:
        restart = shared(machine(agent_listener="sshd")).restart
        socket = "/run/user/1000/gnupg/S.scdaemon"
        assert restart == Restart(
            target="scdaemon", argv=("gpg-connect-agent", "--raw-socket", socket, "KILLSCD", "/bye")
        )

    def test_costs_that_it_does_not_have_are_not_said(self) -> None:
        cure = replace(SHARE, costs=(Cost.FORGETS,))
        diagnosis = diagnosed(machine(), finding("GD202", cure))
        assert Cost.FORGETS.value in plan(diagnosis).costs
        assert Cost.FORGETS.value not in plan(diagnosis, keep_agent=True).costs


class TestTrial:
    def test_where_scdaemon_is_refused(self) -> None:
        assert shared(machine(readers=("PRESENT INUSE",))).trial

    def test_not_where_scdaemon_has_the_card(self) -> None:
        assert not shared(machine(running={"pid": 6, "version": "2.2.40", "cards": ["D276"]})).trial

    def test_not_without_a_card(self) -> None:
        assert not shared(machine(readers=("EMPTY",))).trial

    def test_without_sharing_only_where_nobody_uses_the_reader(self) -> None:
        alone = Cure(applicability="safe", options=("disable-ccid",), restart=True)

        def needs_trial(state: str) -> bool:
            return plan(diagnosed(machine(readers=(state,)), finding("GD205", alone))).trial

        assert needs_trial("PRESENT")
        assert not needs_trial("PRESENT INUSE")

    def test_its_cost_is_said(self) -> None:
        assert any("trial scdaemon reads the card" in cost for cost in shared(machine()).costs)


HAS_CARD = {"pid": 6, "version": "2.4.7", "cards": ["D276"]}


def unlisted_by(listener: str | None, readers: tuple[Reader, ...] | Unknown) -> Facts:
    """A machine whose scdaemon has a card, and whose pcscd lists no reader."""
    facts = machine(readers=(), running=HAS_CARD)
    return replace(facts, readers=readers, pcscd=replace(facts.pcscd, listener=listener))


class TestForbidden:
    def test_pcsc_shared_where_scdaemon_does_not_know_it(self) -> None:
        planned = shared(machine(scdaemon_options=["disable-ccid"]))
        assert not planned.edits and "does not know pcsc-shared" in planned.refused[0].reason

    def test_disable_ccid_where_pcsc_lists_no_reader(self) -> None:
        planned = shared(machine(readers=()))
        assert not planned.edits and "PC/SC does not list the reader" in planned.refused[0].reason

    def test_disable_ccid_where_nobody_could_ask(self) -> None:
        planned = shared(replace(machine(), readers=Unknown.because("pcscd is asleep")))
        assert not planned.edits and planned.refused

    def test_scdaemon_lets_go_first_where_it_keeps_the_reader_from_pcscd(self) -> None:
        planned = shared(machine(readers=(), running=HAS_CARD))
        assert planned.edits and planned.reader_first

    def test_also_from_a_pcscd_that_sleeps(self) -> None:
        planned = shared(unlisted_by("activator", Unknown.because("pcscd is asleep")))
        assert planned.edits and planned.reader_first

    def test_disable_ccid_where_no_pcscd_runs_that_it_could_be_kept_from(self) -> None:
        planned = shared(unlisted_by(None, ()))
        assert not planned.edits and "pcscd does not run" in planned.refused[0].reason


def test_ssh_is_told_about_the_new_agent() -> None:
    facts = machine()
    served = (Setting(option="enable-ssh-support", value=None, path=f"{HOME}/gpg-agent.conf", line=1),)
    with_ssh = replace(facts, configuration=replace(facts.configuration, agent_in_force=served))
    assert any("updatestartuptty" in argv for step in shared(with_ssh).advice for argv in step.commands)
    assert not any("updatestartuptty" in argv for step in shared(facts).advice for argv in step.commands)


def test_check_and_fix_say_the_same() -> None:
    facts = machine()
    found = finding("GD202", SHARE)
    assert steps_of(facts, found) == plan(diagnosed(facts, found)).steps


def test_steps_as_json() -> None:
    edit, restart = (step.as_json() for step in shared(machine()).steps)
    assert set(edit) == {"kind", "path", "diff"}
    assert restart == {"kind": "restart", "target": "gpg-agent", "argv": ["gpgconf", "--kill", "gpg-agent"]}
    assert Advise(text="x", commands=(("a", "b"),)).as_json() == {
        "kind": "advise",
        "text": "x",
        "commands": [["a", "b"]],
    }


def test_nothing_found_nothing_planned() -> None:
    assert plan(diagnosed(machine())).steps == ()
