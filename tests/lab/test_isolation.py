"""A lab meets neither the machine nor another lab, and leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab, LabFailed
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.lab.scenario import Client, Scenario, Step
from tests.support import elsewhere
from tests.support.labs import command_lines

pytestmark = pytest.mark.lab

OpenLab = Callable[..., Lab]

ORDINARY_USER = 54321
GONE_WITHIN_S = 5.0
OPEN_WITHIN_S = 30.0
BUSY = Scenario(
    name="busy",
    about="every kind of process that a lab can have",
    files=(ON_PCSC,),
    clients=(Client(kind="idle"), Client(kind="idle", program="seahorse", other_network=True)),
    steps=(Step(argv=("gpg", "--card-status")),),
)
HEALTHY = Scenario(name="healthy", about="nobody else", files=(ON_PCSC,))
# Opens a lab, names its namespaces and user, and keeps it until told to end.
OWNER = f"""
import json, os, sys
sys.path[0] = {str(SOURCE_TREE)!r}
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import *
with Lab({BUSY!r}) as lab:
    names = [f"/proc/self/ns/{{kind}}" for kind in ("pid", "mnt", "net")]
    print(json.dumps([os.getuid(), lab.steps[0].stdout, *lab.run(["readlink", *names]).stdout.split()]), flush=True)
    sys.stdin.readline()
