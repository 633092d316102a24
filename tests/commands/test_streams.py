"""Where the output goes: a closed stream, a full disk, a reader who leaves, a narrow terminal, another alphabet."""

from __future__ import annotations

import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.civility import NEVER_PRINTED, PATIENCE_S, Done, assert_clear, gpgdoctor, run
from tests.support.specimens import machines, snapshot

pytestmark = pytest.mark.machine_dependent

NARROW_COLUMNS = 20
LONGEST_HEADING = 48  # "ERROR GD202 shared-holder-blocks-scdaemon" is not broken
NO_ROOM = "gpgdoctor: the result could not be written: No space left on device\n"
ANY_RESULT = (0, 1, 2, 3)
CODES = {"healthy": 0, "shared-holder": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("snapshots")
    for name in machines():
        (found / name).write_text(snapshot(name))
    return found


COMMANDS = (
    "check --from healthy",
    "check --from shared-holder -v",
    "check --from shared-holder --json",
    "check --from shared-holder --format nagios",
    "report --from shared-holder",
    "explain GD202",
    "explain --list",
    "schema",
    "demo --list",
    "hook list",
    "--help",
    "--version",
)
every_command = pytest.mark.parametrize("command", COMMANDS)


def shell(line: str, command: str, folder: Path, **env: str) -> Done:
    """A shell line in which {} is the command."""
    words = shlex.join([sys.executable, "-m", "gpgdoctor", *command.split()])
    return run(["bash", "-c", line.format(words)], env=env, cwd=folder)


@every_command
def test_a_closed_stdout_is_no_defect(command: str, folder: Path) -> None:
    done = shell("{} >&-", command, folder)
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in ANY_RESULT


@every_command
def test_closed_streams_of_every_kind_are_no_defect(command: str, folder: Path) -> None:
    whole = shell("{}", command, folder)
    assert len(shell("{} <&- 2>&-", command, folder).stdout) == pytest.approx(len(whole.stdout), abs=5)  # "seconds"
    assert shell("{} <&- >&- 2>&-", command, folder).returncode in ANY_RESULT


def test_a_log_on_a_closed_stdin_is_an_empty_one(folder: Path) -> None:
    done = shell("{} <&-", "explain -", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


@every_command
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told_in_one_line(command: str, unbuffered: str, folder: Path) -> None:
    done = shell("{} >/dev/full", command, folder, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr == NO_ROOM
    assert done.returncode in (1, 2, 3)


@every_command
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_has_seen_enough(command: str, unbuffered: str, folder: Path) -> None:
    whole = shell("{}", command, folder)
    done = shell("set -o pipefail; {} | {{ read -r line; echo $line; }}", command, folder, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr == ""
    assert done.returncode == whole.returncode
    assert done.stdout.split() == whole.stdout.split("\n")[0].split()


def test_a_reader_who_never_reads_hinders_nothing_else(folder: Path) -> None:
    """More than a pipe holds, to somebody who is asleep: the check has long been over then."""
    done = shell("{} --help | {{ sleep 1; cat; }}", "check", folder)
    assert "--timeout" in done.stdout


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_narrow_terminal_gets_narrow_lines(name: str, folder: Path) -> None:
    printed, code = on_terminal(["check", "--from", name, "-v"], folder, NARROW_COLUMNS)
    assert code == CODES[name]
    assert "Traceback" not in printed
    assert not NEVER_PRINTED & set(printed), "it asked for no colour"
    assert max(map(len, printed.split("\n"))) < LONGEST_HEADING


@pytest.mark.parametrize(
    "command", ["check --from shared-holder", "explain --list", "explain no such device", "demo --list"]
)
@pytest.mark.parametrize("columns", ["60", "200", "0", "wide"])
def test_fewer_columns_are_respected_and_more_are_not_used(command: str, columns: str, folder: Path) -> None:
    wanted = 60 if columns == "60" else 80
    printed = gpgdoctor(*command.split(), env={"COLUMNS": columns}, cwd=folder).stdout.splitlines()
    assert max(map(len, printed)) <= wanted
    assert max(map(len, printed)) > wanted - 15


def on_terminal(arguments: list[str], folder: Path, columns: int) -> tuple[str, int]:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # line ends as they are
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_TREE), "NO_COLOR": "1", "TERM": "xterm"}
    argv = [sys.executable, "-m", "gpgdoctor", *arguments]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder) as process:
        os.close(theirs)
        printed = b""
        while chunk := _read(ours):
            printed += chunk
        code = process.wait(PATIENCE_S)
    os.close(ours)
    return printed.decode(), code


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize("variables", [{}, {"LANG": "de_DE.UTF-8"}, {"LC_ALL": "ja_JP.eucJP"}, {"LC_ALL": "C"}])
@pytest.mark.parametrize("encoding", ["", "ascii", "latin-1", "euc-jp"])
def test_every_language_gets_the_same_text(variables: dict[str, str], encoding: str, folder: Path) -> None:
    path = folder / "caf\u00e9-\u5361"
    path.write_text(snapshot("shared-holder").replace("YubiKey", "Y\\u00fcbi\\u5361Key"))
    env = {**variables, **({"PYTHONIOENCODING": encoding} if encoding else {})}
    done = gpgdoctor("check", "--from", str(path), env=env, without=("LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE"))
    assert_clear(done, codes=(1,))
    assert "GD202" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Found: 1 error")
