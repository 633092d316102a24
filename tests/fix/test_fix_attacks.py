"""What is hostile, odd or in the way: the journal, the directory of a file, an environment without a home."""

from __future__ import annotations

import json
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.fix import files, journal, restore
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.entries import Entry, encoded
from gpgdoctor.fix.restart import NotRestarted
from gpgdoctor.fix.undoing import list_journal, undo
from gpgdoctor.lab.lab import Lab
from gpgdoctor.plan.steps import Edit
from gpgdoctor.system import atomic
from tests.support.fixing import shared_holder

BEFORE, AFTER = b"before\n", b"after\n"
SOMEBODY = 1002
OpenLab = Callable[..., Lab]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GnuPG home with a fix in its journal: number 1, of scdaemon.conf."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    (home / "scdaemon.conf").write_bytes(AFTER)
    (home / "scdaemon.conf").chmod(0o600)
    with journal.opened() as book:
        book.write(entry(home, 1))
    monkeypatch.setattr("gpgdoctor.fix.undoing._check_daemons", lambda *_: None)
    monkeypatch.setattr(restore, "restart_again", lambda *_, **__: None)
    return home


def entry(home: Path, number: int, name: str = "scdaemon.conf") -> Entry:
    change = Edit(path=str(home / name), before=BEFORE, after=AFTER, mode=0o600)
    return Entry(
        number=number,
        time=1.0,
        state="applied",
        homedir=str(home),
        ids=("GD202",),
        files=(change,),
        restart=None,
        old=(),
    )


def state(home: Path) -> Path:
    return home.parent / "state" / "gpgdoctor"


def document(home: Path, **changes: Any) -> dict[str, Any]:
    return {**json.loads(encoded(entry(home, 2))), **changes}


def of_file(home: Path, **changes: Any) -> dict[str, Any]:
    made = document(home)
    return {**made, "files": [{**made["files"][0], **changes}]}


# -- the journal is input ----------------------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e19,
    -1e19,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    [],
    [[]],
    [1],
    {},
    {"a": 1},
    "a\0b",
)
FIELDS = ("format", "number", "time", "state", "homedir", "ids", "files", "restart", "old")
OF_A_FILE = ("path", "before", "after", "mode")
# What a fix may have written itself.
HARMLESS = {("ids", "[]"), ("files", "[]"), ("restart", "None"), ("old", "[]"), ("before", "None"), ("mode", "None")}
HARMLESS |= {("before", "''"), ("after", "''")}


@pytest.mark.parametrize("field", FIELDS + OF_A_FILE)
def test_an_odd_value_is_skipped_and_blocks_nothing(field: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for odd in ODD:
        if (field, repr(odd)) in HARMLESS:
            continue
        made = of_file(home, **{field: odd}) if field in OF_A_FILE else document(home, **{field: odd})
        (state(home) / "fix-0002.json").write_text(json.dumps(made))
        contents = journal.read_only()
        assert [it.number for it in contents.entries] == [1], (field, odd)
        assert list(contents.skipped) == [2], (field, odd)
    assert list_journal(Console.standard()) == 0
    assert "fix-0002.json" in capfd.readouterr().err
    assert undo(2, Console.standard()) == 1
    assert undo(None, Console.standard()) == 0
    assert (home / "scdaemon.conf").read_bytes() == BEFORE


def bashrc(home: Path) -> dict[str, Any]:
    (home.parent / ".bashrc").write_bytes(AFTER)
    return of_file(home, path=str(home.parent / ".bashrc"))


OBEYED_ONCE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "another file of mine": bashrc,
    "another home's": lambda home: of_file(home, path="/etc/gnupg/scdaemon.conf"),
    "a detour": lambda home: of_file(home, path=f"{home}/../.gnupg/scdaemon.conf"),
    "a key": lambda home: of_file(home, path=f"{home}/private-keys-v1.d"),
    "set-uid": lambda home: of_file(home, mode=0o4777),
    "sticky": lambda home: of_file(home, mode=0o1777),
    "no base64": lambda home: of_file(home, before="%%%"),
}


@pytest.mark.parametrize("what", OBEYED_ONCE)
def test_an_entry_names_configuration_of_its_home_alone(what: str, home: Path) -> None:
    (state(home) / "fix-0002.json").write_text(json.dumps(OBEYED_ONCE[what](home)))
    assert list(journal.read_only().skipped) == [2]
    assert undo(None, Console.standard()) == 0, "number 1, for 2 cannot be trusted"
    bashrc = home.parent / ".bashrc"
    assert not bashrc.exists() or bashrc.read_bytes() == AFTER


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def writable(path: Path) -> None:
    path.write_text(json.dumps(document(path.parents[2] / ".gnupg")))
    path.chmod(0o666)


def anothers(path: Path) -> None:
    path.write_text(json.dumps(document(path.parents[2] / ".gnupg")))
    os.chown(path, SOMEBODY, -1)


def nested(path: Path) -> None:
    path.write_text("[" * 100_000)


def digits(path: Path) -> None:
    path.write_text('{"format": 1, "number": ' + "9" * 100_000 + "}")


