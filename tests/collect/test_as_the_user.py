"""Under sudo, what concerns me is asked as me; and root acts on a home as its owner alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Scenario

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as root")]
OpenLab = Callable[..., Lab]

ALICE = 1001
SUDO = {"SUDO_UID": str(ALICE), "SUDO_USER": "alice", "HOME": "/root"}
PCSCD = "/run/pcscd/pcscd.comm"
SECRET = "reader-port PlantedSecret\n"


def check(lab: Lab, *options: str, **how: Any) -> dict[str, Any]:
    done = lab.gpgdoctor("check", "--json", *options, **how)
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def about_me(document: dict[str, Any]) -> dict[str, Any]:
    facts = document["facts"]
    readers = [(reader["name"], reader["state"], reader["probe"]) for reader in facts["readers"]]
    return {
        "answer": facts["pcscd"]["answer"],
        "readers": readers,
        "home": facts["gnupg"]["homedir"],
        "in force": facts["configuration"]["in_force"],
        "uid": facts["host"]["uid"],
    }


def sh(lab: Lab, script: str, user: int = 0) -> None:
    done = lab.run(["sh", "-ec", script], user=user)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("how", [{"env": SUDO}, {"env": {"PKEXEC_UID": str(ALICE)}}, {"homedir": True}])
def test_the_same_is_learnt_about_me_and_more_about_others(how: dict[str, Any], open_lab: OpenLab) -> None:
    clients = (Client(kind="shared"),)
    lab = open_lab(Scenario(name="hers", about="", files=(ON_PCSC,), clients=clients), user=ALICE)
    hers = check(lab)
    options = ("--homedir", lab.gnupghome) if how.get("homedir") else ()
    roots = check(lab, *options, user=0, env=how.get("env"))
    assert about_me(roots) == about_me(hers)
    pids = [connection["pid"] for connection in roots["facts"]["pcscd"]["connections"]]
    assert pids == [lab.client().pid]


@pytest.mark.parametrize("how", ["sudo", "homedir"])
def test_a_pcscd_that_is_closed_to_me_is_not_asked_as_root(how: str, open_lab: OpenLab) -> None:
    """As polkit refuses her, here the socket's mode does; root itself would be let in."""
    lab = open_lab(BY_NAME["healthy"], user=ALICE)
    sh(lab, f"chmod 600 {PCSCD}")
    options = ("--homedir", lab.gnupghome) if how == "homedir" else ()
    answer = check(lab, *options, user=0, env=SUDO if how == "sudo" else None)["facts"]["pcscd"]["answer"]
    assert answer == check(lab)["facts"]["pcscd"]["answer"]
    assert answer.startswith("0x801000")
    assert check(lab, user=0)["facts"]["pcscd"]["answer"] == "ok"


def test_what_she_may_not_read_is_not_shown_to_her(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["healthy"], user=ALICE)
    sh(lab, f"umask 077; printf '{SECRET[:-1]}\\n' >/run/secret.conf")
    sh(lab, f"ln -sfn /run/secret.conf {lab.gnupghome}/scdaemon.conf", user=ALICE)
    for options, env in (((), SUDO), (("--homedir", lab.gnupghome), None), ((), {"GNUPGHOME": lab.gnupghome})):
        for form in ("check", "report"):
            done = lab.gpgdoctor(form, *options, user=0, env=env)
            assert "PlantedSecret" not in done.stdout + done.stderr
        files = check(lab, *options, user=0, env=env)["facts"]["configuration"]["files"]
        hers = next(file for file in files if file["path"] == f"{lab.gnupghome}/scdaemon.conf")
        assert hers["status"] == "unreadable"


@pytest.mark.parametrize("command", [("check",), ("report",), ("fix", "--yes"), ("fix", "--dry-run")])
def test_a_link_leads_root_to_no_other_home(command: tuple[str, ...], open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"], user=ALICE)
    sh(lab, f"mkdir -m 700 -p /run/roots/.gnupg; printf '{SECRET[:-1]}\\n' >/run/roots/.gnupg/scdaemon.conf")
    sh(lab, f"ln -s /run/roots/.gnupg {lab.home}/planted", user=ALICE)
    for options, env in (
        (("--homedir", f"{lab.home}/planted"), None),
        ((), {"GNUPGHOME": f"{lab.home}/planted"}),
    ):
        done = lab.gpgdoctor(*command, *options, user=0, env=env)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert "/run/roots/.gnupg" in done.stderr, "it says where that leads"
        assert "PlantedSecret" not in done.stderr
    assert lab.run(["cat", "/run/roots/.gnupg/scdaemon.conf"], user=0).stdout == SECRET


def test_the_home_is_named_by_where_it_leads(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"], user=ALICE)
    sh(lab, f"ln -s .gnupg {lab.home}/short", user=ALICE)
    said = lab.gpgdoctor("check", "--homedir", f"{lab.home}/short", user=0).stdout
    assert f"--homedir {lab.gnupghome}" in said.replace("\n", " ")
    assert "/short" not in said


def test_fix_writes_as_the_homes_owner(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"], user=ALICE)
    done = lab.gpgdoctor("fix", "--yes", "--homedir", lab.gnupghome, user=0)
    assert done.returncode == 0, done.stdout + done.stderr
    owner = lab.run(["stat", "-c", "%u", f"{lab.gnupghome}/scdaemon.conf"], user=0).stdout.strip()
    assert owner == str(ALICE)


def test_each_user_of_a_report_is_asked_as_that_user(open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="all", about="", files=(ON_PCSC,), clients=(Client(kind="shared"),)), user=ALICE)
    script = """
import json, sys
from gpgdoctor.hooks.survey import survey
found = survey(True)
print(json.dumps([str(found.machine.pcscd.answer), {f.host.uid: str(f.pcscd.answer) for f in found.users}]))
"""
    sh(lab, f"chmod 600 {PCSCD}")
    done = lab.run([lab.python, "-c", script], user=0)
    machine, users = json.loads(done.stdout)
    assert machine == "ok"
    assert users[str(ALICE)].startswith("0x801000")
