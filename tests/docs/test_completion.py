"""The completions, in the shells themselves: what a Tab offers."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.commands.hook_cli import HookTarget
from gpgdoctor.docs.completion import PLACES
from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.manual import pages
from tests.support.civility import gpgdoctor
from tests.support.commandline import every_command
from tests.support.labs import cannot_run

SHELLS = ("bash", "zsh", "fish")
ANSWER_DEADLINE_S = 60
PROMPT = "ready> "
END = "<end of what is offered>"
JOURNAL = ("3", "12")
ROWS, COLUMNS = 2000, 200

BASH = """
source "$SCRIPT"
COMP_LINE=$1
COMP_WORDS=(%s)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
_gpgdoctor
printf '%%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each completion where its shell looks, as a packager has it written."""
    found = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        done = gpgdoctor("docs", "completion", shell, "--prefix", str(found))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return found


@pytest.fixture(params=SHELLS)
def offered(request: pytest.FixtureRequest, prefix: Path, tmp_path: Path) -> Callable[[str], set[str]]:
    """``offered("gpgdoctor che")``: the words with which the shell would go on."""
    shell: str = request.param
    if shutil.which(shell) is None:
        cannot_run(f"{shell} is not here")
    state = tmp_path / "state" / "gpgdoctor"
    state.mkdir(parents=True)
    for number in JOURNAL:
        (state / f"fix-{number}.json").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "some.json").touch()
    environment = {
        "PATH": "/usr/bin:/bin",  # where no gpgdoctor is needed
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "SCRIPT": str(prefix / PLACES[shell]),
        "LC_ALL": "C.UTF-8",
    }
    ask = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return lambda line: ask(line, environment, tmp_path)


def _bash(line: str, environment: dict[str, str], here: Path) -> set[str]:
    words = " ".join(shlex.quote(word) for word in re.split(r" |(?<=\w)(?==)|(?<==)", line))
    done = _output(["bash", "--norc", "-c", BASH % words, "bash", line], environment, here)
    return set(done.split())


def _fish(line: str, environment: dict[str, str], here: Path) -> set[str]:
    script = f"source $SCRIPT; complete -C {shlex.quote(line)}"
    done = _output(["fish", "--no-config", "-c", script], environment, here)
    return {row.partition("\t")[0].rpartition("=")[2] for row in done.splitlines()}


def _output(argv: list[str], environment: dict[str, str], here: Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=here, timeout=ANSWER_DEADLINE_S)
    assert done.stderr == ""
    return done.stdout


def _zsh(line: str, environment: dict[str, str], here: Path) -> set[str]:
    """zsh completes nowhere but in its line editor: on a terminal, with a key that lists what there is."""
    (here / ".zshrc").write_text(
        f"fpath=({shlex.quote(str(Path(environment['SCRIPT']).parent))} $fpath)\n"
        "autoload -Uz compinit; compinit -u -d $HOME/.zcompdump\n"
        f"PS1='{PROMPT}'; unsetopt prompt_cr prompt_sp; setopt no_always_last_prompt\n"
        "zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' verbose no\n"
        f"list() {{ zle list-choices; zle -R; zle -I; print -r -- {shlex.quote(END)} }}\n"
        "zle -N list; bindkey '^X' list\n"
        "LISTMAX=0; stty -echo\n"
    )
    ours, theirs = pty.openpty()
    # Before zsh starts, which otherwise takes 24 rows, and asks before it shows more.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        ["zsh", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "dumb"},
        cwd=here,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            _until(ours, PROMPT)
            os.write(ours, f"{line}\x18".encode())
            said = _until(ours, END)
        finally:
            process.kill()
            os.close(ours)
    listed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.partition(END)[0])
    return {word for row in listed.splitlines() if line not in row for word in row.split()}


def _until(terminal: int, mark: str) -> str:
    said, deadline = "", time.monotonic() + ANSWER_DEADLINE_S
    while mark not in said:
        assert select.select([terminal], [], [], deadline - time.monotonic())[0], said
        said += os.read(terminal, 65536).decode(errors="replace")
    return said


Offered = Callable[[str], set[str]]


def test_every_command_is_offered(offered: Offered) -> None:
    for path in every_command():
        line = " ".join(("gpgdoctor", *path))
        children = {each[-1] for each in every_command() if each[:-1] == path and each}
        if children:
            assert children <= offered(f"{line} "), line
    assert "check" in offered("gpgdoctor ch")
    assert "explain" not in offered("gpgdoctor ch")


def test_the_options_of_a_command_are_offered(offered: Offered) -> None:
    assert {"--format", "--fail-on", "--from"} <= offered("gpgdoctor check --f")
    assert "--destdir" in offered("gpgdoctor hook install --d")
    assert "--format" not in offered("gpgdoctor fix --f")


def test_a_choice_is_offered(offered: Offered) -> None:
    assert offered("gpgdoctor check --format ") == {"text", "json", "nagios"}
    assert offered("gpgdoctor check --json --format=t") == {"text"}
    assert offered("gpgdoctor hook run ") >= {target.value for target in HookTarget}


def test_ids_and_names_are_offered(offered: Offered) -> None:
    for line in ("gpgdoctor fix GD20", "gpgdoctor check --ignore GD20", "gpgdoctor explain GD20"):
        assert offered(line) == {page.id for page in pages() if page.id.startswith("GD20")}, line
    assert offered("gpgdoctor explain shared-") == {"shared-holder-blocks-scdaemon"}
    assert "other-suspend" in offered("gpgdoctor explain oth")
    assert "other-suspend" not in offered("gpgdoctor fix oth")


def test_scenarios_are_offered(offered: Offered) -> None:
    assert offered("gpgdoctor demo ") >= set(BY_NAME)
    assert offered("gpgdoctor demo shared-holder-o") == {"shared-holder-other-network"}


def test_the_numbers_of_the_journal_are_offered(offered: Offered) -> None:
    assert offered("gpgdoctor undo ") >= set(JOURNAL)


def test_files_are_offered_where_one_is_meant(offered: Offered) -> None:
    assert "some.json" in offered("gpgdoctor check --from ")
    assert "some.json" not in offered("gpgdoctor check --homedir ")
    assert {word.rstrip("/") for word in offered("gpgdoctor check --homedir dir")} == {"directory"}


@pytest.mark.parametrize("shell", SHELLS)
def test_it_is_printed_as_it_is_written(shell: str, prefix: Path) -> None:
    assert gpgdoctor("docs", "completion", shell).stdout == (prefix / PLACES[shell]).read_text()


def test_another_shell_is_refused() -> None:
    assert gpgdoctor("docs", "completion", "tcsh").returncode == 2
