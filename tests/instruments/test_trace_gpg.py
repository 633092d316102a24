"""`gpgdoctor trace --gpg`: gpg's real flow, through a signing with a PIN, and everything as before afterwards."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.catalogue.common import CARD_STATUS, ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.pinentry import ADMIN_PIN, USER_PIN
from gpgdoctor.lab.scenario import File, Scenario
from tests.support.labs import OpenLab, needing_a_lab

pytestmark = pytest.mark.lab

GENERATE = "admin\ngenerate\nn\n0\nAlice Lab\nalice@example.org\n\nquit\n"
MAKE_REPOSITORY = (
    "mkdir r && cd r && git init -q . && git config user.email alice@example.org && git config user.name 'Alice Lab' "
    "&& echo content >file && git add file"
)
AT_THE_CARD_S = 1.0  # until gpg has got so far as to wait for the card
COMMIT = "cd ~/r && git commit -q -S -m signed && git verify-commit HEAD"
AGENT_CONF = "# mine\nextra-socket /run/user/0/my-extra-socket\nlog-file /home/alice/agent.log\nenable-ssh-support\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """With a key on the card, a repository, and the user's own agent and scdaemon at work."""
    with ExitStack() as stack:
        with needing_a_lab():
            files = (ON_PCSC, File(path=".gnupg/gpg-agent.conf", content=AGENT_CONF))
            scenario = Scenario(name="signing", about="made for a test", files=files, programs=("git",))
            opened = stack.enter_context(Lab(scenario))
        made = opened.run(
            ["gpg", "--no-tty", "--status-fd", "2", "--command-fd", "0", "--card-edit"], input=GENERATE, timeout=300
        )
        assert "KEY_CREATED" in made.stderr, made.stderr
        assert opened.run(["sh", "-c", MAKE_REPOSITORY]).returncode == 0
        yield opened


def contents(lab: Lab) -> str:
    """Every file of the user's, but for git's own and the agent's log."""
    sums = "find . -type f -not -path './r/*' -not -name agent.log -not -name 'trace*' | sort | xargs -d '\\n' cksum"
    return lab.run(["sh", "-c", f"cd ~ && {sums}; ls -l ~/.gnupg"]).stdout


def repository(lab: Lab) -> tuple[str, str, str]:
    """What is not committed, its own settings and hooks, and the number of commits."""
    status = lab.run(["git", "-C", "r", "status", "--porcelain"]).stdout
    settings = lab.run(["sh", "-c", "cd r/.git && find config hooks info -type f | sort | xargs cksum"]).stdout
    return status, settings, lab.run(["git", "-C", "r", "rev-list", "--count", "HEAD"]).stdout


def agents(lab: Lab) -> int:
    return len([it for it in lab.processes() if it["name"] == "gpg-agent" and not it["zombie"]])


def leftovers(lab: Lab) -> list[str]:
    return [path for path in lab.snapshot_files() if "gpgdoctor-" in path or "/gnupg/d." in path]


def test_a_signed_commit_is_traced_and_nothing_is_changed(lab: Lab) -> None:
    before, agent = contents(lab), lab.pid_of("gpg-agent")
    _, settings, _ = repository(lab)
    done = lab.gpgdoctor("trace", "--gpg", "--yes", "-o", "trace.txt", "--", "sh", "-c", COMMIT)
    trace = lab.read("trace.txt")
    assert done.returncode == 0, done.stderr + trace
    assert "Good signature" in done.stderr
    assert "VERIFY, PIN not shown, SW 9000" in trace
    assert "PERFORM SECURITY OPERATION" in trace
    for secret in (USER_PIN, ADMIN_PIN):
        everything = (trace + done.stdout + done.stderr).lower().replace(" ", "")
        assert secret not in everything
        assert secret.encode().hex() not in everything
    assert contents(lab) == before
    assert repository(lab) == ("", settings, "1\n"), "nothing but the commit is new in it"
    assert lab.pid_of("gpg-agent") == agent, "the user's own agent goes on"
    assert leftovers(lab) == []
    assert lab.run(["gpg", "--card-status"]).returncode == 0
    assert "/run/user/0/my-extra-socket" in lab.snapshot_files(), "no second agent took it away"


