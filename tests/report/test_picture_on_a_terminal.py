"""`check` draws where somebody looks at it: on a terminal, or where -v asks for it; else the text is as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE

SNAPSHOTS = SOURCE_TREE / "fixtures" / "snapshots"
READ_BYTES = 1 << 16
UTF_8 = {"LC_ALL": "C.UTF-8", "TERM": "xterm"}
WAY = "scdaemon --- pcscd --X-- reader --- card"
BOXES = "scdaemon \u2500\u2500\u2500 pcscd \u2500\u2500"


def check(*arguments: str, name: str = "shared-holder") -> list[str]:
    return [sys.executable, "-m", "gpgdoctor", "check", "--from", str(SNAPSHOTS / f"{name}.json"), *arguments]


def environment(**changes: str) -> dict[str, str]:
    dropped = ("NO_COLOR", "PYTHONIOENCODING", "PYTHONUTF8")
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**inherited, "PYTHONPATH": str(SOURCE_TREE), **changes}


def piped(*arguments: str, name: str = "shared-holder") -> str:
    command = check(*arguments, name=name)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(**UTF_8))
    return done.stdout


def on_terminal(*arguments: str, columns: int = 80, **variables: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(check(*arguments), stdout=theirs, env=environment(**{**UTF_8, **variables}))
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, READ_BYTES):
            said += part
    except OSError:  # how a terminal ends that nobody writes to any more
        pass
    finally:
        os.close(ours)
    process.wait(60)
    return said.decode().replace("\r\n", "\n")


def test_a_pipe_has_no_picture() -> None:
    said = piped()
    assert "GD202" in said and " -- " not in said and said.isascii()
    assert said == piped("--no-picture")


def test_a_pipe_has_it_in_one_line_where_all_is_asked_for() -> None:
    lines = [line for line in piped("-v").splitlines() if " -- pcscd -- " in line]
    assert lines == ["  gpg-agent -- scdaemon -- pcscd -- Yubico YubiKey OTP+FIDO+CCID 00 00 -- card"]
    assert " -- " in piped("-v", name="healthy")
    assert " -- " not in piped("-v", "--no-picture")


def test_a_terminal_has_boxes_and_colour() -> None:
    said = on_terminal()
    assert BOXES in said and "\x1b[1;31m" in said


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_plain_terminal_has_letters(variables: dict[str, str]) -> None:
    said = on_terminal(columns=80, **variables)
    assert WAY in said and BOXES not in said and said.isascii()


def test_an_old_terminal_has_letters_too() -> None:
    assert BOXES not in on_terminal(LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal(columns: int) -> None:
    said = on_terminal(columns=columns, NO_COLOR="1")
    assert max(map(len, said.splitlines())) <= columns
    assert "  | scdaemon" in said and "  X firefox has the card" in said and "  | Yubico" in said


def test_who_cannot_see_it_turns_it_off() -> None:
    assert BOXES not in on_terminal("--no-picture")
