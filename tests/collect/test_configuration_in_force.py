"""What is in force where only the running program can decide a line; whose library may be loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect import configuration, user_configuration
from gpgdoctor.facts import Unknown
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.scdaemon_conf.options import parse_option_table

TABLE = parse_option_table((SOURCE_TREE / "fixtures" / "conf" / "scdaemon-2.4.7.options").read_text())


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("[if $_user = alice]\ndisable-ccid\n[fi]\n", None),
        ("[if $_gpgrtversion -v2ge 1.0]\ndisable-ccid\n[fi]\n", None),
        ("[if $_gpgrtversion -v2ge 1.0]\n# nothing\n[fi]\ndisable-ccid\n", ["disable-ccid"]),
    ],
)
def test_what_cannot_be_decided_is_not_known(content: str, options: list[str] | None, tmp_path: Path) -> None:
    path = tmp_path / "scdaemon.conf"
    path.write_text(content)
    _, effective = configuration.judge([configuration.read(str(path), "scdaemon", "user")], TABLE, "alice")
    found = configuration.settings(effective, {"user": str(path)})
    if options is None:
        assert found == Unknown.because(f"{path}, line 2 depends on a condition or a variable")
    else:
        assert not isinstance(found, Unknown) and [setting.option for setting in found] == options


def driver_of(conf: Path) -> object:
    return user_configuration.configured_driver([configuration.read(str(conf), "scdaemon", "user")])


@pytest.fixture
def library(tmp_path: Path) -> Path:
    library = tmp_path / "lib" / "mine.so"
    library.parent.mkdir()
    library.touch()
    return library


@pytest.fixture
def conf(library: Path, tmp_path: Path) -> Path:
    conf = tmp_path / "home" / "scdaemon.conf"
    conf.parent.mkdir()
    conf.write_text(f"pcsc-driver {library}\n")
    return conf


def test_my_own_library_may_be_loaded(library: Path, conf: Path) -> None:
    assert driver_of(conf) == str(library)
    library.unlink()
    assert driver_of(conf) == str(library)  # to be told that it is not there
    conf.write_text("pcsc-driver libpcsclite.so.1\n")
    assert driver_of(conf) == "libpcsclite.so.1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("given", ["conf", "home", "library", "folder", "above"])
def test_another_users_choice_is_not_loaded(given: str, library: Path, conf: Path) -> None:
    places = {"conf": conf, "home": conf.parent, "library": library, "folder": library.parent, "above": conf.parents[1]}
    os.chown(places[given], 1002, 1002)
    assert isinstance(driver_of(conf), Unknown)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("writable", ["library", "folder"])
def test_what_a_group_may_exchange_is_not_loaded(writable: str, library: Path, conf: Path) -> None:
    place = library if writable == "library" else library.parent
    place.chmod(0o775)
    assert driver_of(conf) == str(library)
    os.chown(place, -1, 1002)
    assert isinstance(driver_of(conf), Unknown)


@pytest.mark.parametrize("mode", [0o777, 0o666])
def test_what_everybody_may_exchange_is_not_loaded(mode: int, library: Path, conf: Path) -> None:
    (library.parent if mode == 0o777 else library).chmod(mode)
    assert isinstance(driver_of(conf), Unknown)
    library.parent.chmod(0o1777)
    library.chmod(0o644)
    assert driver_of(conf) == str(library)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_link_is_followed_to_whose_it_is(library: Path, conf: Path) -> None:
    link = conf.with_name("link.so")
    link.symlink_to(library)
    conf.write_text(f"pcsc-driver {link}\n")
    assert driver_of(conf) == str(link)
    os.chown(library, 1002, 1002)
    assert isinstance(driver_of(conf), Unknown)