def test_ssh_finds_the_agent_of_the_copies(lab: Lab) -> None:
    shows = "echo $SSH_AUTH_SOCK; gpg-connect-agent --no-autostart 'getinfo ssh_socket_name' /bye"
    done = lab.gpgdoctor("trace", "--gpg", "--yes", "-o", "trace.txt", "--", "sh", "-c", shows)
    told, answered, _ = done.stdout.splitlines()
    assert answered == f"D {told}"


def test_without_a_terminal_the_plan_is_shown_and_nothing_done(lab: Lab) -> None:
    assert lab.run(["gpg", "--card-status"]).returncode == 0
    scdaemon = lab.pid_of("scdaemon")
    done = lab.gpgdoctor("trace", "--gpg")
    assert done.returncode == 1
    assert done.stdout.startswith("PLAN\n")
    assert f"Stop your scdaemon (pid {scdaemon})" in done.stdout
    assert "COSTS\n" in done.stdout
    assert "gpgdoctor trace --gpg --yes" in done.stdout.splitlines()[-1]
    assert lab.pid_of("scdaemon") == scdaemon
    assert leftovers(lab) == []


def test_gpgs_own_code_is_passed_on(lab: Lab) -> None:
    assert lab.gpgdoctor("trace", "--gpg", "--yes", "--", "sh", "-c", "exit 7").returncode == 7


@pytest.mark.parametrize(
    ("victim", "number"),
    [
        ("the command", signal.SIGKILL),
        ("the command", signal.SIGTERM),
        ("the command", signal.SIGINT),
        ("gpgdoctor", signal.SIGTERM),
        ("gpgdoctor", signal.SIGINT),
    ],
)
def test_all_is_taken_down_however_it_ends(victim: str, number: int, lab: Lab) -> None:
    before = contents(lab)
    command = "gpg --card-status >/dev/null; exec sleep 100"
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace", "--gpg", "--yes", "--", "sh", "-c", command])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "the command did not come so far", within_s=30)
    pid = lab.pid_of("sleep") if victim == "the command" else tracing.pid
    assert pid is not None
    lab.signal(pid, number)
    assert tracing.wait() == 128 + number
    assert leftovers(lab) == []
    assert agents(lab) == 1
    assert contents(lab) == before


def test_no_agent_outlives_a_kill_of_gpgdoctor_itself(lab: Lab) -> None:
    before = contents(lab)
    command = "gpg --card-status >/dev/null; exec sleep 100"
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace", "--gpg", "--yes", "--", "sh", "-c", command])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "the command did not come so far", within_s=30)
    sleep = lab.pid_of("sleep")
    lab.signal(tracing.pid, signal.SIGKILL)
    lab.wait_until(lambda: agents(lab) == 1, "the agent of the copies went on", within_s=30)
    lab.wait_until(lambda: not [it for it in leftovers(lab) if "-home-" in it], "the copies were left", within_s=30)
    assert contents(lab) == before
    assert sleep is not None
    lab.signal(sleep, signal.SIGKILL)
    done = lab.gpgdoctor("trace", "--gpg", "--yes")
    assert done.returncode == 0, done.stderr
    for directory in {path.rsplit("/", 1)[0] for path in leftovers(lab) if path.endswith("/pcscd.comm")}:
        lab.run(["rm", "-r", directory])  # too young for the next trace to take it for abandoned


# -- what it does not do --------------------------------------------------------------------------------------------


def test_a_pin_entry_is_not_disturbed(open_lab: OpenLab) -> None:
    conf = File(path=".gnupg/gpg-agent.conf", content="pinentry-program /home/alice/pinentry-slow\n")
    slow = File(path="pinentry-slow", content="#!/bin/sh\necho OK; sleep 100; exit\n", mode=0o755)
    lab = open_lab(Scenario(name="pin", about="made for a test", files=(ON_PCSC, conf, slow), steps=(CARD_STATUS,)))
    asking = lab.popen(["gpg-connect-agent", "get_passphrase x a b c", "/bye"])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "nobody asks for a PIN")
    scdaemon = lab.pid_of("scdaemon")
    done = lab.gpgdoctor("trace", "--gpg", "--yes")
    assert done.returncode == 3
    assert "asks for a PIN" in done.stderr
    assert lab.pid_of("scdaemon") == scdaemon
    asking.kill()


