"""The smaller parts of a trace: its place, its folding, the home of copies, what it says of silence."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from gpgdoctor.instruments.trace.copies import CannotCopy, copy_home, is_stub, uses_keyboxd, without_what_clashes
from gpgdoctor.instruments.trace.events import Event, Repeated
from gpgdoctor.instruments.trace.folding import Folding
from gpgdoctor.instruments.trace.lines import line, wrapped
from gpgdoctor.instruments.trace.place import (
    HOME_DIRECTORY,
    PATH_LIMIT_BYTES,
    SOCKET_DIRECTORY,
    NoPlace,
    PrivateDirectory,
    abandoned,
)
from gpgdoctor.instruments.trace.program import why_nothing_came
from gpgdoctor.instruments.trace.seen import Seen
from gpgdoctor.instruments.trace.summary import Summary
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Command
from tests.support.talk import CARD, Talk, state

STUB = b"(20:shadowed-private-key(3:rsa(1:n3:abc)(1:e1:3)(8:shadowed5:t1-v1(16:serial)))"
EXTENDED_STUB = b"Token: D276 OPENPGP.1\nKey: (shadowed-private-key (rsa (n #00#)(e #01#)(shadowed t1-v1 (#D2#))))\n"
SECRET = b"(21:protected-private-key(3:rsa(1:n3:abc)(9:protected25:openpgp-s2k3-sha1-aes-cbc)))"


# -- the socket's place ---------------------------------------------


def test_the_place_is_the_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as runtime:  # a socket's path is a short one
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        made = PrivateDirectory(SOCKET_DIRECTORY, "pcscd.comm")
        assert os.path.dirname(made.path) == runtime
        assert os.stat(made.path).st_mode & 0o777 == 0o700
        made.remove()
        assert os.listdir(runtime) == []


def test_a_path_that_is_too_long_for_a_socket_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    made = PrivateDirectory(SOCKET_DIRECTORY, "pcscd.comm")
    try:
        assert made.path.startswith("/tmp/")
        assert list(deep.iterdir()) == [], "nothing is left where it did not fit"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{made.path}/pcscd.comm")
    finally:
        made.remove()


def test_where_no_place_is_short_enough_it_says_so() -> None:
    with pytest.raises(NoPlace, match="too long"):
        PrivateDirectory(SOCKET_DIRECTORY, "n" * PATH_LIMIT_BYTES)


def test_what_a_killed_trace_left_is_told_from_what_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("gpgdoctor.instruments.trace.place.YOUNGEST_ABANDONED_S", -1.0)
    in_use = PrivateDirectory(HOME_DIRECTORY, "S.scdaemon")
    left, elsewhere = tmp_path / f"{HOME_DIRECTORY}left", tmp_path / "elsewhere"
    left.mkdir()
    elsewhere.mkdir()
    (tmp_path / f"{HOME_DIRECTORY}link").symlink_to(elsewhere)
    (tmp_path / f"{SOCKET_DIRECTORY}file").write_text("")
    here = [path for path in abandoned() if path.startswith(str(tmp_path))]
    assert here == [str(left)]
    monkeypatch.setattr("gpgdoctor.instruments.trace.place.YOUNGEST_ABANDONED_S", 60.0)
    assert str(left) not in abandoned(), "it may be being made at this moment"
    in_use.remove()


# -- folding ---------------------------------------------


def fold(talk: Talk) -> list[Event]:
    shown: list[Event] = []
    folding = Folding(shown.append)
    for event in talk.events:
        folding.take(event)
    folding.finish()
    return shown


def polling(times: int) -> Talk:
    talk = Talk()
    talk.establish()
    for _ in range(times):
        talk.wait(state())
        talk.stop_waiting()
    return talk


def test_what_is_polled_is_told_of_once_and_counted() -> None:
    shown = fold(polling(10))
    assert len(shown) == 3
    assert isinstance(shown[-1], Repeated)
    assert shown[-1].times == 9
    assert "9 times more" in line(shown[-1])


def test_twice_is_no_repetition_worth_a_word() -> None:
    assert not any(isinstance(event, Repeated) for event in fold(polling(2)))


def test_a_reader_that_changes_is_told_of() -> None:
    talk = Talk()
    talk.establish()
    for sharing in (0, 0, 0, 1, 1, 1):
        talk.wait(state(sharing=sharing))
        talk.stop_waiting()
    assert [type(event).__name__ for event in fold(talk)] == ["Call", "Call", "Repeated", "Call", "Repeated"]


def test_the_librarys_own_asking_again_is_folded() -> None:
    talk = Talk()
    talk.establish()
    talk.connect()
    for _ in range(25):
        talk.simple(Command.BEGIN_TRANSACTION, names.SHARING_VIOLATION, hCard=CARD)
    talk.simple(Command.BEGIN_TRANSACTION, hCard=CARD)
    assert [type(event).__name__ for event in fold(talk)] == ["Call", "Call", "Call", "Repeated", "Call"]


def test_two_lists_in_a_row_are_two_calls() -> None:
    talk = Talk()
    talk.establish()
    talk.states(state())
    talk.states(state())
    talk.connect()
    assert len(fold(talk)) == 4


def test_a_terminal_gets_lines_that_fit() -> None:
    talk = Talk()
    talk.establish()
    talk.connect(code=0x8010000B)
    text = wrapped(talk.lines[-1], 80)
    assert all(len(row) <= 80 for row in text.split("\n"))
    assert "SCARD_E_SHARING_VIOLATION (0x8010000B)" in " ".join(text.split())
    assert " ".join(text.split()) == " ".join(talk.lines[-1].split())


def test_a_readers_name_cannot_paint_the_terminal() -> None:
    talk = Talk()
    talk.establish()
    talk.connect(reader="evil\x1b[31m\nreader\u202e")
    assert talk.lines[-1].isprintable()
    assert "evil\\x1b[31m\\x0areader\\u202e" in talk.lines[-1]


# -- the sum of it ---------------------------------------------


def test_the_summary_counts_what_matters() -> None:
    talk = Talk()
    talk.establish()
    talk.connect(share=1, code=0x8010000B)
    talk.connect(share=2)
    talk.simple(Command.BEGIN_TRANSACTION, hCard=CARD)
    talk.transmit(bytes.fromhex("00A4040006D27600012401"))
    talk.transmit(bytes.fromhex("00A4040005A000000308"), b"\x6a\x82")
    talk.simple(Command.END_TRANSACTION, hCard=CARD, dwDisposition=0)
    talk.simple(Command.DISCONNECT, hCard=CARD, dwDisposition=2)
    summary = Summary()
    for event in talk.events:
        summary.take(event)
    (program,) = summary.programs
    text = "\n".join(program.lines())
    assert "SCARD_SHARE_EXCLUSIVE 1x SCARD_E_SHARING_VIOLATION (0x8010000B)" in text
    assert "SCARD_SHARE_SHARED 1x SCARD_S_SUCCESS (0x00000000)" in text
    assert "OpenPGP, PIV" in text
    assert "SCARD_UNPOWER_CARD 1x" in text
    assert program.as_json()["transactions"] == 1


def test_a_poll_that_lasts_is_a_wait() -> None:
    talk = Talk()
    talk.establish()
    talk.connect()
    for _ in range(10):
        talk.simple(Command.BEGIN_TRANSACTION, names.SHARING_VIOLATION, hCard=CARD)
        talk.now_s += 0.3
    seen = Seen()
    for event in talk.events:
        seen.take(event)
    assert seen.waited_s[next(iter(seen.waited_s))] > 2


# -- the home of copies ---------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "private-keys-v1.d").mkdir(parents=True)
    (home / "pubring.kbx").write_bytes(b"public keys")
    (home / "secring.gpg").write_bytes(SECRET)
    (home / "random_seed").write_bytes(b"seed")
    for name, content in {"A": STUB, "B": EXTENDED_STUB, "C": SECRET, "D": b"Key: (private-key (rsa))\n"}.items():
        (home / "private-keys-v1.d" / f"{name}.key").write_bytes(content)
    return home


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies"


def test_stubs_and_public_keys_are_copied_and_secret_keys_are_not(home: Path, into: Path) -> None:
    assert copy_home(str(home), str(into)) == 2
    copied = {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}
    assert copied == {
        "pubring.kbx": b"public keys",
        ".gpg-v21-migrated": b"",
        "private-keys-v1.d/A.key": STUB,
        "private-keys-v1.d/B.key": EXTENDED_STUB,
    }


def test_a_file_that_holds_both_is_no_stub() -> None:
    assert not is_stub(STUB + SECRET)


def test_what_a_second_agent_must_not_have_is_left_out() -> None:
    content = (
        b"# kept\r\nextra-socket /run/user/1/extra\nlog-file /home/a/log\n  --debug-level guru\nserver\nsupervised\n"
        b"browser-socket none\nenable-ssh-support\npinentry-program /usr/bin/p\nshow-photos\ndaemon"
    )
    assert without_what_clashes(content) == (
        b"# kept\r\nenable-ssh-support\npinentry-program /usr/bin/p\nshow-photos\n"
    )


def test_configuration_is_copied_through_links_and_fifos_are_not_opened(home: Path, into: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").write_bytes(b"disable-ccid\nlog-file /x\n")
    (home / "scdaemon.conf").symlink_to(tmp_path / "dotfiles")
    os.mkfifo(home / "gpg-agent.conf")
    (home / "trustdb.gpg").mkdir()
    (home / "gpg.conf").write_bytes(b"auto-key-retrieve\n")
    (home / "gpg.conf-2.2").write_bytes(b"armor\n")
    (home / "gpg.config").write_bytes(b"another program's\n")
    copy_home(str(home), str(into))
    assert (into / "scdaemon.conf").read_bytes() == b"disable-ccid\n"
    assert not (into / "scdaemon.conf").is_symlink()
    assert (into / "gpg.conf-2.2").exists()
    assert not (into / "gpg-agent.conf").exists()
    assert not (into / "gpg.config").exists()
    assert not (into / "trustdb.gpg").exists()


def test_a_keyring_elsewhere_is_copied_too_for_gpg_may_write_to_it(home: Path, into: Path, tmp_path: Path) -> None:
    (tmp_path / "extra.kbx").write_bytes(b"more keys")
    (home / "gpg.conf").write_text(f"keyring {tmp_path}/extra.kbx\nkeyring own.kbx\n")
    copy_home(str(home), str(into))
    first, second = (into / "gpg.conf").read_text().splitlines()
    copied = Path(first.split()[1])
    assert copied.parent == into
    assert copied.read_bytes() == b"more keys"
    assert second == "keyring own.kbx"


def test_a_home_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, into: Path) -> None:
    with pytest.raises(CannotCopy):
        copy_home(str(tmp_path / "absent"), str(into))


@pytest.mark.parametrize(
    ("content", "uses"), [("use-keyboxd\n", True), ("# use-keyboxd\n", False), ("no-use-keyboxd\n", False)]
)
def test_keyboxd_is_seen_in_the_common_file(content: str, uses: bool, home: Path, tmp_path: Path) -> None:
    (home / "common.conf").write_text(content)
    assert uses_keyboxd(str(home), None) is uses
    assert uses_keyboxd(str(tmp_path), str(home)) is uses


# -- silence ---------------------------------------------


def test_a_set_uid_program_is_known_to_ignore_the_trace(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("")
    program.chmod(0o4755)
    (reason,) = why_nothing_came([str(program)], agent_runs=False)
    assert "set-uid" in reason


def test_an_agent_that_runs_is_the_reason_for_gpgs_silence() -> None:
    (reason,) = why_nothing_came(["gpg", "--card-status"], agent_runs=True)
    assert "gpg-agent runs already" in reason


def test_else_it_is_said_what_it_may_be() -> None:
    assert len(why_nothing_came(["true"], agent_runs=True)) == 3