PLACED = (fifo, link, Path.mkdir, writable, anothers, nested, digits, Path.touch)


@pytest.mark.parametrize("place", PLACED, ids=lambda it: it.__name__)
def test_what_is_no_entry_of_mine_is_skipped(place: Callable[[Path], None], home: Path) -> None:
    if place is anothers and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    place(state(home) / "fix-0002.json")
    contents = journal.read_only()
    assert [it.number for it in contents.entries] == [1] and list(contents.skipped) == [2]
    with journal.opened() as book:
        assert book.next_number() == 3
    assert undo(None, Console.standard()) == 0


def test_strange_names_are_no_entries(home: Path) -> None:
    for name in ("fix-٣٣٣٣.json", "fix-" + "9" * 200 + ".json", "fix-1.json", "fix-.json", "fix-0000.json"):
        (state(home) / name).write_text("{}")
    contents = journal.read_only()
    assert [it.number for it in contents.entries] == [1] and list(contents.skipped) in ([], [1])
    with journal.opened() as book:
        assert book.next_number() == 2


# -- access is not widened ---------------------------------------------------------------------------------------------


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """linux/posix_acl_xattr.h: version, then tag, permissions and id of each entry."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)


INHERITED = access_list((1, 7, -1), (2, 4, SOMEBODY), (4, 4, -1), (16, 4, -1), (32, 0, -1))


def bequeath(directory: Path) -> None:
    try:
        os.setxattr(directory, "system.posix_acl_default", INHERITED)
    except OSError as error:
        pytest.skip(f"no access control lists here: {error.strerror}")


@pytest.mark.parametrize("mode", [None, 0o600, 0o640, 0o644])
def test_what_a_directory_bequeaths_opens_no_file(mode: int | None, home: Path) -> None:
    conf = home / "common.conf"
    if mode is not None:
        conf.write_bytes(BEFORE)
        conf.chmod(mode)
    bequeath(home)
    files.write(files.find(str(conf)), AFTER, ".gpgdoctor-9.tmp")
    assert os.listxattr(conf) == []
    assert stat.S_IMODE(conf.stat().st_mode) == (0o600 if mode is None else mode)
    restore.put_back(Edit(path=str(conf), before=BEFORE, after=AFTER, mode=mode), ".gpgdoctor-9.tmp")
    assert os.listxattr(conf) == []


# -- after success -----------------------------------------------------------------------------------------------------


def test_a_file_that_is_in_place_is_not_said_to_be_unwritten(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def fails_for_directories(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fails_for_directories)
    conf = home / "scdaemon.conf"
    with pytest.raises(atomic.NotDurable, match=r"scdaemon\.conf is written, but may be lost if the power fails now"):
        files.write(files.find(str(conf)), b"new\n", ".gpgdoctor-9.tmp")
    assert conf.read_bytes() == b"new\n"
    conf.write_bytes(AFTER)
    assert undo(None, Console.standard()) == 0
    assert conf.read_bytes() == BEFORE


def test_an_undo_whose_journal_cannot_say_so_is_an_undo(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    become = journal.Journal.become

    def fails_in_the_end(book: journal.Journal, entry: Entry, state: Any) -> Entry:
        if state == "undone":
            raise journal.NoJournal("no space left")
        return become(book, entry, state)

    monkeypatch.setattr(journal.Journal, "become", fails_in_the_end)
    assert undo(None, Console.standard()) == 0
    said = capsys.readouterr()
    assert "Restored" in said.out and "the files are put back" in said.err


def test_a_close_that_fails_is_no_defect(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close = os.close

    def fails(descriptor: int) -> None:
        close(descriptor)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "close", fails)
    files.write(files.find(str(home / "scdaemon.conf")), b"new\n", ".gpgdoctor-9.tmp")
    with journal.session() as book:
        book.write(entry(home, 3))
    monkeypatch.undo()
    assert (home / "scdaemon.conf").read_bytes() == b"new\n"


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be any user in the lab")
@pytest.mark.parametrize("command", [["fix", "--yes"], ["undo"], ["undo", "--list"]])
def test_without_a_home_it_is_one_line(command: list[str], open_lab: OpenLab) -> None:
    """A uid that the user database does not know, and no HOME."""
    lab = open_lab(shared_holder(steps=()))
    lab.run(["mkdir", "-m", "777", "/tmp/here"], user=0)
    run = f'cd /tmp/here && exec env -u HOME -u GNUPGHOME "$0" -m gpgdoctor {" ".join(command)}'
    done = lab.run(["sh", "-c", run, lab.python], user=47115)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "set HOME" in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr
    assert lab.run(["ls", "-A", "/tmp/here"]).stdout == ""


# -- commands to paste -------------------------------------------------------------------------------------------------


def test_a_command_to_paste_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_homedir: str) -> None:
        raise NotRestarted("busy")

    monkeypatch.setattr(restore, "look", fails)
    told: list[str] = []
    restore.restart_again("gpg-agent", "/run/h/a b;touch PWN", told.append)
    assert told == ["Not restarted: busy. Afterwards, run: gpgconf --homedir '/run/h/a b;touch PWN' --kill gpg-agent"]
