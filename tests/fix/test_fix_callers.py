"""Who calls: a person at a terminal, another directory, sudo."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import File
from tests.support.fixing import (
    OPTIONS,
    SCDAEMON_CONF,
    STATE,
    fix,
    read,
    shared_holder,
    shared_holder_on_pcsc,
    succeeds,
    undo,
)

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

ALICE = 1001
BOTH = "".join(f"{option}\n" for option in OPTIONS).encode()
AT_A_TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.executable, [sys.executable, "-m", "gpgdoctor", *sys.argv[2:]])
said = b""
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    said += chunk
    if said.endswith(b"[y/N] "):
        os.write(terminal, sys.argv[1].encode())
        said += b"\\n"
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize(
    ("answer", "code"), [("y\n", 0), ("yes\n", 0), ("\n", 1), ("n\n", 1), ("\x04", 1), ("\x03", 130)]
)
def test_a_person_is_asked(answer: str, code: int, open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    done = succeeds(lab.run([lab.python, "-c", AT_A_TERMINAL, answer, "fix"]), code)
    assert "Apply this? [y/N]" in done.stdout
    assert read(lab) == (BOTH if code == 0 else None)


def test_nobody_is_asked_for_json(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    done = succeeds(lab.run([lab.python, "-c", AT_A_TERMINAL, "y\n", "fix", "--json"]), 1)
    assert "[y/N]" not in done.stdout
    assert read(lab) is None


def test_a_home_named_relative_to_where_one_stands(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(homes=(".gnupg", "other"), steps=()))
    succeeds(fix(lab, "--yes", "--homedir", "other"))
    assert read(lab, "other/scdaemon.conf") == BOTH
    assert read(lab) is None
    succeeds(undo(lab))
    assert read(lab, "other/scdaemon.conf") is None


def test_with_sudo_it_is_the_callers_file(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(files=(File(path=SCDAEMON_CONF, content="# mine\n"),)), user=ALICE)
    sudo = {"SUDO_UID": str(ALICE), "SUDO_GID": str(ALICE), "SUDO_USER": "alice", "HOME": "/root"}

    succeeds(fix(lab, "--yes", user=0, env=sudo))

    assert read(lab) == b"# mine\n" + BOTH
    owners = lab.run(["stat", "-c", "%u", f"{lab.home}/{SCDAEMON_CONF}", f"{lab.home}/{STATE}"]).stdout.split()
    assert owners == [str(ALICE)] * 2
    assert not lab.run(["sh", "-c", "ls -A /root/.local /root/.gnupg 2>/dev/null"], user=0).stdout
    assert gpg_agents_of(lab) == {str(ALICE)}

    succeeds(undo(lab, user=0, env=sudo))
    assert read(lab) == b"# mine\n"


def test_a_planted_link_leads_root_nowhere(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(steps=()), user=ALICE)
    lab.run(["sh", "-c", "echo precious >/run/precious; chmod 600 /run/precious"], user=0)
    lab.run(["ln", "-s", "/run/precious", f"{lab.home}/{SCDAEMON_CONF}"])
    sudo = {"SUDO_UID": str(ALICE), "SUDO_USER": "alice", "HOME": "/root"}
    fix(lab, "--yes", user=0, env=sudo)
    assert lab.run(["cat", "/run/precious"], user=0).stdout == "precious\n"
    assert lab.run(["readlink", f"{lab.home}/{SCDAEMON_CONF}"]).stdout == "/run/precious\n"


def gpg_agents_of(lab: Lab) -> set[str]:
    """Whose gpg-agents run. They forbid ptrace, so their files in /proc belong to root."""
    pids = [process["pid"] for process in lab.processes() if process["name"] == "gpg-agent"]
    statuses = [lab.run(["grep", "^Uid:", f"/proc/{pid}/status"], user=0).stdout for pid in pids]
    return {status.split()[1] for status in statuses}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as root")
def test_with_sudo_the_machine_is_looked_at_as_root(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder_on_pcsc(), user=ALICE)
    done = fix(lab, "--dry-run", "--json", user=0, env={"SUDO_UID": str(ALICE)})
    (found,) = (finding for finding in json.loads(done.stdout)["findings"] if finding["id"] == "GD202")
    assert [(it["pid"], it["certainty"]) for it in found["culprits"]] == [(lab.client().pid, "certain")]


def test_a_caller_whom_nobody_knows_is_nobodys_home(open_lab: OpenLab) -> None:
    """Neither root's own home in its place, nor a defect; hooks still tell of the machine."""
    lab = open_lab(shared_holder_on_pcsc())
    before = read(lab)
    unknown = {"SUDO_UID": "99999"}
    for arguments, code in ((("check",), 2), (("check", "--json"), 2), (("fix", "--yes"), 2), (("undo",), 2)):
        done = lab.gpgdoctor(*arguments, env=unknown)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith("gpgdoctor: SUDO_UID names nobody on this machine")
    assert read(lab) == before
    assert "firefox" in lab.gpgdoctor("hook", "run", "json", env=unknown).stdout
    assert lab.gpgdoctor("hook", "run", "nagios", env=unknown).stdout.startswith("GPGDOCTOR UNKNOWN")
    assert lab.gpgdoctor("check", "--format", "nagios", env=unknown).returncode == 3
    assert lab.gpgdoctor("check", env={"SUDO_UID": ""}).returncode == 1


def test_who_is_asked_keeps_the_others_out(open_lab: OpenLab) -> None:
    """What was confirmed is what is done: nobody else changes anything while the question stands."""
    lab = open_lab(shared_holder(files=(File(path=SCDAEMON_CONF, content="# mine\n"),)))
    once_told = "(__import__('time').sleep(0.1) for _ in iter(lambda: os.path.exists('/tmp/go'), True))"
    waits = AT_A_TERMINAL.replace("        os.write(terminal", f"        list({once_told})\n        os.write(terminal")
    first = lab.popen([lab.python, "-c", waits, "y\n", "fix"])
    held = f"{lab.home}/{STATE}/lock"
    lab.wait_until(lambda: held_by_somebody(lab, held), "nobody holds the lock")
    second = lab.popen([lab.python, "-m", "gpgdoctor", "fix", "--yes"])
    lab.write("/tmp/go", "")
    assert "Nothing to do" in second.stdout.read() and second.wait() == 0
    assert "Fixed and verified" in first.stdout.read() and first.wait() == 0
    assert read(lab) == b"# mine\n" + BOTH


def held_by_somebody(lab: Lab, lock: str) -> bool:
    return lab.run(["sh", "-c", f"test -e {lock} && ! flock -n {lock} true"]).returncode == 0
