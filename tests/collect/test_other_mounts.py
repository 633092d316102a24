"""Somebody else's pcscd has the same name in a mount namespace of its own: it is none of ours."""

from __future__ import annotations

import json
import select
from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.handles import read_line
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Listener, Scenario
from tests.support import SUPPORT

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

LIAR = str(SUPPORT / "lying_pcscd.py")
IN_ITS_OWN = "mkdir -p /run/pcscd && mount -t tmpfs none /run/pcscd && exec "
SCDAEMON = """
import socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("listening", flush=True)
listening.accept()
print("connected", flush=True)
"""


def check(lab: Lab) -> dict[str, Any]:
    done = lab.gpgdoctor("check", "--json", "--timeout", "2")
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def apart(lab: Lab, script: str, *arguments: str) -> Any:
    """A program in a mount namespace of its own, in the same network namespace."""
    process = lab.popen(["unshare", "-m", "sh", "-ec", script, "sh", *arguments], user=0)
    read_line(process)
    return process


def test_a_pcscd_that_hangs_elsewhere_is_not_the_one_that_hangs(open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="apart", about="", readers=(), pcscd="never-started", files=(ON_PCSC,)))
    apart(lab, f'{IN_ITS_OWN} "$1" "$2" hangs', lab.python, LIAR)
    document = check(lab)
    assert "listener" not in document["facts"]["pcscd"]
    assert document["facts"]["pcscd"]["connections"] == []
    assert "GD303" not in {finding["id"] for finding in document["findings"]}


def test_our_own_pcscd_is_found_beside_it(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    before = check(lab)["facts"]["pcscd"]["connections"]
    apart(lab, f'{IN_ITS_OWN} "$1" "$2" hangs', lab.python, LIAR)
    document = check(lab)
    assert document["facts"]["pcscd"]["listener"] == "pcscd"
    assert document["facts"]["pcscd"]["connections"] == before
    assert [finding["id"] for finding in document["findings"] if finding["severity"] == "error"] == ["GD202"]


def test_a_scdaemon_that_listens_elsewhere_is_not_asked(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["scdaemon-exclusive"])
    sockets = check(lab)["facts"]["gnupg"]["socketdir"]
    script = 'mount -t tmpfs none "$1" && exec "$2" -c "$3" "$1/S.scdaemon"'
    elsewhere = apart(lab, script, sockets, lab.python, SCDAEMON)
    running = check(lab)["facts"]["gnupg"]["running"]
    assert running["pid"] == lab.pid_of("scdaemon")
    assert not select.select([elsewhere.stdout], [], [], 0)[0], "nobody connected"


def test_a_watch_beside_an_activator_connects_to_nobody(open_lab: OpenLab) -> None:
    """Another one's pcscd is alive: a watch that took it for ours would start the one that sleeps."""
    path = "/run/pcscd/pcscd.comm"
    activator = Listener(path=path, program="systemd")
    lab = open_lab(Scenario(name="asleep", about="", readers=(), pcscd="never-started", listeners=(activator,)))
    apart(lab, f'{IN_ITS_OWN} "$1" "$2" hangs', lab.python, LIAR)
    for options in ((), ("--json",), ("--stay",)):
        done = lab.gpgdoctor("watch", "--for", "0.5", *options)
        assert done.returncode == 0, done.stderr
        assert "does not run, or sleeps" in done.stderr
    assert check(lab)["facts"]["pcscd"]["listener"] == "activator"
    assert lab.connects(path) == 0


def test_a_watch_sees_our_own_pcscd_beside_it(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    apart(lab, f'{IN_ITS_OWN} "$1" "$2" hangs', lab.python, LIAR)
    taken = json.loads(lab.gpgdoctor("watch", "--json", "--for", "0.5").stdout.splitlines()[-1])
    assert [by["pid"] for by in taken["by"]] == [lab.client().pid]
