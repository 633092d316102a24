"""gpgconf, scdaemon and gpg-agent may print anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import strategies as st

from gpgdoctor.collect import gnupg, user
from gpgdoctor.collect.gpgconf import GpgconfQuestions
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.system.child import CommandFailed, Output
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import replace
from gpgdoctor.system.sockets import Sockets
from tests.support.fuzzing import EVIL, TEXTS, attack, survives
from tests.support.specimens import machines

DIRECTORIES = ("sysconfdir", "homedir", "socketdir", "agent-socket", "libexecdir", "bindir")
COMPONENTS = ("gpg", "gpg-agent", "scdaemon", "dirmngr")
EXISTING = ("/bin/true", "/", "/proc", "/dev/null", "/etc")
TABLE = (SOURCE_TREE / "fixtures" / "conf" / "scdaemon-2.2.40.options").read_text()

PATHS = st.sampled_from(EXISTING) | TEXTS | EVIL.map(lambda text: f"/tmp/{text}")
DIRECTORY_LINES = st.fixed_dictionaries({}, optional=dict.fromkeys(DIRECTORIES, PATHS)).map(
    lambda paths: [f"{name}:{path}" for name, path in paths.items()]
)
COMPONENT_LINES = st.fixed_dictionaries({}, optional=dict.fromkeys(COMPONENTS, PATHS)).map(
    lambda paths: [f"{name}:{name}:{path}:" for name, path in paths.items()]
)
VERSIONS = st.sampled_from(["scdaemon (GnuPG) 2.2.40\n", "scdaemon (GnuPG) 2.4.7-beta\n", "2", "1.2." + "9" * 5000])
TABLES = st.just(TABLE) | st.lists(st.sampled_from(TABLE.splitlines()) | TEXTS, max_size=9).map("\n".join)


def rarely(one: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The one in a tenth of all cases."""
    return st.integers(0, 9).flatmap(lambda number: one if number == 9 else other)


def said(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """What a program prints and how it ends, or why there is nothing to be read."""
    failures = TEXTS.map(lambda why: CommandFailed(f"scdaemon {why}"))
    codes = rarely(st.integers(1, 255), st.just(0))
    return rarely(failures, st.builds(Output, code=codes, stdout=texts, stderr=TEXTS))


def lines(these: st.SearchStrategy[list[str]]) -> st.SearchStrategy[str]:
    others = st.lists(TEXTS, max_size=2)
    return st.tuples(these, rarely(others, st.just([]))).map(lambda parts: "\n".join([*parts[0], *parts[1]]))


ANSWERS = st.fixed_dictionaries(
    {
        "--list-dirs": said(lines(DIRECTORY_LINES)),
        "--list-components": said(lines(COMPONENT_LINES)),
        "--version": said(rarely(TEXTS, VERSIONS)),
        "--dump-option-table": said(TABLES),
        "--gpgconf-test": said(TEXTS),
    }
)


class _Said:
    """In the place of a Command: nothing is run, and what it says was made up before."""

    answers: dict[str, Any]

    def __init__(self, argv: list[str], *_: object, **__: object) -> None:
        self.name = argv[0]
        self._answer = self.answers[argv[-1]]

    def result(self, _: Deadline) -> Output:
        if isinstance(self._answer, CommandFailed):
            raise self._answer
        written = self._answer.stdout.encode(errors="surrogatepass")
        answer: Output = replace(self._answer, stdout=written.decode(errors="surrogateescape"))
        return answer

    def kill(self) -> None:
        pass


def test_whatever_gnupg_says_of_itself_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gnupg, "Command", _Said)
    monkeypatch.setattr(user, "Command", _Said)
    sockets = Sockets()

    def look(answers: dict[str, Any]) -> None:
        _Said.answers = answers
        commands = [_Said(["gpgconf", question]) for question in ("--list-dirs", "--list-components")]
        asked = SimpleNamespace(gpgconf="/usr/bin/gpgconf", commands=commands, home_is_default=True)
        questions = cast(GpgconfQuestions, asked)
        found = user.UserLook(questions, Deadline(5.0)).finish(sockets, {}, "alice", None)
        for facts in machines().values():
            survives(replace(facts, gnupg=found.gnupg, configuration=found.configuration))

    attack(look, ANSWERS)
