"""What the lab is built from, against a stand-in for apt-get that keeps a record of its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpgdoctor.lab import bootstrap
from gpgdoctor.lab.parts import Parts, PartsUnavailable, cache_directory, find

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="builds Debian packages with dpkg-deb")

# Answers from $APT_WORLD: installs (the Inst lines), fail (a complaint while the machine's own lists are used),
# archives (what can be downloaded).
APT_GET = r"""#!/bin/sh
echo "$*" >>"$APT_WORLD/calls"
case "$*" in
    *Dir::State::lists=*) ;;
    *) [ ! -e "$APT_WORLD/fail" ] || { cat "$APT_WORLD/fail" >&2; exit 100; } ;;
esac
case "$*" in
    *" update"*)
        [ ! -e "$APT_WORLD/offline" ] || { echo "W: Failed to fetch lists" >&2; exit 0; }
        for option; do
            case "$option" in Dir::State::lists=*) : >"${option#*=}/mirror_Packages" ;; esac
        done ;;
    *" download "*) sleep 0.2; cp "$APT_WORLD"/archives/*.deb . ;;
    *--reinstall*) echo "Inst vsmartcard-vpcd (3.3+dfsg-2 Debian:12.11/stable [amd64])" ;;
    *) cat "$APT_WORLD/installs" ;;
esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A machine with packages to fetch."""

    directory: Path
    root: Path
    cache: Path

    def find(self) -> Parts:
        return find(root=self.root, cache=self.cache)

    def calls(self, verb: str) -> int:
        calls = self.directory / "calls"
        return sum(f" {verb}" in line for line in calls.read_text().splitlines()) if calls.exists() else 0

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def change_installed_packages(self, status: str) -> None:
        (self.root / "var/lib/dpkg/status").write_text(status)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(directory=tmp_path / "world", root=tmp_path / "machine", cache=tmp_path / "cache")
    (world.directory / "archives").mkdir(parents=True)
    (world.root / "var/lib/dpkg").mkdir(parents=True)
    world.change_installed_packages("")
    world.write(
        "installs",
        "NOTE: This is only a simulation!\n"
        "Inst pcscd [1.9.9-1] (1.9.9-2 Debian:12.11/stable, Debian-Security:12/stable [amd64])\n"
        "Conf pcscd (1.9.9-2 Debian:12.11/stable [amd64])\n"
        "Inst polkitd (126-2 Debian:13.1/stable [amd64])\n",
    )
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "apt-get").write_text(APT_GET)
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("APT_WORLD", str(world.directory))
    build_package(world, "vsmartcard-vpcd", {"usr/lib/pcsc/drivers/serial/libifdvpcd.so.0.8": 0o644})
    build_package(
        world,
        "pcscd",
        {"usr/sbin/pcscd": 0o4755, "lib/systemd/system/pcscd.socket": 0o644, "etc/default/pcscd": 0o644},
    )
    return world


def build_package(world: World, name: str, files: dict[str, int]) -> None:
    tree = world.directory / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN").chmod(0o755)  # dpkg-deb takes no other, whatever the umask says
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: test\n"
    )
    for path, mode in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(name)
        (tree / path).chmod(mode)
    archive = world.directory / "archives" / f"{name}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-b", str(tree), str(archive)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def test_packages_older_than_the_merged_usr_end_up_in_it(world: World) -> None:
    prefix = world.find().prefix
    assert (prefix / "usr/lib/systemd/system/pcscd.socket").is_file()
    assert not (prefix / "lib").exists()


def test_neither_etc_nor_a_setuid_bit_comes_along(world: World) -> None:
    prefix = world.find().prefix
    assert not (prefix / "etc").exists()
    assert (prefix / "usr/sbin/pcscd").stat().st_mode & 0o7777 == 0o755


def test_everybody_may_enter_whatever_the_umask_says(world: World) -> None:
    before = os.umask(0o077)
    try:
        usr = world.find().prefix / "usr"
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (usr, usr / "lib", usr / "lib/systemd")} == {0o755}


def test_the_library_is_found(world: World) -> None:
    parts = world.find()
    assert parts.vpcd_library == parts.prefix / "usr/lib/pcsc/drivers/serial/libifdvpcd.so.0.8"


def test_versions_are_pinned_and_services_left_out(world: World) -> None:
    prefix = world.find().prefix
    assert (prefix / "packages").read_text() == "pcscd=1.9.9-2\nvsmartcard-vpcd=3.3+dfsg-2\n"


def test_a_second_call_asks_nobody(world: World) -> None:
    first = world.find()
    world.write("fail", "E: no second call\n")
    assert world.find() == first


def test_after_an_upgrade_apt_is_asked_again_but_the_same_versions_are_not_fetched_twice(world: World) -> None:
    first = world.find()
    world.change_installed_packages("Package: something\n")
    assert world.find() == first
    assert world.calls("download") == 1


def test_other_versions_make_another_tree(world: World) -> None:
    first = world.find()
    world.change_installed_packages("Package: something\n")
    world.write("installs", "Inst pcscd (1.9.9-3 Debian:12.12/stable [amd64])\n")
    assert world.find().prefix != first.prefix
    assert first.vpcd_library.exists(), "a lab may still stand on the old one"


def test_missing_lists_are_fetched_into_the_cache(world: World) -> None:
    world.write("fail", "E: Unable to locate package pcscd\n")
    assert world.find().vpcd_library.exists()
    assert world.calls("update") == 1


def test_without_a_network_the_reason_says_so_and_the_next_call_tries_again(world: World) -> None:
    world.write("fail", "E: Unable to locate package pcscd\n")
    world.write("offline", "")
    for _ in range(2):
        with pytest.raises(PartsUnavailable, match=r"no network\?.*Failed to fetch lists"):
            world.find()
    assert world.calls("update") == 2


def test_apts_complaint_is_the_reason(world: World) -> None:
    shutil.rmtree(world.directory / "archives")
    with pytest.raises(PartsUnavailable, match=r"cannot stat .*archives"):
        world.find()


def test_without_apt_the_reason_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PartsUnavailable, match="apt-get is not here"):
        world.find()


def test_a_cache_that_cannot_be_written_is_a_reason(world: World) -> None:
    world.cache.write_text("a file")
    with pytest.raises(PartsUnavailable, match="cannot be used: Not a directory"):
        world.find()


def test_two_at_once_fetch_once(world: World) -> None:
    found: list[Parts] = []
    threads = [threading.Thread(target=lambda: found.append(world.find())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert world.calls("download") == 1
    assert not list((world.cache / "parts").glob("new-*"))


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("/var/cache/me", "/var/cache/me/gpgdoctor"),
        ("", "/home/me/.cache/gpgdoctor"),
        ("not/absolute", "/home/me/.cache/gpgdoctor"),
    ],
)
def test_cache_directory(configured: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", configured)
    assert cache_directory() == Path(expected)


def test_an_extra_that_names_another_one_includes_it() -> None:
    pyproject = {
        "project": {
            "name": "gpgdoctor",
            "dependencies": ["typer"],
            "optional-dependencies": {"lab": ["jcecard==0.1.0"], "test": ["gpgdoctor[lab]", "pytest>=7.2"]},
        }
    }
    assert bootstrap.requirements(pyproject, "base") == ["typer"]
    assert bootstrap.requirements(pyproject, "test") == ["jcecard==0.1.0", "pytest>=7.2"]


def test_bootstrap_without_arguments_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == 0
    assert str(cache_directory()) in capsys.readouterr().out


def test_bootstrap_refuses_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["install"]) == 2
    assert "'install'" in capsys.readouterr().err


def test_offline_nothing_is_so_much_as_tried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPGDOCTOR_OFFLINE", "1")
    with pytest.raises(PartsUnavailable, match="nothing is fetched where GPGDOCTOR_OFFLINE is set"):
        world.find()
    assert world.calls("update") == world.calls("download") == 0


def test_bootstrap_is_for_a_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "CLONE", tmp_path)
    assert bootstrap.main(["demo"]) == 3
    assert "gpgdoctor demo" in capsys.readouterr().err