"""


@contextmanager
def owner(argv: list[str]) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process that has opened a lab; with the namespaces that the lab is in."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said, "the lab was not opened"
        uid, card_status, *namespaces = json.loads(said)
        assert "Serial number" in card_status
        yield process, [str(uid), *namespaces]
    finally:
        process.kill()
        process.communicate()


def inhabitants(namespaces: list[str]) -> list[str]:
    """The command lines of all processes in any of these namespaces."""
    found = []
    for process, arguments in command_lines():
        if {_namespace(process, kind) for kind in ("pid", "mnt", "net")} & set(namespaces):
            found.append(b" ".join(arguments).decode(errors="replace"))
    return found


def _namespace(process: Path, kind: str) -> str:
    try:
        return os.readlink(process / "ns" / kind)
    except OSError:
        return ""


def remaining(namespaces: list[str]) -> list[str]:
    deadline = time.monotonic() + GONE_WITHIN_S
    while (found := inhabitants(namespaces)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def state_of(*trees: str) -> dict[str, tuple[int, int, int, int]]:
    state = {}
    for tree in trees:
        for directory, directories, names in os.walk(tree):
            for path in (os.path.join(directory, name) for name in [*directories, *names]):
                status = os.lstat(path)
                state[path] = status.st_ino, status.st_size, status.st_mode, status.st_mtime_ns
    return state


def on_the_way_to_python(path: Path, temporary: Path) -> bool:
    """Where ``temporary`` stands for /tmp: a mount point for what this Python needs there."""
    place = Path("/tmp", path.relative_to(temporary))
    return any(needed.is_relative_to(place) for needed in elsewhere.needed())


def mounts() -> list[str]:
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


# -- leaving nothing behind -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [None, signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(sent: signal.Signals | None, open_lab: OpenLab, tmp_path: Path) -> None:
    open_lab(HEALTHY)  # or skip
    mounted = mounts()
    temporary = tmp_path / "tmp"
    temporary.mkdir(mode=0o777)
    with owner(elsewhere.argv(OWNER, covers={Path("/tmp"): temporary})) as (process, (_, *namespaces)):
        alive = " ".join(inhabitants(namespaces))
        assert all(name in alive for name in ("lab.init", "pcscd", "lab.card", "firefox", "seahorse", "scdaemon"))
        assert process.stdin is not None
        if sent is None:
            process.stdin.write("\n")
            process.stdin.flush()
        else:
            process.send_signal(sent)
        process.wait(GONE_WITHIN_S)
        assert remaining(namespaces) == []
    assert [str(path) for path in temporary.rglob("*") if not on_the_way_to_python(path, temporary)] == []
    assert mounts() == mounted


def test_a_lab_whose_first_process_is_killed_ends_whole(open_lab: OpenLab) -> None:
    lab = open_lab(BUSY)
    namespaces = lab.run(["readlink", "/proc/self/ns/pid", "/proc/self/ns/net"]).stdout.split()
    (init,) = [
        process.name
        for process, arguments in command_lines()
        if b"gpgdoctor.lab.init" in b" ".join(arguments) and _namespace(process, "pid") == namespaces[0]
    ]
    os.kill(int(init), signal.SIGKILL)
    assert remaining(namespaces) == []
    with pytest.raises(LabFailed):
        lab.run(["true"])


def test_a_scenario_that_cannot_be_played_leaves_nothing_behind(open_lab: OpenLab) -> None:
    open_lab(HEALTHY)  # or skip
    impossible = Scenario(name="impossible", about="", readers=(), steps=(Step(argv=("gpg", "--card-status")),))
    children = Path("/proc/self/task", str(os.getpid()), "children")
    before = children.read_text()
    with pytest.raises(LabFailed):
        Lab(impossible).__enter__()
    assert children.read_text() == before


# -- apart from the machine and from each other -----------------------------------------------------------------------


def test_the_machine_is_as_it_was(open_lab: OpenLab) -> None:
    watched = ("/etc", "/usr/lib/systemd", "/var/lib/dpkg", "/var/lib/systemd")
    before = state_of(*watched)
    sockets = Path("/run/pcscd").exists(), Path("/run/user", str(os.getuid()), "gnupg").exists()
    lab = open_lab(BUSY)
    lab.run(["sh", "-c", "echo changed >/run/changed; echo changed >/etc/changed; rm -f /usr/bin/gpg"], user=0)
    assert state_of(*watched) == before
    assert not Path("/run/changed").exists()
    assert (Path("/run/pcscd").exists(), Path("/run/user", str(os.getuid()), "gnupg").exists()) == sockets


def test_two_labs_do_not_meet(open_lab: OpenLab) -> None:
    first = open_lab(Scenario(name="first", about="", files=(ON_PCSC,), clients=(Client(kind="exclusive"),)))
    second = open_lab(HEALTHY)
    assert first.run(["gpg", "--card-status"]).returncode == 2
    assert second.run(["gpg", "--card-status"]).returncode == 0
    first.remove()
    assert second.run(["gpg", "--card-status"]).returncode == 0
    assert second.pid_of("firefox") is None
    assert first.card_log() != second.card_log()


def test_the_machines_usb_devices_are_not_seen(open_lab: OpenLab) -> None:
    lab = open_lab(HEALTHY)
    seen = lab.run(["sh", "-c", "ls -A /dev/bus/usb /sys/bus/usb/devices 2>/dev/null | grep -v :$ | grep ."])
    assert seen.stdout == ""


# -- users ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is an ordinary user already")
def test_an_ordinary_user_can_open_a_lab(open_lab: OpenLab, tmp_path: Path) -> None:
    open_lab(HEALTHY)  # or skip
    covers = {place: tmp_path / str(number) for number, place in enumerate(sorted(elsewhere.closed_to_others()))}
    for cover in covers.values():
        cover.mkdir()
    with owner(elsewhere.argv(OWNER, covers=covers, user=ORDINARY_USER)) as (process, (uid, *namespaces)):
        assert uid == str(ORDINARY_USER)
        assert inhabitants(namespaces)
        process.kill()
        assert remaining(namespaces) == []


def test_in_the_lab_of_a_user_gpg_and_gpgdoctor_run_as_her(open_lab: OpenLab) -> None:
    lab = open_lab(BUSY, user=1001)
    assert lab.run(["id", "-un"]).stdout == "alice\n"
    assert lab.run(["sh", "-c", "touch ~/mine && stat -c %u ~/mine"]).stdout == "1001\n"
    owner_of_scdaemon = lab.run(["stat", "-c", "%u", f"/proc/{lab.pid_of('scdaemon')}"]).stdout
    assert owner_of_scdaemon == "1001\n"
    assert lab.run([lab.python, "-c", "import gpgdoctor, smartcard, os; print(os.getuid())"]).stdout == "1001\n"
    assert lab.run(["id", "-u"], user=0).stdout == "0\n"


def test_where_namespaces_are_refused_the_reason_is_given() -> None:
    code = (
        "import os, sys; sys.path[0] = sys.argv[1]\n"
        "from gpgdoctor.lab.lab import Lab, LabUnavailable\n"
        "from gpgdoctor.lab.scenario import Scenario\n"
        "os.environ['PATH'] = '/nonexistent'\n"
        "try: Lab(Scenario(name='any', about='', readers=())).__enter__()\n"
        "except LabUnavailable as unavailable: print(unavailable)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SOURCE_TREE)], capture_output=True, text=True, timeout=60)
    assert "unshare" in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1
