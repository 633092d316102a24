"""A real fleet: real Ansible, real ssh, and behind it real pcscd and scdaemon, each in another illness."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gpgdoctor.commands import fleet_cli
from gpgdoctor.lab import contents
from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.debian import DebianUnavailable
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario
from tests.support import unpacked
from tests.support.controller import Ansible, AnsibleUnavailable
from tests.support.environments import EnvironmentUnavailable
from tests.support.hosts import DOCTOR, FOLDER, Host, Keys, for_ssh, ssh_options
from tests.support.labs import OpenLab, cannot_run
from tests.support.wheels import Wheels, built

pytestmark = pytest.mark.lab

ILLNESSES = {
    "anna": ("shared-holder", "GD202"),
    "bert": ("scdaemon-exclusive-idle-client", "GD201"),
    "cleo": ("typo-in-conf", "GD101"),
    "dora": ("old-scdaemon-still-running", "GD109"),
    "emil": ("exclusive-holder", "GD203"),
}
BY_HAND = "emil"  # no file of alice's helps against a program that holds the card alone
NOBODY_HOME = Scenario(name="nobody", about="A machine without a reader.", readers=(), pcscd="never-started")


@pytest.fixture(scope="module")
def ssh() -> unpacked.Unpacked:
    try:
        return unpacked.packages("openssh-server", "openssh-client")
    except DebianUnavailable as error:
        cannot_run(str(error))


@pytest.fixture(scope="module", params=["debian", "pypi"])
def ansible(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    try:
        return Ansible.of(request.param, tmp_path_factory.mktemp("controller"))
    except AnsibleUnavailable as error:
        cannot_run(str(error))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    try:
        return built(tmp_path_factory.mktemp("wheels"))
    except EnvironmentUnavailable as error:
        cannot_run(str(error))


class Fleet:
    """Hosts, the files that Ansible needs to reach them, and what it brings home."""

    def __init__(self, folder: Path, ansible: Ansible, ssh: unpacked.Unpacked, sockets: Path) -> None:
        self.folder, self.ansible, self._ssh, self._sockets = folder, ansible, ssh, sockets
        self._keys = Keys.made(ssh, folder)
        self.hosts: dict[str, Host] = {}
        for name in ("documents", "fixes"):
            (folder / name).mkdir()

    def add(self, name: str, lab: Lab, **how: bool) -> Host:
        self.hosts[name] = Host(name, lab, self._ssh, self._keys, **how)
        return self.hosts[name]

    def ask(self, module: str, *arguments: str, codes: Sequence[int] = (0,)) -> dict[str, Any]:
        """One module on all hosts: the result of each."""
        there = self.folder / "tree"
        argv = ["all", "-m", f"gpgdoctor.fleet.{module}", "--tree", str(there), "-a", *arguments]
        self.ansible.run("ansible", *self._options(), *argv, codes=codes)
        return {path.name: json.loads(path.read_text()) for path in there.iterdir()}

    def play(self, playbook: str | Path, *arguments: str, codes: Sequence[int] = (0,)) -> str:
        return self.ansible.run("ansible-playbook", *self._options(), playbook, *arguments, codes=codes).stdout

    def _options(self) -> list[str | Path]:
        inventory = self.folder / "hosts"
        shared = {
            "ansible_user": "root",
            "ansible_ssh_executable": self._ssh.launcher("ssh", self.folder / "bin"),
            "ansible_ssh_args": ssh_options(self._keys, self._sockets),
            "gpgdoctor_become": "false",
            "gpgdoctor_executable": DOCTOR,
            "gpgdoctor_documents": self.folder / "documents",
            "gpgdoctor_fixes": self.folder / "fixes",
        }
        lines = [host.line(self.folder) for host in self.hosts.values()]
        common = [f"{name}={json.dumps(str(value))}" for name, value in shared.items()]
        inventory.write_text("\n".join(["[all]", *lines, "[all:vars]", *common, ""]))
        return ["-i", inventory, "--timeout", "5"]

    def report(self) -> dict[str, Any]:
        done = CliRunner().invoke(
            fleet_cli.fleet, ["report", str(self.folder / "documents"), "--json"], standalone_mode=False
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def files(self, of: str) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_text()) for path in sorted((self.folder / of).iterdir())}


@pytest.fixture
def fleet(ansible: Ansible, ssh: unpacked.Unpacked, tmp_path: Path) -> Iterator[Fleet]:
    # A socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="fleet-", ignore_cleanup_errors=True) as sockets:
        yield Fleet(tmp_path, ansible, ssh, Path(sockets))


def by_finding(report: dict[str, Any]) -> dict[str, list[str]]:
    return {row["id"]: row["hosts"] for row in report["findings"] if row["severity"] != "info"}


def test_five_illnesses_are_gathered_reported_cured_verified_and_taken_back(fleet: Fleet, open_lab: OpenLab) -> None:
    for name, (scenario, _) in ILLNESSES.items():
        fleet.add(name, open_lab(for_ssh(BY_NAME[scenario])))
    confs = {name: host.lab.room.files(["/home/alice"]) for name, host in fleet.hosts.items()}

    fleet.play("gpgdoctor.fleet.gather", "-e", '{"gpgdoctor_users": ["alice"]}')
    sick = by_finding(fleet.report())
    assert sick == {id: [name] for name, (_, id) in ILLNESSES.items()}
    assert "alice" not in json.dumps(fleet.files("documents"))

    dry = fleet.play("gpgdoctor.fleet.cure", "--check", "--diff", codes=(2,))
    assert "+disable-ccid" in dry
    assert {name: host.lab.room.files(["/home/alice"]) for name, host in fleet.hosts.items()} == confs
    assert fleet.files("fixes") == {}

    said = fleet.play("gpgdoctor.fleet.cure", codes=(2,))
    assert "GD203" in said
    cured = fleet.files("fixes")
    assert set(cured) == set(ILLNESSES) - {BY_HAND}
    for result in cured.values():
        (of_alice,) = result["results"]
        assert (of_alice["account"], of_alice["changed"], of_alice["verified"]) == ("alice", True, True)

    fleet.play("gpgdoctor.fleet.gather")
    left = by_finding(fleet.report())  # GD602 may be: the price of sharing, which the plan named
    assert left.keys() & sick.keys() == {ILLNESSES[BY_HAND][1]}
    again = fleet.play("gpgdoctor.fleet.cure", codes=(2,))
    assert recap(again) == dict.fromkeys(ILLNESSES, 0)

    edited = {name for name, result in cured.items() if result["results"][0]["undo"] is not None}
    assert edited == {"anna", "bert", "cleo"}  # dora's scdaemon was restarted, which nothing takes back
    assert {name for name, changed in recap(fleet.play("gpgdoctor.fleet.take_back")).items() if changed} == edited
    assert recap(fleet.play("gpgdoctor.fleet.take_back")) == dict.fromkeys(ILLNESSES, 0)


def test_root_asks_for_each_account_and_is_not_led_astray(fleet: Fleet, open_lab: OpenLab) -> None:
    bob = "bob:x:1002:1002::/home/bob:/bin/sh"
    host = fleet.add("anna", open_lab(for_ssh(BY_NAME["shared-holder"], bob)))
    trap = "mkdir -p /home/bob/.gnupg && mkfifo /home/bob/.gnupg/scdaemon.conf && chown -R 1002:1002 /home/bob"
    assert host.lab.run(["sh", "-c", trap], user=0).returncode == 0
    here = f"executable={DOCTOR}"

    everybody = fleet.ask("check", f"users=all {here}")["anna"]
    assert [it["account"] for it in everybody["accounts"]] == ["account 1", "account 2"]
    assert (everybody["changed"], everybody["not_looked_at"]) == (False, [])
    assert "GD202" in everybody["accounts"][0]["findings"]
    assert "GD107" in everybody["accounts"][1]["findings"]
    assert not {"alice", "bob"} & set(json.dumps(everybody).replace("/", '"').split('"'))

    as_he_is = fleet.ask("check", f"users=bob redact=false {here}")["anna"]
    assert [it["account"] for it in as_he_is["accounts"]] == ["bob"]
    assert as_he_is["documents"][0]["facts"]["host"]["user"] == "bob"

    failed = fleet.ask("check", f"users=alice fail_on=error {here}", codes=(2,))["anna"]
    assert (failed["changed"], failed["msg"]) == (False, "found: account 1: GD202")
    nobody = fleet.ask("check", f"users=carol {here}", codes=(2,))["anna"]
    assert nobody["msg"] == "there is no account carol on this host"

    planned = fleet.ask("fix", f"users=alice ids=GD202 {here}", "--check")["anna"]
    assert (planned["changed"], planned["results"][0]["failed"]) == (True, False)
    absent = fleet.ask("fix", f"users=alice ids=GD101 {here}")["anna"]
    assert (absent["changed"], absent["results"][0]["result"]) == (False, "Nothing to do: GD101 is not found here.")
    unknown = fleet.ask("fix", f"users=alice ids=GD999 {here}", codes=(2,))["anna"]
    assert "'GD999' is not a finding" in unknown["msg"]

    refused = fleet.ask("fix", f"users=bob {here}", codes=(2,))["anna"]
    assert (refused["changed"], refused["results"][0]["account"]) == (False, "bob")
    assert refused["msg"].startswith("bob: ")


ROLE = """\
- hosts: all
  gather_facts: false
  roles:
    - role: gpgdoctor.fleet.gpgdoctor
