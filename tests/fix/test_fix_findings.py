"""The cures of single findings on real files, from the rule to the bytes, and what of them nothing can prove."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.collect import configuration
from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import ConfigFile, Facts, known
from gpgdoctor.fix import files
from gpgdoctor.plan.plan import Contents, Plan, plan
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import Cure, LineChange
from gpgdoctor.scdaemon_conf.options import OptionTable, parse_option_table
from gpgdoctor.snapshot import decode, encode
from gpgdoctor.system.record import replace
from tests.support.machines import AGENT, OPTIONS, SCDAEMON, diagnosed, finding, machine

TABLES = {
    "scdaemon": parse_option_table(
        "disable-ccid:1:0:x:\npcsc-shared:2:0:x:\nreader-port:3:2:x:\nlog-file:4:2:x:\nverbose:5:0:x:\n"
    ),
    "gpg-agent": parse_option_table("pinentry-program:1:2:x:\nenable-ssh-support:2:0:x:\n"),
}
NAMES = {"scdaemon.conf": "scdaemon", "gpg-agent.conf": "gpg-agent"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    return home


def table_of(program: str) -> OptionTable:
    return TABLES[program]


def looked_at(home: Path, files_of: dict[str, bytes], **facts: Any) -> tuple[Facts, Contents]:
    """The facts of a machine whose files are these, which are written, and their contents."""
    found: list[ConfigFile] = []
    in_force: dict[str, Any] = {"scdaemon": (), "gpg-agent": ()}
    contents: dict[str, bytes | None] = {}
    for name, program in NAMES.items():
        path = home / name
        if name in files_of:
            path.write_bytes(files_of[name])
        source = configuration.read(str(path), program, "user")
        (file,), effective = configuration.judge([source], TABLES[program], "alice")
        found.append(file)
        settings = configuration.settings(effective, {"user": str(path), "global": "/etc"})
        in_force[program] = settings
        contents[str(path)] = files_of.get(name)
    made = machine(homedir=str(home), scdaemon_options=list(TABLES["scdaemon"].names), **facts)
    mine = replace(
        made.configuration, files=tuple(found), in_force=in_force["scdaemon"], agent_in_force=in_force["gpg-agent"]
    )
    host = replace(made.host, uid=os.getuid())
    return replace(made, configuration=mine, host=host), Contents(bytes_of=contents, table_of=table_of)


def judged(facts: Facts, *ids: str) -> Diagnosis:
    diagnosis = diagnose(facts, rules={id: catalogue()[id] for id in ids})
    assert [it.id for it in diagnosis.findings] == list(ids), [(it.rule.id, it.status) for it in diagnosis.checks]
    return diagnosis


def applied(planned: Plan) -> None:
    for edit in planned.edits:
        files.write(files.as_planned(edit), edit.after, ".gpgdoctor-1.tmp")


def test_a_missing_pinentry_is_commented_out(home: Path) -> None:
    conf = b"# mine\r\nenable-ssh-support\r\npinentry-program /gone/pinentry\r\n"
    facts, contents = looked_at(home, {"gpg-agent.conf": conf})
    facts = replace(facts, configuration=replace(facts.configuration, pinentry_exists=False))
    planned = plan(judged(facts, "GD113"), contents=contents)
    assert planned.restart and planned.restart.target == "gpg-agent"
    assert not planned.trial and "whether a PIN can be entered" in planned.unproved[0]
    applied(planned)
    assert (home / "gpg-agent.conf").read_bytes() == conf.replace(b"pinentry-", b"#pinentry-")
    assert not (home / "scdaemon.conf").exists()


def test_a_kept_agent_does_not_read_its_file_anew(home: Path) -> None:
    facts, contents = looked_at(home, {"gpg-agent.conf": b"pinentry-program /gone/pinentry\n"})
    facts = replace(facts, configuration=replace(facts.configuration, pinentry_exists=False))
    planned = plan(judged(facts, "GD113"), contents=contents, keep_agent=True)
    assert planned.edits and planned.restart is None
    (advice,) = planned.advice
    assert "gpg-agent is kept" in advice.text and advice.commands[0][-2:] == ("--kill", "gpg-agent")


def test_a_note_in_a_value_becomes_a_line_of_its_own(home: Path) -> None:
    facts, contents = looked_at(home, {"scdaemon.conf": b"# 1\nlog-file /tmp/log # for now\nverbose\n"})
    planned = plan(judged(facts, "GD115"), contents=contents)
    applied(planned)
    assert (home / "scdaemon.conf").read_bytes() == b"# 1\n# for now\nlog-file /tmp/log\nverbose\n"
    assert "-log-file /tmp/log # for now\n+# for now\n+log-file /tmp/log\n" in planned.edits[0].diff


def test_two_lines_instead_of_one_are_told_as_two() -> None:
    change = LineChange(path="/home/alice/.gnupg/scdaemon.conf", line=2, text="# for now\nlog-file /tmp/log")
    facts = machine(file={"status": "regular", "owner": 0, "mode": 0o600, "length": 3})
    cure = Cure(applicability="safe", changes=(change,), restart=True)
    planned = plan(diagnosed(facts, finding("GD115", cure)))
    assert 'Make line 2 2 lines: "# for now" and "log-file /tmp/log".' in planned.advice[0].text


READERS = ("Broadcom Corp 5880 00 00", "Yubico YubiKey OTP+FIDO+CCID 01 00")


def with_readers(facts: Facts, states: Sequence[str]) -> Facts:
    document = encode(facts)
    document["readers"] = [
        {"name": name, "state": state.split(), "probe": "not-needed"}
        for name, state in zip(READERS, states, strict=True)
    ]
    return decode(document)


def test_the_reader_with_the_card_is_named(home: Path) -> None:
    facts, contents = looked_at(home, {"scdaemon.conf": b"disable-ccid\n"}, own_ccid_driver=True)
    facts = with_readers(facts, ("EMPTY", "PRESENT"))
    planned = plan(judged(facts, "GD506"), contents=contents)
    assert planned.trial, "a reader that nobody uses may be tried"
    applied(planned)
    assert (home / "scdaemon.conf").read_bytes() == b"disable-ccid\nreader-port Yubico YubiKey\n"
    source = configuration.read(str(home / "scdaemon.conf"), "scdaemon", "user")
    _, effective = configuration.judge([source], TABLES["scdaemon"], "alice")
    setting = effective.where("reader-port")
    assert setting and setting.value == "Yubico YubiKey"


def test_a_line_that_names_another_reader_is_rewritten(home: Path) -> None:
    facts, contents = looked_at(home, {"scdaemon.conf": b"disable-ccid\nreader-port Broadcom # old\n"})
    facts = with_readers(facts, ("EMPTY", "PRESENT"))
    line = LineChange(path=str(home / "scdaemon.conf"), line=2, text="reader-port Yubico YubiKey")
    cure = Cure(applicability="safe", changes=(line,), restart=True)
    applied(plan(diagnosed(facts, finding("GD506", cure)), contents=contents))
    assert (home / "scdaemon.conf").read_bytes() == b"disable-ccid\nreader-port Yubico YubiKey\n"


KEEPING = {"pid": 6, "version": "2.4.7", "cards": ["D276"]}
HAND_OVER = Cure(applicability="costly", options=("disable-ccid",), restart=True)


def test_a_reader_is_handed_over_first_also_where_another_one_is_listed(home: Path) -> None:
    facts, contents = looked_at(home, {}, readers=(), running=KEEPING, own_ccid_driver=True)
    found = finding("GD208", HAND_OVER, subject=None)
    assert plan(diagnosed(facts, found), contents=contents).reader_first
    listed = with_readers(facts, ("EMPTY", "EMPTY"))
    listed = replace(listed, pcscd=replace(listed.pcscd, connections=()))
    planned = plan(diagnosed(listed, found), contents=contents)
    assert planned.reader_first and planned.edits and not planned.unproved


def test_a_blocked_device_is_for_a_person(home: Path) -> None:
    cure = Cure(applicability="manual")
    planned = plan(diagnosed(machine(), finding("GD404", cure, subject=None)))
    assert not planned.changes_something and [it.id for it in planned.advised] == ["GD404"]


# -- restarts that cure nothing ----------------------------------------------------------------------------------------

RESTART = Cure(applicability="safe", restart=True)


def restarted(daemons: Sequence[dict[str, Any]], index: int, id: str = "GD310") -> Plan:
    found = finding(id, RESTART, severity="warning", subject=None)
    found = replace(found, about=replace(found.about, index=index))
    return plan(diagnosed(machine(daemons=daemons), found), keep_agent=True)


def test_an_older_scdaemon_is_restarted_alone() -> None:
    for id in ("GD310", "GD109"):
        planned = restarted((AGENT, SCDAEMON), 1, id)
        assert planned.restart and planned.restart.argv == ("gpgconf", "--kill", "scdaemon")


def test_an_older_agent_that_is_kept_is_not_cured_by_another_scdaemon() -> None:
    planned = restarted((AGENT, SCDAEMON), 0)
    assert planned.restart is None and "this one is kept" in planned.refused[0].reason


def test_what_does_not_run_is_not_restarted() -> None:
    found = finding("GD109", RESTART, severity="warning", subject=None)
    planned = plan(diagnosed(machine(daemons=()), found))
    assert not planned.changes_something and "no daemon of this home runs" in planned.refused[0].reason


# -- what cannot be proved ---------------------------------------------------------------------------------------------


def test_options_without_a_card_are_not_proved() -> None:
    share = Cure(applicability="costly", options=("disable-ccid", "pcsc-shared"), restart=True)
    (said,) = plan(diagnosed(machine(readers=("EMPTY",)), finding("GD202", share))).unproved
    assert "no card is in a reader" in said
    (said,) = plan(diagnosed(machine(running={**KEEPING, "version": "2.2.40"}), finding("GD202", share))).unproved
    assert "for scdaemon has the card" in said
    assert plan(diagnosed(machine(), finding("GD202", share))).unproved == ()
    assert set(OPTIONS) >= {"disable-ccid", "pcsc-shared"} and known(machine().readers)
