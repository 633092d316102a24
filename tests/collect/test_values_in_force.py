"""What comes of the values that configuration files set: programs and logs that they name, and lines of templates."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.collect import user_configuration
from gpgdoctor.collect.gnupg import Installation, ScdaemonAnswers
from gpgdoctor.collect.user_configuration import configuration_of, sources_of
from gpgdoctor.facts import Configuration, LogFile, SelfTest, Unknown
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.scdaemon_conf.options import parse_option_table

CONF = SOURCE_TREE / "fixtures" / "conf"
SCDAEMON = parse_option_table((CONF / "scdaemon-2.2.40.options").read_text())
AGENT = parse_option_table((CONF / "gpg-agent-2.2.40.options").read_text())
UNKNOWN = Unknown.because("gpgconf does not list its components")
FINE, REFUSES = SelfTest(code=0, messages=()), SelfTest(code=2, messages=("scdaemon: x:1: invalid option",))
TEMPLATE = "{{ if .yubikey }}\ndisable-ccid\n{{ end }}\npcsc-shared\n"


def configured(home: Path, *, self_test: Any = FINE, **files: str) -> Configuration:
    """What is in force with these files in a home."""
    for name, content in files.items():
        (home / f"{name.replace('_', '-')}.conf").write_text(content)
    found = Installation(
        gpgconf="/usr/bin/gpgconf", directories={"homedir": str(home), "sysconfdir": str(home / "etc")}, programs={}
    )
    answers = ScdaemonAnswers(version="2.2.40", table=SCDAEMON, self_test=self_test)
    return configuration_of(sources_of(found), answers, AGENT, "alice", None, None)


def test_nothing_is_configured(tmp_path: Path) -> None:
    found = configured(tmp_path)
    assert (found.common_in_force, found.pinentry_exists, found.log_file) == ((), None, None)


def test_common_conf_is_in_force_for_all(tmp_path: Path) -> None:
    found = configured(tmp_path, common="use-keyboxd\nno-autostart\n").common_in_force
    assert not isinstance(found, Unknown)
    assert [setting.option for setting in found] == ["use-keyboxd", "no-autostart"]


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("/bin/sh", True),
        ("/opt/pinentry", False),
        ("sh", False),
        ("bin/sh", True),
        ("/bin", False),
        ("/bin/sh/x", False),
    ],
)
def test_whether_pinentry_can_be_run(name: str, exists: bool, tmp_path: Path) -> None:
    assert configured(tmp_path, gpg_agent=f"pinentry-program {name}\n").pinentry_exists is exists


def test_a_pinentry_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert configured(tmp_path, gpg_agent="pinentry-program ~/pinentry\n").pinentry_exists is False
    (tmp_path / "pinentry").touch(0o755)
    assert configured(tmp_path, gpg_agent="pinentry-program ~/pinentry\n").pinentry_exists is True


def test_a_place_that_cannot_be_looked_at_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stat(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", path)

    found = configured(tmp_path, gpg_agent="pinentry-program /root/pinentry\n")
    monkeypatch.setattr(os, "stat", stat)
    assert isinstance(user_configuration._pinentry_exists(found.agent_in_force, None), Unknown)


def test_the_default_pinentry(tmp_path: Path) -> None:
    """Without the links of a package's scripts there is none of that very name, and another is."""
    default = tmp_path / "bin" / "pinentry"
    assert user_configuration._pinentry_exists((), str(default)) is False
    default.parent.mkdir()
    assert user_configuration._pinentry_exists((), str(default)) is False
    (default.parent / "pinentry-curses").touch(0o755)
    assert user_configuration._pinentry_exists((), str(default)) is None
    default.touch(0o755)
    assert user_configuration._pinentry_exists((), str(default)) is None
    assert user_configuration._pinentry_exists((), UNKNOWN) == UNKNOWN
    assert user_configuration._pinentry_exists((), None) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("{home}/scd.log", None),
        ("{home}/there.log", None),
        ("{home}/none/scd.log", "No such file or directory"),
        ("{home}", "it is a directory"),
        ("{home}/there.log/scd.log", "Not a directory"),
    ],
)
def test_whether_a_log_can_be_written(name: str, reason: str | None, tmp_path: Path) -> None:
    (tmp_path / "there.log").touch()
    name = name.format(home=tmp_path)
    found = configured(tmp_path, scdaemon=f"log-file {name}\n").log_file
    assert isinstance(found, LogFile)
    assert (found.path, found.usable) == (name, reason is None)
    assert reason is None or reason in str(found.reason)
    assert not (tmp_path / "scd.log").exists()


def test_a_log_that_i_may_not_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there.log").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    for name in ("scd.log", "there.log"):
        found = configured(tmp_path, scdaemon=f"log-file {tmp_path}/{name}\n").log_file
        assert isinstance(found, LogFile) and not found.usable


@pytest.mark.parametrize("name", ["socket:///run/log", "tcp://127.0.0.1:4711", "-"])
def test_a_log_that_is_no_file(name: str, tmp_path: Path) -> None:
    assert configured(tmp_path, scdaemon=f"log-file {name}\n").log_file is None


def test_the_good_lines_of_a_template_are_in_force_where_scdaemon_takes_them(tmp_path: Path) -> None:
    found = configured(tmp_path, scdaemon=TEMPLATE)
    assert not isinstance(found.in_force, Unknown)
    assert [(setting.option, setting.line) for setting in found.in_force] == [("disable-ccid", 2), ("pcsc-shared", 4)]
    (file,) = (file for file in found.files if file.status != "absent")  # type: ignore[union-attr]
    assert (file.status, file.lines) == ("template", ()), "it is never written"


@pytest.mark.parametrize("self_test", [REFUSES, None, Unknown.because("scdaemon did not answer within 1.5 s")])
def test_else_nobody_knows_what_is_in_force(self_test: Any, tmp_path: Path) -> None:
    assert isinstance(configured(tmp_path, self_test=self_test, scdaemon=TEMPLATE).in_force, Unknown)


def test_so_it_is_with_an_encrypted_one(tmp_path: Path) -> None:
    content = "-----BEGIN PGP MESSAGE-----\n\nhQIMA+pcsc\n-----END PGP MESSAGE-----\n"
    assert configured(tmp_path, scdaemon=content).in_force == ()
    assert isinstance(configured(tmp_path, scdaemon=content, self_test=REFUSES).in_force, Unknown)
