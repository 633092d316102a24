"""gpgconf and scdaemon replaced by programs that hang, flood, die, or talk nonsense; and homes of every kind."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.civility import CHECKED, assert_clear, document, gpgdoctor, run
from tests.support.labs import command_lines

pytestmark = pytest.mark.machine_dependent

TIMEOUT_S = 0.8
INCOMPLETE = 3
ESCAPES = "\\033[2J\\033]0;owned\\007\\n\\377\\376\\000\\r\\n"
LIES = {
    "hangs": "exec sleep 600",
    "hangs without a stream": "exec sleep 600 >&- 2>&-",
    "leaves somebody behind with its streams": "sleep 3 & exit 0",
    "floods": "exec yes 'homedir:/tmp'",
    "floods stderr": "exec yes >&2",
    "says nothing": "exit 0",
    "is not there after all": "exit 127",
    "dies": "kill -SEGV $$",
    "is killed in the middle": "printf 'homedir:/t'; kill -KILL $$",
    "talks nonsense": f"printf '%b' '{ESCAPES}' 'homedir:%00%0a' 'scdaemon:x:%1b[31m/x:' 'sysconfdir:{ESCAPES}'",
    "ignores signals": "trap '' TERM INT HUP; while :; do sleep 1; done",
}


# What a library may do to the process that loads it; pyscard loads libpcsclite when it is imported.
LIBRARIES = {
    "prints": "import os; [os.write(number, b'\\x1b[31mhi\\n') for number in (1, 2)]; raise ImportError('\\x1b[31m')",
    "aborts": "import os; os.abort()",
    "ends the process": "import os; os._exit(0)",
    "hangs": "import time; time.sleep(600)",
    "raises": "raise RuntimeError('no')",
    "writes over its answers": "import os, sys\nwhile 1: os.write(int(sys.argv[1]), b'{\"done\": [1]}\\n\\xff' * 99)",
    "floods its answers": "import os, sys\nwhile 1: os.write(int(sys.argv[1]), b'[' * 4096)",
}


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """A directory with a gpgconf and a scdaemon that say the truth about each other, to be replaced."""
    folder = tmp_path / "bin"
    home = tmp_path / "home"
    folder.mkdir()
    home.mkdir(mode=0o700)
    scdaemon = folder / "scdaemon"
    answers = {
        "--list-dirs": f"sysconfdir:/etc/gnupg\nhomedir:{home}\nsocketdir:{home}\nagent-socket:{home}/S.gpg-agent",
        "--list-components": f"gpg:OpenPGP:/usr/bin/gpg\nscdaemon:Smartcards:{scdaemon}",
    }
    cases = "".join(f"  {question}) printf '%s\\n' '{answer}';;\n" for question, answer in answers.items())
    write_program(folder / "gpgconf", f'case "$1" in\n{cases}esac')
    write_program(scdaemon, 'echo "scdaemon (GnuPG) 2.2.40"')
    return folder


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def environment(fakes: Path) -> dict[str, str]:
    return {"PATH": f"{fakes}:{os.environ['PATH']}", "PCSCLITE_CSOCK_NAME": f"{fakes}/no-pcscd"}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("program", ["gpgconf", "scdaemon"])
def test_a_lying_program_is_not_waited_for(program: str, lie: str, fakes: Path) -> None:
    write_program(fakes / program, LIES[lie])
    done = gpgdoctor("check", "--json", "--timeout", str(TIMEOUT_S), env=environment(fakes))
    assert document(done)["verdict"] != "healthy"


@pytest.mark.parametrize("lie", ["says nothing", "talks nonsense", "is killed in the middle"])
@pytest.mark.parametrize("program", ["gpgconf", "scdaemon"])
def test_what_a_lying_program_said_is_harmless_as_text(program: str, lie: str, fakes: Path) -> None:
    write_program(fakes / program, LIES[lie])
    for options in (["-v"], ["--format", "nagios"]):
        assert_clear(gpgdoctor("check", *options, env=environment(fakes)), codes=(0, 1, 2, 3))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_lying_library_harms_its_own_process_alone(library: str, tmp_path: Path) -> None:
    folder = tmp_path / "smartcard" / "scard"
    folder.mkdir(parents=True)
    (tmp_path / "smartcard" / "__init__.py").touch()
    (folder / "__init__.py").write_text(LIBRARIES[library])
    path = f"{SOURCE_TREE}:{tmp_path}"
    done = gpgdoctor("check", "--json", "--timeout", str(TIMEOUT_S), env={"PYTHONPATH": path})
    facts = document(done)["facts"]
    assert "unknown" in facts["pcscd"]["library"]


def test_nothing_that_hung_is_left(fakes: Path) -> None:
    mark = f"61{os.getpid()}"  # seconds that nobody else sleeps
    for program in ("gpgconf", "scdaemon"):
        write_program(fakes / program, f"sleep {mark} & sleep {mark}")
        assert_clear(gpgdoctor("check", "--timeout", "0.5", env=environment(fakes)))
    assert not [arguments for _, arguments in command_lines() if mark.encode() in arguments]


@pytest.mark.parametrize("mode", [0o000, 0o644])
def test_a_program_that_may_not_be_run(mode: int, fakes: Path) -> None:
    (fakes / "scdaemon").chmod(mode)
    assert document(gpgdoctor("check", "--json", env=environment(fakes)))["verdict"] != "healthy"


def test_a_program_that_is_none(fakes: Path) -> None:
    for content in (b"", b"\x7fELF\x02", b"#!/no/such/interpreter\n"):
        (fakes / "scdaemon").write_bytes(content)
        assert document(gpgdoctor("check", "--json", env=environment(fakes)))["verdict"] != "healthy"


@pytest.mark.parametrize(
    "name", [b"with space", b"new\nline", b"\xff\xfe", b"\x1b[31mred", "\u202eevil".encode(), b"a" * 200]
)
@pytest.mark.parametrize("how", ["variable", "option"])
def test_a_home_of_any_name(name: bytes, how: str, tmp_path: Path) -> None:
    home = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    os.mkdir(home, mode=0o700)
    Path(home, "scdaemon.conf").write_text("no-such-option\n")
    arguments = ["--homedir", home] if how == "option" else []
    env = {"GNUPGHOME": home} if how == "variable" else {}
    assert_clear(gpgdoctor("check", "-v", *arguments, env=env))
    facts = document(gpgdoctor("check", "--json", *arguments, env=env))["facts"]
    if shutil.which("gpgconf"):
        assert os.fsencode(facts["gnupg"]["homedir"]).endswith(name)


@pytest.mark.parametrize("home", ["", "/nonexistent", "/dev/null", "/proc/self/mem", "a" * 5000, "relative"])
def test_a_home_that_is_none(home: str) -> None:
    assert_clear(gpgdoctor("check", "--json", env={"GNUPGHOME": home}))
    done = gpgdoctor("check", "--homedir", home)
    assert_clear(done, codes=(*CHECKED, 2))


def test_without_a_home_at_all() -> None:
    for unset in (("HOME",), ("HOME", "USER", "LOGNAME", "PATH"), ("HOME", "XDG_RUNTIME_DIR", "TERM", "LANG")):
        document(gpgdoctor("check", "--json", without=unset))


def test_an_empty_environment() -> None:
    assert_clear(run(["env", "-i", f"PYTHONPATH={SOURCE_TREE}", sys.executable, "-m", "gpgdoctor", "check"]))


@pytest.mark.parametrize("descriptors", [6, 7, 8, 10, 12, 16, 24])
def test_few_file_descriptors_are_left(descriptors: int) -> None:
    script = f'ulimit -n {descriptors}; exec "$0" -m gpgdoctor check --json'
    done = run(["bash", "-c", script, sys.executable])
    if done.stderr:
        assert done.returncode == INCOMPLETE, done.stderr
        assert done.stderr.count("\n") == 1 and "Too many open files" in done.stderr
    else:
        assert_clear(done)


def test_save_says_where_it_could_not(tmp_path: Path) -> None:
    for place in ("/nonexistent/x", "/proc/x", "/dev/full/x", str(tmp_path), f"{tmp_path}/{'a' * 300}"):
        done = gpgdoctor("check", "--no-redact", "--save", place)
        assert_clear(done, codes=(2,))
