"""SIGKILL, or an error, at every system call that changes a file or makes it durable.

Files stay whole; after a kill the next run completes, after an error what is said is so.

strace sends the signal when the call is entered, so each state between two calls is met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import File
from tests.support.fixing import (
    CARD_STATUS,
    SCDAEMON_CONF,
    STATE,
    Done,
    entries,
    fix,
    gpg_works,
    read,
    running,
    shared_holder,
    succeeds,
    undo,
)
from tests.support.labs import cannot_run

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

BEFORE = b"# mine\n#disable-ccid\n"
AFTER = b"# mine\n#disable-ccid\ndisable-ccid\npcsc-shared\n"
CHANGING = (
    *("write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat", "symlinkat"),
    *("fchmod", "chmod", "fchmodat", "fchown", "chown", "fchownat", "fsetxattr", "setxattr", "mkdir", "mkdirat"),
    *("unlink", "unlinkat", "rmdir", "ftruncate", "truncate"),
)
CREATING = "openat"
TRACE = "/tmp/trace"
CALL = re.compile(r"^(\w+)\((.*)\) += (.*)$")
FINAL = {"applied", "undone", "put-back"}


@dataclass(frozen=True)
class Call:
    name: str
    nth: int  # of its name, as strace counts
    arguments: str

    def __str__(self) -> str:
        return f"{self.name} {self.nth}: {self.arguments}"


@pytest.fixture
def lab(open_lab: OpenLab) -> Lab:
    lab = open_lab(shared_holder(files=(File(path=SCDAEMON_CONF, content=BEFORE, mode=0o640),)))
    if lab.run(["sh", "-c", "command -v strace"]).returncode != 0:
        cannot_run("strace is not installed")
    return lab


def test_a_fix_killed_anywhere_is_completed_by_fix_or_undo(lab: Lab) -> None:
    points = list(killed_everywhere(lab, ["fix", "--yes", "--no-verify"], become_ill))
    assert {"mkdir", "openat", "write", "fchmod", "fsync", "renameat"} <= {point.name for point in points}


def test_an_undo_killed_anywhere_is_completed_by_fix_or_undo(lab: Lab) -> None:
    def become_fixed(lab: Lab) -> None:
        become_ill(lab)
        succeeds(fix(lab, "--yes", "--no-verify"))

    points = list(killed_everywhere(lab, ["undo"], become_fixed))
    assert {"openat", "write", "fchmod", "fsync", "renameat"} <= {point.name for point in points}


def test_an_error_anywhere_in_a_fix_is_told_as_it_is(lab: Lab) -> None:
    said = list(failed_everywhere(lab, ["fix", "--yes", "--no-verify"], become_ill))
    for point, done, content in said:
        told = done.stdout + done.stderr
        assert done.returncode in (0, 1), (point, told)
        if content == AFTER:
            assert done.returncode == 0 and "gpgdoctor undo 1" in told, (point, told)
        else:
            assert done.returncode == 1 and ("othing is changed" in told or "put back" in told), (point, told)
    assert {"close", "fsync", "renameat"} <= {point.name for point, _, _ in said}


def test_an_error_anywhere_in_an_undo_is_told_as_it_is(lab: Lab) -> None:
    def become_fixed(lab: Lab) -> None:
        become_ill(lab)
        succeeds(fix(lab, "--yes", "--no-verify"))

    for point, done, content in failed_everywhere(lab, ["undo"], become_fixed):
        told = done.stdout + done.stderr
        if content == BEFORE:
            assert done.returncode == 0 and "is undone" in told, (point, told)
        else:
            assert done.returncode == 1 and told.strip(), (point, told)


def failed_everywhere(
    lab: Lab, command: list[str], prepare: Callable[[Lab], None]
) -> Iterator[tuple[Call, Done, bytes | None]]:
    """Each call with an input/output error in its place: what was said, and what the file holds."""
    prepare(lab)
    # Daemons do not matter here, so each attack begins with the same files and whatever runs.
    lab.run(["sh", "-c", "rm -rf /tmp/start; mkdir /tmp/start; cp -a .gnupg/scdaemon.conf .local /tmp/start"])
    again = "rm -rf .local .gnupg/.gpgdoctor* .gnupg/scdaemon.conf; cp -a /tmp/start/.local . 2>/dev/null; "
    again += "cp -a /tmp/start/scdaemon.conf .gnupg"
    succeeds(traced(lab, command, [], also=("close", "getdents64")))
    every = calls(lab)
    first = next(number for number, call in enumerate(every) if "rename" in call.name)
    # Before anything is written, what is closed is what was only read; Python itself lists the working directory.
    points = [
        call
        for number, call in enumerate(every)
        if (call.name != "close" or number > first)
        and (call.name != "getdents64" or STATE in call.arguments)
        and (call.name != CREATING or "O_CREAT" in call.arguments)
    ]
    print(f"\n{len(points)} places for an error in {' '.join(command)}")
    for point in points:
        succeeds(lab.run(["sh", "-c", again]))
        error = f"inject={point.name}:error=EIO:when={point.nth}"
        done = traced(lab, command, ["-e", error], also=("close", "getdents64"))
        assert read(lab) in (BEFORE, AFTER), point
        assert "a defect of gpgdoctor" not in done.stderr, (point, done.stderr)
        yield point, done, read(lab)


def killed_everywhere(lab: Lab, command: list[str], prepare: Callable[[Lab], None]) -> Iterator[Call]:
    prepare(lab)
    succeeds(traced(lab, command, []))
    points = [call for call in calls(lab) if call.name != CREATING or "O_CREAT" in call.arguments]
    print(f"\n{len(points)} kill points of {' '.join(command)}:", *points, sep="\n")
    for point in points:
        prepare(lab)
        killed = traced(lab, command, ["-e", f"inject={point.name}:signal=KILL:when={point.nth}"])
        assert killed.returncode == -9, f"{point}: {killed.stdout}{killed.stderr}"
        assert calls(lab)[-1] == point
        assert read(lab) in (BEFORE, AFTER), point
        assert_completed(lab, point)
        yield point


def assert_completed(lab: Lab, point: Call) -> None:
    lab.run(["sh", "-c", "rm -rf /tmp/kept; mkdir /tmp/kept; cp -a .gnupg /tmp/kept; cp -a .local /tmp/kept"])
    undoable = states(lab) not in ([], ["undone"])
    succeeds(undo(lab), 0 if undoable else 1)
    assert read(lab) == BEFORE, point
    assert mode(lab) == "640"
    assert_tidy(lab, point)

    put = "cmp -s /tmp/kept/.gnupg/$it .gnupg/$it || { rm -f .gnupg/$it; cp -a /tmp/kept/.gnupg/$it .gnupg; }"
    put_all = f"for it in scdaemon.conf .gpgdoctor-1.tmp; do {put}; done"
    lab.run(["sh", "-c", f"rm -rf .local; {put_all}; cp -a /tmp/kept/.local . || true"])
    succeeds(fix(lab, "--yes"))
    assert read(lab) == AFTER, point
    assert gpg_works(lab), point
    assert_tidy(lab, point)


def assert_tidy(lab: Lab, point: Call) -> None:
    assert set(states(lab)) <= FINAL, point
    left = lab.run(["ls", "-A", ".gnupg"]).stdout
    assert ".tmp" not in left, f"{point}: {left}"


def states(lab: Lab) -> list[str]:
    return [entry["state"] for entry in entries(lab)]


def become_ill(lab: Lab) -> None:
    lab.run(["sh", "-c", "rm -rf .local .gnupg/.gpgdoctor*"])
    lab.write(SCDAEMON_CONF, BEFORE, mode=0o640)
    lab.run(["gpgconf", "--kill", "gpg-agent"])
    # One that is still ending would take away the socket of the next one.
    lab.wait_until(lambda: not running(lab, "scdaemon"), "scdaemon did not end")
    assert lab.run(CARD_STATUS).returncode == 2


def traced(lab: Lab, command: list[str], more: list[str], also: tuple[str, ...] = ()) -> Done:
    state = f"{lab.home}/.local/state/gpgdoctor"
    places = [
        *(lab.home, f"{lab.home}/.local", f"{lab.home}/.local/state", state, lab.gnupghome),
        *(f"{state}/.fix-0001.json.tmp", f"{state}/lock", f"{lab.gnupghome}/.gpgdoctor-1.tmp"),
    ]
    watched = [word for place in places for word in ("-P", place)]
    trace = f"trace={','.join((CREATING, *CHANGING, *also))}"
    argv = ["strace", "-qq", "-y", "-e", "signal=none", "-o", TRACE, *watched, "-e", trace, *more]
    return lab.run([*argv, lab.python, "-m", "gpgdoctor", *command])


def calls(lab: Lab) -> list[Call]:
    """The calls that strace saw, in their order, without what differs between two runs."""
    counts: dict[str, int] = {}
    found = []
    for line in lab.read(TRACE).splitlines():
        match = CALL.match(line)
        if match:
            name = match[1]
            counts[name] = counts.get(name, 0) + 1
            found.append(Call(name, counts[name], without_numbers(match[2])))
    return found


def without_numbers(arguments: str) -> str:
    """Descriptors, and what is written: it holds times and pids."""
    arguments = re.sub(r'"(?:[^"\\]|\\.)*"(\.\.\.)?, \d+(, 0)?$', "...", arguments)
    return re.sub(r"(?<![\w.])\d+<", "<", arguments)


def mode(lab: Lab) -> str:
    return lab.run(["stat", "-c", "%a", f"{lab.gnupghome}/scdaemon.conf"]).stdout.strip()
