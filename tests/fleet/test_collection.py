"""The collection as a tree and as a tarball, before Ansible's own eyes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from gpgdoctor.fleet import collection_writer
from gpgdoctor.fleet.collection_writer import Refused, version, write_archive, write_tree
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.rules import catalogue
from tests.support.controller import Ansible, AnsibleUnavailable
from tests.support.labs import cannot_run

MODULES = ("check", "fix", "undo")


@pytest.fixture(scope="module", params=["debian", "pypi"])
def ansible(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    try:
        return Ansible.of(request.param, tmp_path_factory.mktemp("controller"))
    except AnsibleUnavailable as error:
        cannot_run(str(error))


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_tree_is_replaced_as_a_whole(tmp_path: Path) -> None:
    there = Path(write_tree(str(tmp_path)))
    assert there == tmp_path / "ansible_collections/gpgdoctor/fleet"
    first = files_below(there)
    assert {f"plugins/modules/{name}.py" for name in MODULES} <= first.keys()
    (there / "of-an-older-version.py").write_text("x")
    write_tree(str(tmp_path))
    assert files_below(there) == first
    assert [path.name for path in there.parent.iterdir()] == ["fleet"]


def test_what_others_wrote_is_not_replaced(tmp_path: Path) -> None:
    there = tmp_path / "ansible_collections/gpgdoctor/fleet"
    there.mkdir(parents=True)
    (there / "mine").write_text("x")
    with pytest.raises(Refused):
        write_tree(str(tmp_path))
    assert files_below(there) == {"mine": b"x"}
    (there / "mine").unlink()
    there.rmdir()
    there.symlink_to(tmp_path)
    with pytest.raises(Refused):
        write_tree(str(tmp_path))


def test_the_command_says_where_it_is_or_why_not(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "gpgdoctor", "fleet", "collection"]
    done = subprocess.run([*argv, tmp_path], capture_output=True, text=True, cwd=SOURCE_TREE, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "ansible_collections/gpgdoctor/fleet"))
    (tmp_path / "file").write_text("x")
    done = subprocess.run([*argv, tmp_path / "file"], capture_output=True, text=True, cwd=SOURCE_TREE, timeout=60)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


def test_the_tarball_is_the_same_each_time(tmp_path: Path) -> None:
    one, two = (Path(write_archive(str(tmp_path / name))) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert one.name == f"gpgdoctor-fleet-{version()}.tar.gz"
    with tarfile.open(one) as archive:
        assert all(not name.startswith(("/", "..")) for name in archive.getnames())


@pytest.mark.parametrize(
    ("ours", "theirs"), [("0.2.0", "0.2.0"), ("0.3.0.dev1", "0.3.0-dev1"), ("1.0.0rc2", "1.0.0-rc2")]
)
def test_a_version_is_one_that_galaxy_takes(ours: str, theirs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_writer, "__version__", ours)
    assert version() == theirs


def test_galaxy_installs_the_tarball_and_finds_it_whole(ansible: Ansible, tmp_path: Path) -> None:
    archive = write_archive(str(tmp_path))
    there = tmp_path / "installed"
    ansible.run("ansible-galaxy", "collection", "install", archive, "-p", there, collections=there)
    verified = ansible.run(
        *("ansible-galaxy", "collection", "verify", "--offline", "gpgdoctor.fleet"), collections=there
    )
    assert "Successfully verified" in verified.stdout


def test_the_documentation_is_complete(ansible: Ansible) -> None:
    names = [f"gpgdoctor.fleet.{name}" for name in MODULES]
    done = ansible.run("ansible-doc", "--json", *names)
    assert done.stderr == ""
    for name, told in json.loads(done.stdout).items():
        assert told["doc"]["short_description"]
        assert told["examples"].strip()
        assert told["return"], name
    role = ansible.run("ansible-doc", "-t", "role", "--json", "gpgdoctor.fleet.gpgdoctor")
    options = json.loads(role.stdout)["gpgdoctor.fleet.gpgdoctor"]["entry_points"]["main"]["options"]
    defaults = Path(SOURCE_TREE, "gpgdoctor/fleet/collection/roles/gpgdoctor/defaults/main.yml").read_text()
    assert set(options) == set(re.findall(r"^(gpgdoctor_\w+):", defaults, re.MULTILINE))


def test_the_playbooks_are_taken(ansible: Ansible) -> None:
    for name in ("gather", "cure", "take_back"):
        ansible.run("ansible-playbook", "-i", "localhost,", "--syntax-check", f"gpgdoctor.fleet.{name}")


def test_findings_in_examples_exist() -> None:
    folder = Path(SOURCE_TREE, "gpgdoctor/fleet/collection")
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert set(re.findall(r"GD\d{3}", path.read_text())) <= set(catalogue()), path


def test_the_page_of_the_collection_names_what_is_in_it() -> None:
    folder = Path(SOURCE_TREE, "gpgdoctor/fleet/collection")
    told = set(re.findall(r"`gpgdoctor\.fleet\.(\w+)`", (folder / "README.md").read_text()))
    playbooks = {os.path.splitext(path.name)[0] for path in (folder / "playbooks").iterdir()}
    assert told == {*MODULES, "gpgdoctor", *playbooks}
