"""A hint to use sudo can be typed as it stands: with the home that sudo forgets, and the path where it has no name."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.civility import Done, run

pytestmark = pytest.mark.machine_dependent

RECORDED = SOURCE_TREE / "fixtures" / "snapshots" / "shared-holder-other-network.json"
PLAIN = "sudo gpgdoctor check"


@pytest.fixture
def installed() -> Iterator[Path]:
    """A gpgdoctor where pipx puts one, in a home with a space, whose path fits on a line."""
    with tempfile.TemporaryDirectory(prefix="my ", dir="/tmp") as home:
        program = Path(home) / ".local" / "bin" / "gpgdoctor"
        program.parent.mkdir(parents=True)
        program.write_text("from gpgdoctor.__main__ import main\nmain()\n")
        yield program


def unseen(tmp_path: Path, *command: str, **environment: str) -> Done:
    """What is said of a reader that a program holds that only root can name."""
    path = tmp_path / "machine.json"
    path.write_text(RECORDED.read_text().replace('"root": true', '"root": false'))
    env = {"COLUMNS": "", "GNUPGHOME": "", **environment}
    return run([*command, "check", "--from", str(path)], env=env)


def hints(done: Done) -> set[str]:
    """What follows "sudo" up to "check", however it was wrapped."""
    assert done.returncode == 1, done.stderr
    words = " ".join(done.stdout.split())
    found = {f"sudo {part.partition(' check')[0]} check" for part in words.split("sudo ")[1:]}
    assert found
    return found


def test_it_is_the_path_where_sudo_finds_no_name(installed: Path, tmp_path: Path) -> None:
    assert hints(unseen(tmp_path, sys.executable, str(installed))) == {f"sudo {shlex.quote(str(installed))} check"}


def test_it_carries_the_home(installed: Path, tmp_path: Path) -> None:
    done = unseen(tmp_path, sys.executable, str(installed), GNUPGHOME="/srv/two words")
    assert hints(done) == {f"sudo GNUPGHOME='/srv/two words' {shlex.quote(str(installed))} check"}
    words = shlex.split(hints(done).pop())
    assert words == ["sudo", "GNUPGHOME=/srv/two words", str(installed), "check"]


def test_a_home_cannot_move_the_cursor(installed: Path, tmp_path: Path) -> None:
    assert "\x1b" not in unseen(tmp_path, sys.executable, str(installed), GNUPGHOME="/srv/\x1b[2J").stdout


def test_where_python_was_called_the_name_must_do(tmp_path: Path) -> None:
    assert hints(unseen(tmp_path, sys.executable, "-m", "gpgdoctor", PATH="/nowhere")) == {PLAIN}


def test_a_name_that_sudo_finds_is_enough(tmp_path: Path) -> None:
    place = Path("/usr/local/bin/gpgdoctor")
    if place.exists() or not os.access(place.parent, os.W_OK):
        pytest.skip("a gpgdoctor is installed here, or may not be")
    place.symlink_to(sys.executable)
    try:
        assert hints(unseen(tmp_path, sys.executable, "-m", "gpgdoctor", PATH=str(place.parent))) == {PLAIN}
    finally:
        place.unlink()
