"""A user's programs write root's answers: whatever they say, the others' report comes, in time and in little memory."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.handles import read_line
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Scenario

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="only root asks about others")]
OpenLab = Callable[..., Lab]

ALICE, MALLORY = 1001, 1002
PEOPLE = f"""root:x:0:0:root:/root:/bin/bash
alice:x:{ALICE}:{ALICE}::/home/user1:/bin/bash
mallory:x:{MALLORY}:{MALLORY}::/home/mallory:/bin/bash
"""
MEMORY_BYTES = 400 << 20  # root's own process; without a liar it takes a tenth
# A child of root's can be traced by the user whom it has become until it forbids that; with CAP_SYS_PTRACE also
# afterwards, and where Yama would not have it, which saves the test a race.
TRACER = ("--clear-groups", "--inh-caps=+sys_ptrace", "--ambient-caps=+sys_ptrace")
FORGER = """
import ctypes, json, os, sys
from gpgdoctor.collect.user_child import nothing_known
from gpgdoctor.snapshot import encode

PIDFD_GETFD = 438
ME = os.getuid()
SILENT = encode(nothing_known("x"))
FILE = {"program": "scdaemon", "scope": "user", "status": "regular", "owner": ME, "mode": 384, "length": 200000}
LINE = {"text": "x", "kind": "option", "option": "x", "problem": "unknown-option", "meant": "disable-ccid"}
NAMES = [f"Reader {number}" for number in range(64)]


def files(number, lines):
    told = [{**LINE, "number": line + 1} for line in range(lines)]
    found = [{**FILE, "path": f"/home/mallory/.gnupg/{n}", "lines": told} for n in range(number)]
    return json.dumps({**SILENT, "configuration": {**SILENT["configuration"], "files": found}}).encode()


def gnupg(**fields):
    return json.dumps({**SILENT, "gnupg": {**SILENT["gnupg"], **fields}}).encode()


ANSWERS = {
    "many files": files(1000, 0),
    "many lines": files(1, 4000),
    "deep and closed": b"[" * 5_000 + b"]" * 5_000,
    "a million lines": json.dumps({**SILENT, "scdaemons": [0] * 1_000_000}).encode(),
    "a long text": gnupg(homedir="/" + "x" * 10_000_000),
    "large numbers": gnupg(card_keys=1).replace(b'"card_keys": 1', b'"card_keys": 1e308, "x": -1e308, "y": 1e999'),
    "many digits": gnupg(card_keys=1).replace(b'"card_keys": 1', b'"card_keys": ' + b"9" * 400_000),
    "names": gnupg(homedir="/\\x1b[2J\\ud800" + "x" * 9000, scdaemon_options=["\\u202e" * 400] * 100),
    "readers": json.dumps(
        {
            "library": {"name": "x", "reason": None}, "stage": "asked", "establish": 0, "listed": 0, "names": NAMES,
            "states": [[name, 0x120, "zz"] for name in NAMES], "probe": [NAMES[0], "ok", 0, 1e300],
        }
    ).encode(),
    "flood": b"",
}
seen = set()
print("ready", flush=True)
while True:
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or entry in seen or entry == str(os.getpid()):
            continue
        try:
            if f"Uid:\\t{ME}" not in open(f"/proc/{entry}/status").read():
                continue
            words = open(f"/proc/{entry}/cmdline", "rb").read().split(b"\\0")
            if b"gpgdoctor.collect.user" not in words and b"gpgdoctor.collect.probe" not in words:
                continue
            process = os.pidfd_open(int(entry))
            out = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(words[-3]), 0)
            if out < 0:
                continue
        except (OSError, ValueError, IndexError):
            continue
        seen.add(entry)
        print(entry, flush=True)
        if os.fork() == 0:
            os.set_blocking(out, True)
            try:
                while sys.argv[1] == "flood":
                    os.write(out, b"[" * 65536)
                answer = ANSWERS[sys.argv[1]] + b"\\n"
                while answer:
                    answer = answer[os.write(out, answer):]
                os.kill(int(entry), 19)
            finally:
                os._exit(0)
"""
MEASURED = """
import os, resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "gpgdoctor", *sys.argv[1:]], stdin=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, file=sys.stderr)
sys.exit(done.returncode)
"""
FORGERIES = (
    *("many files", "many lines", "a million lines", "a long text", "large numbers"),
    *("deep and closed", "many digits", "names", "readers", "flood"),
)


@pytest.fixture(scope="module")
def lab(open_module_lab: OpenLab) -> Lab:
    clients = (Client(kind="shared", user=ALICE),)
    files = (ON_PCSC, File(path="/etc/passwd", content=PEOPLE, mode=0o644))
    lab = open_module_lab(Scenario(name="forger", about="", files=files, clients=clients), user=ALICE)
    made = lab.run(
        ["sh", "-ec", f"mkdir -m 700 -p /home/mallory/.gnupg; chown -R {MALLORY}:{MALLORY} /home/mallory"], user=0
    )
    assert (made.returncode, made.stderr) == (0, "")
    return lab


def told(lab: Lab, *command: str, env: dict[str, str] | None = None) -> str:
    """What it says; its own process stays small."""
    done = lab.run([lab.python, "-c", MEASURED, *command], user=0, env=env, timeout=40)
    *complaints, peak = done.stderr.splitlines()
    assert complaints == []
    assert done.returncode in (0, 1, 3)
    assert int(peak) < MEMORY_BYTES
    return done.stdout


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_answer_spoils_its_users_part_alone(forgery: str, lab: Lab) -> None:
    ids = (f"--reuid={MALLORY}", f"--regid={MALLORY}")
    forger = lab.popen(["setpriv", *ids, *TRACER, lab.python, "-c", FORGER, forgery], user=0)
    try:
        read_line(forger)
        output = told(lab, "hook", "run", "json", "--all-users")
        document: dict[str, Any] = json.loads(output)
        assert document["verdict"] == "findings"
        hers, _ = document["users"]
        assert "unknown" not in hers["facts"]["gnupg"]["homedir"]
        assert "GD202" in {finding["id"] for finding in document["findings"]}
        found = json.loads(told(lab, "check", "--json", env={"SUDO_UID": str(MALLORY), "HOME": "/root"}))
        assert found["verdict"] != "healthy"
        assert select.select([forger.stdout], [], [], 0)[0], "there was something to forge"
    finally:
        forger.kill()
