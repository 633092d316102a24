"""What the modules share: which gpgdoctor root runs, for whom, and what comes back."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support.labs import cannot_run

PATH = Path(SOURCE_TREE, "gpgdoctor/fleet/collection/plugins/module_utils/accounts.py")


@pytest.fixture(scope="module")
def accounts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accounts_of_the_collection", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Failed(Exception):
    """What the module would end with."""


class Module:
    """As much of AnsibleModule as is used before anything is run."""

    def __init__(self, **params: Any) -> None:
        self.params = {"users": None, "executable": None, **params}

    def get_bin_path(self, _name: str, opt_dirs: list[str]) -> str | None:
        return None

    def fail_json(self, **result: Any) -> NoReturn:
        raise Failed(result["msg"])


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that only root can change, on every step of the way."""
    if os.geteuid() != 0:
        cannot_run("only root can make a directory of root's")
    made = Path("/run", f"gpgdoctor-test-{os.getpid()}")
    made.mkdir(mode=0o755)
    yield made
    for path in sorted(made.rglob("*"), reverse=True):
        path.unlink() if path.is_symlink() or path.is_file() else path.rmdir()
    made.rmdir()


def program(path: Path, content: str = "exit 0") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{content}\n")
    path.chmod(0o755)
    return str(path)


def me() -> pwd.struct_passwd:
    return pwd.getpwuid(os.geteuid())


def test_root_runs_no_program_that_others_could_change(accounts: ModuleType, folder: Path) -> None:
    honest = program(folder / "bin" / "gpgdoctor")
    assert list(accounts.objections(honest)) == []
    (folder / "link").symlink_to(honest)
    assert list(accounts.objections(str(folder / "link"))) == []
    os.chmod(folder / "bin", 0o777)
    assert list(accounts.objections(str(folder / "link"))) == [f"{folder}/bin is writable by others than root"]
    os.chmod(folder / "bin", 0o755)
    os.chown(honest, 1001, 0)
    with pytest.raises(Failed, match="does not belong to root"):
        accounts.Doctor(Module(executable=honest))
    script = program(folder / "script", "")
    Path(script).write_text(f"#!{honest}\n")
    with pytest.raises(Failed, match=f"{honest} does not belong to root"):
        accounts.Doctor(Module(executable=script))
    (folder / "circle").symlink_to(folder / "circle")
    assert list(accounts.objections(str(folder / "circle"))) != []


def test_a_host_without_gpgdoctor_says_so(accounts: ModuleType) -> None:
    with pytest.raises(Failed, match="gpgdoctor is not on this host"):
        accounts.Doctor(Module())


def test_nothing_of_the_callers_environment_is_handed_on(
    accounts: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "LD_PRELOAD", "GNUPGHOME", "SUDO_UID", "GPG_AGENT_INFO"):
        monkeypatch.setenv(name, "/evil")
    doctor = accounts.Doctor(Module(executable=program(folder / "gpgdoctor", "env")))
    alice = pwd.struct_passwd(("alice", "x", 1001, 1001, "", "/home/alice", "/bin/sh"))
    said = dict(line.split("=", 1) for line in doctor.ask(alice, [], 10)[1].splitlines())
    assert said["SUDO_UID"] == "1001"
    assert "/evil" not in said.values()
    said = dict(line.split("=", 1) for line in doctor.ask(me(), [], 10)[1].splitlines())
    assert "SUDO_UID" not in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("exec sleep 60", "did not end within 0.5 s"),
        ("trap '' INT; exec sleep 60", "did not end within 0.5 s"),
        ("head -c 9000000 /dev/zero", "printed more than 4 MiB"),
        ("echo '[1]'", "gave no document"),
        ("echo nonsense; printf 'bad \\033[31m\\n' >&2; exit 2", r"exit code 2, bad \\x1b\[31m"),
        ("exec 2>&1; yes '[' | tr -d '\\n' | head -c 100000", "gave no document"),
    ],
)
def test_an_answer_that_is_none_is_said_to_be_none(
    content: str, why: str, accounts: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PATIENCE_S", 1)
    doctor = accounts.Doctor(Module(executable=program(folder / "gpgdoctor", content)))
    with pytest.raises(accounts.CannotRun, match=why):
        doctor.document(me(), [], 0.5 if "sleep" in content else 20)


def test_a_fix_that_takes_too_long_is_interrupted_not_killed(accounts: ModuleType, folder: Path) -> None:
    put_back = folder / "put-back"
    content = f"trap 'touch {put_back}; exit 130' INT; while :; do sleep 0.1; done"
    doctor = accounts.Doctor(Module(executable=program(folder / "gpgdoctor", content)))
    with pytest.raises(accounts.CannotRun):
        doctor.ask(me(), [], 1)
    assert put_back.exists()


def test_accounts_are_those_that_are_named(accounts: ModuleType) -> None:
    mine = me()
    assert accounts.chosen(Module()) == ([mine], 0)
    assert accounts.chosen(Module(users=[mine.pw_name, mine.pw_name])) == ([mine], 0)
    with pytest.raises(Failed, match=r"no account no\\x0abody"):
        accounts.chosen(Module(users=["no\nbody"]))


def test_only_root_acts_for_others(accounts: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = pwd.getpwnam("daemon")
    monkeypatch.setattr(os, "geteuid", lambda: daemon.pw_uid)
    assert accounts.chosen(Module(users=["all"])) == ([daemon], 0)
    with pytest.raises(Failed, match="only root"):
        accounts.chosen(Module(users=["daemon", "root"]))


def test_everybody_is_who_has_a_log_in_a_session_or_a_daemon(
    accounts: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {
        "/etc/passwd": [
            *(f"user{uid}:x:{uid}:{uid}::/home/u:/bin/sh".split(":") for uid in range(1000, 1080)),
            ["locked", "x", "1500", "1500", "", "/home/l", "/usr/sbin/nologin"],
            ["system", "x", "200", "200", "", "/var/lib/s", "/bin/sh"],
        ],
        "/etc/login.defs": [["UID_MAX", "2000"]],
    }
    monkeypatch.setattr(accounts, "_rows", lambda path, _separator, _length: rows[path])
    monkeypatch.setattr(accounts, "_with_daemons", lambda: {1079})
    monkeypatch.setattr(accounts, "_with_sessions", lambda: {0, 1078})
    people = {int(row[2]): pwd.struct_passwd((*row[:2], int(row[2]), 0, *row[4:])) for row in rows["/etc/passwd"]}
    monkeypatch.setattr(pwd, "getpwuid", people.__getitem__)
    found, left_out = accounts.everybody()
    assert [account.pw_uid for account in found[:3]] == [1079, 1000, 1001]
    assert (len(found), left_out) == (accounts.ACCOUNTS_LIMIT, 30)
    assert "locked" not in json.dumps([account.pw_name for account in found])