def test_an_operation_of_the_card_is_not_disturbed(open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="busy", about="made for a test", files=(ON_PCSC,), steps=(CARD_STATUS,)))
    scdaemon, (card,) = lab.pid_of("scdaemon"), cards(lab)
    lab.signal(card, signal.SIGSTOP)  # as one that waits for a touch: it answers nothing
    try:
        waiting = lab.popen(["gpg", "--card-status"])
        lab.wait_until(lambda: lab.pid_of("gpg") is not None, "gpg did not start")
        time.sleep(AT_THE_CARD_S)
        done = lab.gpgdoctor("trace", "--gpg", "--yes")
    finally:
        lab.signal(card, signal.SIGCONT)
    assert done.returncode == 3
    assert "your scdaemon is busy with the card" in done.stderr
    assert lab.pid_of("scdaemon") == scdaemon
    assert waiting.wait() == 0


def test_a_scdaemon_that_does_not_answer_is_left_alone(open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="stopped", about="made for a test", files=(ON_PCSC,), steps=(CARD_STATUS,)))
    pid = lab.pid_of("scdaemon")
    assert pid is not None
    lab.signal(pid, signal.SIGSTOP)
    try:
        done = lab.gpgdoctor("trace", "--gpg", "--yes")
    finally:
        lab.signal(pid, signal.SIGCONT)
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert lab.run(["gpg", "--card-status"]).returncode == 0
    assert lab.pid_of("scdaemon") == pid


def cards(lab: Lab) -> list[int]:
    """The processes that are the virtual cards."""
    look = (
        "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -q '^[^ ]* -m gpgdoctor.lab.card' && echo $p; done"
    )
    return [int(path.split("/")[2]) for path in lab.run(["sh", "-c", look], user=0).stdout.split()]


def test_a_home_with_keyboxd_is_refused_with_the_reason(open_lab: OpenLab) -> None:
    common = File(path=".gnupg/common.conf", content="use-keyboxd\n")
    lab = open_lab(Scenario(name="keyboxd", about="made for a test", files=(ON_PCSC, common)))
    done = lab.gpgdoctor("trace", "--gpg", "--yes")
    assert done.returncode == 3
    assert "use-keyboxd" in done.stderr
    assert leftovers(lab) == []


def test_an_agent_that_starts_no_scdaemon_is_the_reason(open_lab: OpenLab) -> None:
    conf = File(path=".gnupg/gpg-agent.conf", content="disable-scdaemon\n")
    done = open_lab(Scenario(name="none", about="made for a test", files=(ON_PCSC, conf))).gpgdoctor("trace", "--gpg")
    assert done.returncode == 3
    assert "disable-scdaemon" in done.stderr


def test_the_home_of_another_user_is_not_copied_by_root(open_lab: OpenLab) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can have other users in the lab")
    lab = open_lab(Scenario(name="user", about="made for a test", files=(ON_PCSC,)), user=1001)
    done = lab.gpgdoctor("trace", "--gpg", "--yes", env={"GNUPGHOME": lab.gnupghome}, user=0)
    assert "this traces as alice" in done.stderr
    assert done.returncode == 0, done.stderr
    assert lab.run(["find", lab.gnupghome, "!", "-user", "1001"]).stdout == ""


def test_with_sudo_it_is_the_callers_scdaemon(open_lab: OpenLab) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can have other users in the lab")
    lab = open_lab(BY_NAME["shared-holder"], user=1001)
    done = lab.gpgdoctor("trace", "--json", env={"SUDO_UID": "1001", "HOME": "/root"}, user=0)
    assert done.returncode == 1, done.stderr
    assert "this traces as alice" in done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    (finding,) = summary["findings"]
    assert finding["id"] == "GD202"
    assert finding["culprits"][0]["certainty"] == "certain"


def test_gpgs_flow_proves_the_same_as_a_scdaemon_of_its_own(open_lab: OpenLab) -> None:

    lab = open_lab(BY_NAME["shared-holder"])
    done = lab.gpgdoctor("trace", "--gpg", "--yes", "--json")
    assert done.returncode == 1, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert [(finding["id"], finding["severity"]) for finding in summary["findings"]] == [("GD202", "error")]
