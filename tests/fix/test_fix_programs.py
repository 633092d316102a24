"""The programs that a fix runs and asks: polite to the end, whatever they do."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.fix import agent
from gpgdoctor.fix.private_scdaemon import read_card
from gpgdoctor.fix.trial import TrialFailed, try_out, without_logging
from gpgdoctor.scdaemon_conf.options import parse_option_table
from gpgdoctor.system import proc
from gpgdoctor.system.assuan import Answer, answer_in
from gpgdoctor.system.deadline import Deadline

Fake = Callable[[str], str]

TABLE = parse_option_table("log-file:1:2:x:\ndebug:2:2:x:\nverbose:3:0:x:\ndisable-ccid:4:0:x:\nreader-port:5:2:x:\n")


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A scdaemon that is a shell script."""

    def make(script: str) -> str:
        path = tmp_path / "scdaemon"
        path.write_text(f"#!/bin/sh\necho OK ready\n{script}\n")
        path.chmod(0o700)
        return str(path)

    return make


ANSWERS = {
    "read line; echo 'S SERIALNO D276'; echo OK; cat >/dev/null": Answer(code=0, statuses=("SERIALNO D276",)),
    "read line; echo 'ERR 100696144 No such device <SCD>'; cat >/dev/null": Answer(code=32848, text="No such device"),
    "exit 2": None,
    "read line": None,
    "read line; echo nonsense; cat >/dev/null": None,
}


@pytest.mark.parametrize("script", ANSWERS)
def test_what_scdaemon_says(script: str, fake: Fake) -> None:
    reading = read_card(fake(script), "/nonexistent", Deadline(1.0))
    assert reading.answer == ANSWERS[script]
    assert not reading.still_runs


def test_the_last_complaint_of_its_log(fake: Fake) -> None:
    script = "echo 'scdaemon[7]: pcsc_connect failed: sharing violation (0x8010000b)' >&2; echo 'scdaemon[7]: x' >&2"
    reading = read_card(fake(script), "/nonexistent", Deadline(1.0))
    assert reading.complaint == "pcsc_connect failed: sharing violation (0x8010000b)"


def test_one_that_hangs_is_interrupted_and_never_killed(fake: Fake, tmp_path: Path) -> None:
    script = f"trap 'echo INT >{tmp_path}/got; exit 0' INT\nwhile :; do sleep 0.1; done"
    reading = read_card(fake(script), "/nonexistent", Deadline(0.3))
    assert reading.answer is None and not reading.still_runs
    assert (tmp_path / "got").read_text() == "INT\n"


def test_one_that_does_not_end_is_left_alone(fake: Fake, tmp_path: Path) -> None:
    script = f"trap '' INT\necho $$ >{tmp_path}/pid\nwhile :; do sleep 0.1; done"
    reading = read_card(fake(script), "/nonexistent", Deadline(0.3))
    assert reading.still_runs
    pid = int((tmp_path / "pid").read_text())
    assert proc.started_ticks(pid) is not None
    os.kill(pid, signal.SIGKILL)


def test_a_trial_that_fails_says_why_and_leaves_nothing(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    script = "read line; echo 'scdaemon[7]: pcsc_connect failed: x' >&2; echo 'ERR 100696144 No such device <SCD>'"
    with pytest.raises(TrialFailed, match=r"scdaemon says No such device \(pcsc_connect failed: x\)"):
        try_out(fake(script), b"disable-ccid\n", TABLE)
    with pytest.raises(TrialFailed, match="could not be made"):
        try_out("/nonexistent/scdaemon", b"", TABLE)
    assert [path.name for path in tmp_path.iterdir()] == ["scdaemon"]


def test_a_trial_writes_no_log() -> None:
    before = (
        b"\xef\xbb\xbflog-file /x\n# log-file\n\tdebug 1\ndisable-ccid\nverbose\nreader-port log-file\ndebug-all # x\n"
    )
    assert without_logging(before, TABLE) == b"# log-file\ndisable-ccid\nreader-port log-file\n"


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        ("gpg-agent --homedir /x --use-standard-socket --daemon", []),
        ("gpg-agent --supervised", []),
        ("gpg-agent --daemon --enable-ssh-support", ["--enable-ssh-support"]),
        ("gpg-agent --daemon --pinentry-program=/x -v", ["--pinentry-program=/x", "-v"]),
        ("gpg-agent --daemon --max-cache-ttl 5", []),
        ("gpg-agent --daemon -s -- /bin/sh --login", []),
    ],
)
def test_options_that_a_new_agent_would_not_have(arguments: str, own: list[str]) -> None:
    assert agent.own_options(arguments.split(), {"max-cache-ttl"}) == own


def test_numbers_are_read_without_their_source() -> None:
    assert answer_in(["D 1", "D 2", "OK closing"]) == Answer(code=0, text="closing", data=("1", "2"))
    assert answer_in(["ERR 67141741 Broken pipe <GPG Agent>"]) == Answer(code=32877, text="Broken pipe")
    assert answer_in(["ERR 67108983 Kein SmartCard-Daemon <GPG Agent>"]) == Answer(
        code=119, text="Kein SmartCard-Daemon"
    )
    assert answer_in(["S x"]) is None
