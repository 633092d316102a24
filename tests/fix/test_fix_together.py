"""Several runs at once, interrupted runs, and what stands in the way of writing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.room import Process
from gpgdoctor.lab.scenario import File
from tests.support.fixing import (
    CARD_STATUS,
    configured,
    entries,
    fix,
    gpg_works,
    make_stubborn,
    read,
    running,
    shared_holder,
    succeeds,
    undo,
)

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

RUNS = 20
MINE = b"# mine\n"
BOTH = MINE + b"disable-ccid\npcsc-shared\n"


def start_fix(lab: Lab, *arguments: str) -> Process:
    return lab.popen([lab.python, "-m", "gpgdoctor", "fix", "--yes", *arguments])


def test_twenty_at_once_make_one_edit(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE))
    runs = [start_fix(lab) for _ in range(RUNS)]
    said = [run.stdout.read() for run in runs]
    assert [run.wait() for run in runs] == [0] * RUNS
    assert sum("Fixed and verified" in text for text in said) == 1
    # One that looks while scdaemon restarts may not see everything; it has nothing to do all the same.
    assert sum("Nothing to do" in text for text in said) == RUNS - 1
    assert read(lab) == BOTH
    assert len(entries(lab)) == 1
    assert gpg_works(lab)


def test_a_run_that_waits_too_long_names_the_holder(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE))
    lab.run(["mkdir", "-p", "-m", "700", f"{lab.home}/.local/state/gpgdoctor"])
    hold = (
        "import os, time\nfrom gpgdoctor.fix import journal\nfrom gpgdoctor.system import locking\n"
        "with journal.opened() as book, locking.locked(book.descriptor):\n"
        "    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
    )
    holder = lab.popen([lab.python, "-c", hold])
    pid = holder.stdout.readline().strip()

    started = time.monotonic()
    done = succeeds(fix(lab, "--yes"), 1)

    assert time.monotonic() - started > 29
    assert f"(pid {pid})" in done.stdout
    assert read(lab) == MINE


@pytest.mark.usefixtures("hangup_counts")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_fix_is_put_back(number: signal.Signals, open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE, mode=0o640))
    make_stubborn(lab)  # so that the verification takes its time
    run = start_fix(lab)
    lab.wait_until(lambda: b"pcsc-shared" in (read(lab) or b""), "nothing was written")

    lab.signal(run.pid, number)

    assert run.wait() == 130
    assert "Everything was put back." in run.stderr.read()
    assert read(lab) == MINE
    assert [entry["state"] for entry in entries(lab)] == ["put-back"]
    assert len(running(lab, "gpg-agent")) == 1
    assert "No such device" in lab.run(CARD_STATUS).stderr


def test_not_verified_in_time_is_put_back(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(files=(File(path=".gnupg/scdaemon.conf", content=b"debug-wait 60\n"),), steps=()))
    done = succeeds(fix(lab, "--yes"), 4)
    assert "scdaemon gives no answer" in done.stderr
    assert read(lab) == b"debug-wait 60\n"
    assert running(lab, "gpg-agent") == running(lab, "scdaemon") == []


def test_undo_refuses_what_was_changed_since(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE))
    succeeds(fix(lab, "--yes"))
    lab.write(".gnupg/scdaemon.conf", BOTH + b"verbose\n")

    done = succeeds(undo(lab), 1)

    assert "+verbose" in done.stdout
    assert read(lab) == BOTH + b"verbose\n"
    lab.write(".gnupg/scdaemon.conf", BOTH)
    succeeds(undo(lab))
    assert read(lab) == MINE


def test_undo_by_number(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE))
    succeeds(undo(lab), 1)
    succeeds(fix(lab, "--yes"))
    succeeds(undo(lab, "7"), 2)
    assert "applied" in undo(lab, "--list").stdout
    succeeds(undo(lab, "1"))
    assert "undone" in undo(lab, "--list").stdout
    succeeds(undo(lab, "1"), 1)
    succeeds(fix(lab, "--yes"))
    assert [entry["number"] for entry in entries(lab)] == [1, 2]


def test_undo_does_not_disturb_a_transaction(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE))
    succeeds(fix(lab, "--yes"))
    assert lab.client().ask("begin")["code"] == "0x00000000"
    succeeds(undo(lab), 1)
    assert read(lab) == BOTH
    lab.client().ask("end")
    succeeds(undo(lab))


HINDRANCES = {
    "full": "mount -t tmpfs -o size=8k,mode=700 none {home}; cp -p /tmp/kept {home}/scdaemon.conf;"
    " dd if=/dev/zero of={home}/fill bs=1k count=4 2>/dev/null || true",
    "read-only": "mount --bind {home} {home}; mount -o remount,bind,ro {home}",
    "full-journal": "mkdir -p {state}; mount -t tmpfs -o size=4k,mode=700 none {state};"
    " dd if=/dev/zero of={state}/fill bs=1k count=4 2>/dev/null || true",
    "read-only-journal": "mkdir -p {state}; mount -t tmpfs -o ro none {state}",
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_what_cannot_be_written_is_one_line_and_no_change(hindrance: str, open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE))
    home, state = lab.gnupghome, f"{lab.home}/.local/state/gpgdoctor"
    script = "set -e; cp -p {home}/scdaemon.conf /tmp/kept; " + HINDRANCES[hindrance]
    succeeds(lab.run(["sh", "-c", script.format(home=home, state=state)], user=0))
    lab.run(CARD_STATUS)
    agents = running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes"), 1)

    assert "Nothing is changed" in done.stdout or "is not changed" in done.stdout
    assert "Traceback" not in done.stderr
    assert read(lab) == MINE
    assert running(lab, "gpg-agent") == agents
    assert not [name for name in lab.run(["ls", "-A", home]).stdout.split() if "gpgdoctor" in name]


def test_a_file_of_another_user_is_not_written(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE), user=1001)
    lab.run(["sh", "-c", f"chown 0 {lab.gnupghome}/scdaemon.conf; chmod 644 {lab.gnupghome}/scdaemon.conf"], user=0)
    done = succeeds(fix(lab, "--yes"), 1)
    assert "it belongs to another user" in " ".join(done.stdout.split())
    assert read(lab) == MINE


def test_a_directory_without_permission(open_lab: OpenLab) -> None:
    lab = open_lab(configured(MINE), user=1001)
    lab.run(["chmod", "500", lab.gnupghome])
    done = succeeds(fix(lab, "--yes"), 1)
    assert "its directory is not writable for you" in " ".join(done.stdout.split())
    assert read(lab) == MINE