"""


def test_the_role_brings_a_wheel_and_takes_it_away(fleet: Fleet, open_lab: OpenLab, wheels: Wheels) -> None:
    host = fleet.add("anna", open_lab(for_ssh(BY_NAME["shared-holder"])), gpgdoctor=False)
    (fleet.folder / "role.yml").write_text(ROLE)
    where = f"{FOLDER}/gpgdoctor"
    given = {
        "gpgdoctor_wheel": wheels.wheel,
        "gpgdoctor_wheelhouse": wheels.house,
        "gpgdoctor_pip": wheels.pip,
        "gpgdoctor_venv": where,
        "gpgdoctor_executable": f"{where}/bin/gpgdoctor",
    }
    options = ["-e", json.dumps({name: str(value) for name, value in given.items()})]
    assert recap(fleet.play(fleet.folder / "role.yml", *options))["anna"] > 0
    assert recap(fleet.play(fleet.folder / "role.yml", *options)) == {"anna": 0}
    fleet.play("gpgdoctor.fleet.gather", *options)
    assert by_finding(fleet.report()) == {"GD202": ["anna"]}
    fleet.play(fleet.folder / "role.yml", *options, "-e", "gpgdoctor_state=absent")
    assert host.lab.room.files([where]) == {}


def recap(said: str) -> dict[str, int]:
    """How many tasks changed something on each host."""
    lines = said.partition("PLAY RECAP")[2].splitlines()[1:]
    words = {line.split(":")[0].strip(): line for line in lines if "changed=" in line}
    return {name: int(line.partition("changed=")[2].split()[0]) for name, line in words.items()}


def test_a_host_that_gives_no_answer_is_named_and_stops_nobody(
    fleet: Fleet, open_lab: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(contents.HIDDEN_FILES, "python", ("bin/python3*", "local/bin/python3*"))  # type: ignore[misc]
    fleet.add("works", open_lab(for_ssh(BY_NAME["healthy"])))
    fleet.add("hangs", open_lab(for_ssh(NOBODY_HOME))).hang()
    fleet.add("without-gpgdoctor", open_lab(for_ssh(NOBODY_HOME)), gpgdoctor=False)
    without = replace(NOBODY_HOME, hidden=("python",))  # type: ignore[arg-type]
    fleet.add("without-python", open_lab(for_ssh(without)))
    fleet.play("gpgdoctor.fleet.gather")
    report = fleet.report()
    assert (report["hosts"], report["verdicts"]["healthy"]) == (1, 1)
    reasons = {row["host"]: row["reason"] for row in report["not_looked_at"]["hosts"]}
    assert set(reasons) == {"hangs", "without-gpgdoctor", "without-python"}
    assert reasons["hangs"].startswith("unreachable")
    assert "gpgdoctor is not on this host" in reasons["without-gpgdoctor"]
    assert "python" in reasons["without-python"].lower()
    assert report["damaged"] == []
