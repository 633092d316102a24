"""The journal, the lock and the signals: what keeps a fix accountable, alone, and whole."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gpgdoctor.fix import journal
from gpgdoctor.fix.entries import Daemon, Entry, joined
from gpgdoctor.fix.interrupts import Interrupted, Interrupts
from gpgdoctor.fix.journal import NoJournal
from gpgdoctor.plan.steps import Edit, Restart
from gpgdoctor.system import locking

ENTRY = Entry(
    number=1,
    time=1.5,
    state="begun",
    homedir="/home/alice/.gnupg",
    ids=("GD202",),
    files=(
        Edit(path="/home/alice/.gnupg/scdaemon.conf", before=None, after=b"\xff\r\n\0", mode=None),
        Edit(path="/home/alice/.gnupg/gpg-agent.conf", before=b"", after=b"x", mode=0o640),
    ),
    restart=Restart(target="gpg-agent", argv=("gpgconf", "--kill", "gpg-agent")),
    old=(Daemon(pid=7, started=8),),
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "gpgdoctor"


def test_an_entry_is_read_as_it_was_written() -> None:
    with journal.opened() as book:
        book.write(ENTRY)
        assert book.entries() == [ENTRY]
        applied = book.become(ENTRY, "applied")
        assert book.next_number() == 2
    assert journal.read_only().entries == (applied,)


def test_two_entries_become_one_that_takes_back_both() -> None:
    first, agents = ENTRY.files
    later = replace(
        ENTRY, number=2, ids=("GD205",), files=(replace(first, before=first.after, after=b"y", mode=0o600),)
    )
    both = joined(ENTRY, later)
    assert both == replace(later, ids=("GD202", "GD205"), files=(replace(first, after=b"y"), agents))
    assert joined(ENTRY, replace(later, files=(replace(first, before=b"by somebody else"),))) is None


def test_the_journal_is_its_owners_alone(state: Path) -> None:
    state.mkdir(parents=True)
    state.chmod(0o755)
    with journal.opened() as book:
        book.write(ENTRY)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()} == {0o600}


def test_looking_makes_nothing(state: Path) -> None:
    assert journal.read_only().entries == ()
    assert not journal.exists()
    assert not state.parent.exists()


def test_what_changed_nothing_is_forgotten() -> None:
    with journal.opened() as book:
        book.write(ENTRY)
        book.forget(ENTRY)
        assert book.entries() == []


def test_a_broken_entry_is_named_and_blocks_no_other(state: Path) -> None:
    with journal.opened() as book:
        book.write(ENTRY)
        state.joinpath("fix-0003.json").write_text("{")
        assert book.next_number() == 4
    contents = journal.read_only()
    assert contents.entries == (ENTRY,)
    assert contents.skipped == {3: f"{state}/fix-0003.json: it is no entry of the journal"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a directory of another user")
def test_the_journal_of_another_user_is_not_used(state: Path) -> None:
    state.mkdir(parents=True)
    os.chown(state, 1002, -1)
    with pytest.raises(NoJournal, match="another user"), journal.opened():
        pass


def test_a_link_in_the_place_of_the_journal_is_not_followed(state: Path, tmp_path: Path) -> None:
    state.parent.mkdir()
    state.symlink_to(tmp_path)
    with pytest.raises(NoJournal), journal.opened():
        pass


def hold_the_lock() -> subprocess.Popen[str]:
    code = (
        "import sys\nfrom gpgdoctor.fix import journal\nfrom gpgdoctor.system import locking\n"
        "with journal.opened() as book, locking.locked(book.descriptor):\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    return holder


def test_the_lock_names_its_holder_and_writes_nothing(state: Path) -> None:
    with journal.opened() as book:
        with hold_the_lock() as holder:
            refused = pytest.raises(locking.NotLocked, match=rf"pid {holder.pid}\b")
            with refused, locking.locked(book.descriptor, wait_s=0.3):
                pass
            holder.communicate("\n")
        with locking.locked(book.descriptor):
            assert state.joinpath(locking.NAME).read_bytes() == b""


def test_a_killed_holder_holds_nothing() -> None:
    with journal.opened() as book, hold_the_lock() as holder:
        holder.kill()
        holder.wait()
        with locking.locked(book.descriptor, wait_s=0.3):
            pass


@pytest.mark.usefixtures("hangup_counts")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_exception(number: signal.Signals) -> None:
    with Interrupts(), pytest.raises(Interrupted):
        os.kill(os.getpid(), number)
        time.sleep(1)


def test_a_signal_waits_for_what_is_shielded() -> None:
    done = []
    with Interrupts() as interrupts, pytest.raises(Interrupted), interrupts.shielded():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("whole")
    assert done == ["whole"]


def test_a_signal_is_forgotten_where_everything_is_put_back_anyway() -> None:
    with Interrupts() as interrupts, interrupts.ignored():
        os.kill(os.getpid(), signal.SIGTERM)
        with interrupts.shielded():
            pass


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
