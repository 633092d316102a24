"""`gpgdoctor watch` beside real pcscd, scdaemon and cards."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from gpgdoctor.instruments.watch.poll import LEAVE_AFTER_S
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Reader
from tests.support.labs import OpenLab
from tests.support.watching import Watching, certainty_of, idle, scenario

pytestmark = pytest.mark.lab

KEYS = {"t", "event", "change", "reader", "share", "by"}
KINDS = {"reader", "card", "take", "release", "wait", "refused", "pcscd", "slept"}
BLOCKED = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
print("go", flush=True)
scard.SCardConnect(context, {reader!r}, scard.SCARD_SHARE_SHARED, 3)
sys.stdin.read()
"""


def start_blocked(lab: Lab) -> Any:
    """A program that waits in SCardConnect for as long as somebody else's transaction lasts."""
    process = lab.popen([lab.python, "-c", BLOCKED.format(reader=lab.readers[0])], user=0)
    assert process.stdout.readline() == "go\n"
    return process


def listening_inodes(lab: Lab) -> str:
    return lab.run(["cat", "/proc/net/unix"], user=0).stdout


def uids_connected(lab: Lab) -> list[int]:
    """Whose programs are connected to pcscd."""
    peers = "from gpgdoctor.system.sockets import Sockets; peers = Sockets().peers('/run/pcscd/pcscd.comm')"
    done = lab.run([lab.python, "-c", f"{peers}; print(*(it.uid for it in peers))"], user=0)
    return list(map(int, done.stdout.split()))


# -- who takes the card -----------------------------------------------------------------------------------------------


def test_who_takes_the_card_shared_and_who_alone(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    watch = Watching(lab, "--json")
    watch.event("reader", reader=lab.readers[0], change="found")
    firefox = lab.start_client(Client(kind="shared", program="firefox"))
    took = watch.event("take", program="firefox", share="shared", reader=lab.readers[0])
    assert took["by"] == [{"pid": firefox.pid, "program": "firefox", "certainty": took["by"][0]["certainty"]}]
    firefox.stop()
    watch.event("release", program="firefox", share="shared")
    agent = lab.start_client(Client(kind="exclusive", program="yubikey-agent"))
    watch.event("take", program="yubikey-agent", share="exclusive")
    agent.stop()
    watch.event("release", program="yubikey-agent", share="exclusive")
    assert watch.interrupt() == 0
    for event in watch.events:
        assert set(event) == KEYS
        assert event["event"] in KINDS
        assert {who["certainty"] for who in event["by"]} <= {"certain", "likely", "possible"}
    times = [event["t"] for event in watch.events]
    assert times == sorted(times)


def test_what_is_held_when_the_watch_begins(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="shared", program="firefox")))
    watch = Watching(lab, "--json")
    watch.event("take", program="firefox", change="found", share="shared")
    lab.client().stop()
    watch.event("release", program="firefox")
    assert watch.interrupt() == 0


def test_scdaemon_takes_the_card_and_says_so_itself(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0])
    assert lab.run(["gpg", "--card-status"]).returncode == 0
    watch.event("take", program="scdaemon", share="exclusive")
    lab.run(["gpgconf", "--kill", "scdaemon"])
    watch.event("release", program="scdaemon", share="exclusive")
    assert watch.interrupt() == 0
    assert not [event for event in watch.events if event["event"] == "refused"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have other users in the lab")
def test_another_users_program_has_no_name_and_no_other_ones(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle(user=1000), user=1000))
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0])
    lab.start_client(Client(kind="shared", program="firefox", user=0))
    watch.event("take", program="a program of root")
    lab.start_client(Client(kind="shared", program="chromium", user=1000))
    watch.event("take", program="chromium")
    assert watch.interrupt() == 0
    assert all(who["program"] != "pcsc_scan" for event in watch.events for who in event["by"])


def test_a_client_of_another_network_namespace_is_nobody_else(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0])
    client = lab.start_client(Client(kind="shared", program="firefox", other_network=True))
    took = watch.event("take", reader=lab.readers[0])
    client.stop()
    watch.event("release", reader=lab.readers[0])
    assert watch.interrupt() == 0
    assert took["by"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide processes")
def test_hidden_processes_leave_nothing_certain(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle(user=1000), user=1000))
    assert lab.run(["mount", "-o", "remount,hidepid=2", "/proc"], user=0).returncode == 0
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0])
    mine = lab.start_client(Client(kind="shared", program="firefox", user=1000))
    took = watch.event("take", program="firefox")
    assert certainty_of(took, "firefox") != "certain"
    mine.stop()
    watch.event("release", reader=lab.readers[0])
    lab.start_client(Client(kind="shared", program="chromium", user=0))
    watch.event("take", program="a program of root")
    assert watch.interrupt() == 0
    takes = [event for event in watch.events if event["event"] == "take"]
    assert all(who["certainty"] != "certain" for event in takes for who in event["by"])


UNCOUNTED = """
import runpy, sys
from gpgdoctor.instruments.watch import poll
poll.is_counted = lambda: False
sys.argv = ["gpgdoctor", "watch", "--json", "--for", "6"]
runpy.run_module("gpgdoctor", run_name="__main__", alter_sys=True)
"""


def test_a_kernel_that_does_not_count_when_threads_run_leaves_nothing_certain(open_lab: OpenLab) -> None:
    """It is this one, that the watch is told not to ask: its sockets alone tell who came."""
    lab = open_lab(scenario(idle()))
    watching = lab.popen([lab.python, "-c", UNCOUNTED])
    while json.loads(watching.stdout.readline())["event"] != "card":
        pass
    firefox = lab.start_client(Client(kind="shared", program="firefox"))
    events = [json.loads(line) for line in watching.stdout]
    assert watching.wait() == 0
    (took,) = [event for event in events if event["event"] == "take"]
    assert firefox.pid in [who["pid"] for who in took["by"]]
    assert all(who["certainty"] != "certain" for who in took["by"])


# -- cards, pcscd -----------------------------------------------------------------------------------------------------


def test_cards_go_and_come(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0], change="found")
    lab.remove()
    watch.event("card", reader=lab.readers[0], change="left")
    lab.insert()
    watch.event("card", reader=lab.readers[0], change="came")
    assert watch.interrupt() == 0


def test_pcscd_ends_and_starts_again(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="shared", program="firefox")))
    watch = Watching(lab, "--json")
    watch.event("take", program="firefox")
    lab.signal_pcscd(signal.SIGKILL)
    ended = watch.event("pcscd", change="ended")
    assert ended["by"] == []
    before = len(watch.events)
    lab.start_pcscd()
    started = watch.event("pcscd", change="started", after=before)
    assert [who["pid"] for who in started["by"]] == [lab.pcscd_pid]
    watch.event("reader", reader=lab.readers[0], after=before)
    assert watch.interrupt() == 0


def test_a_pcscd_that_sleeps_when_nobody_is_connected_is_left_to_its_sleep(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(pcscd="never-started"))
    lab.start_pcscd("--auto-exit")
    connected = listening_inodes(lab).count("/run/pcscd/pcscd.comm")
    watch = Watching(lab, "--json")
    watch.event("pcscd", change="found")
    time.sleep(LEAVE_AFTER_S)
    assert listening_inodes(lab).count("/run/pcscd/pcscd.comm") == connected, "it connected while nobody else was"
    client = lab.start_client(idle())
    watch.event("reader", reader=lab.readers[0])
    assert listening_inodes(lab).count("/run/pcscd/pcscd.comm") == connected + 2
    client.stop()
    lab.wait_until(
        lambda: listening_inodes(lab).count("/run/pcscd/pcscd.comm") == connected, "it did not leave after the others"
    )
    assert watch.interrupt() == 0
    staying = Watching(lab, "--json", "--stay")
    staying.event("reader", reader=lab.readers[0])
    time.sleep(2 * LEAVE_AFTER_S)
    assert listening_inodes(lab).count("/run/pcscd/pcscd.comm") == connected + 1
    assert staying.interrupt() == 0


LOOKS = """
import time
from gpgdoctor.instruments.watch.poll import Poll
poll = Poll("/run/pcscd/pcscd.comm", rate_hz=20, stay=False)
for _ in range(100):
    sight = poll.look()
    print("rest" if sight is None else "asked" if sight.readers else "alone")
    time.sleep(0.05)
"""


def test_pcscd_is_not_asked_where_nothing_ran_in_it(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    found = lab.run([lab.python, "-c", LOOKS]).stdout.split()
    assert found[0] == "asked"
    assert found.count("rest") > found.count("asked"), "only the thread that polls the reader runs"
    assert "alone" not in found


def test_nothing_is_started_where_pcscd_does_not_run(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(pcscd="never-started"))
    watch = Watching(lab, "--json", "--for", "1")
    assert watch.wait() == 0
    assert watch.events == []
    assert lab.pid_of("pcscd") is None


def test_a_pcscd_that_does_not_answer_cannot_be_watched(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    lab.signal_pcscd(signal.SIGSTOP)
    watch = Watching(lab)
    assert watch.wait() == 3
    assert watch.lines == []
    assert watch.complaints.startswith("gpgdoctor: nothing can be watched: ")


def test_without_pcscd_there_is_nothing_to_watch(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(pcscd="never-started", hidden=("pcscd",)))
    watch = Watching(lab)
    assert watch.wait() == 3
    assert watch.complaints == "gpgdoctor: nothing can be watched: pcscd is not installed\n"


# -- conflicts --------------------------------------------------------------------------------------------------------


def test_who_waits_for_a_transaction_and_whose(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    watch = Watching(lab, "--json")
    watch.event("card", reader=lab.readers[0])
    lab.start_client(Client(kind="transaction", program="yubikey-agent"))
    watch.event("take", program="yubikey-agent")
    waiting = start_blocked(lab)
    wait = watch.event("wait", reader=lab.readers[0], change="began")
    assert wait["by"][0]["pid"] == waiting.pid
    assert [who["program"] for who in wait["by"][1:]] == ["yubikey-agent"]
    lab.client("yubikey-agent").ask("end")
    watch.event("wait", change="over")
    watch.event("take", program=wait["by"][0]["program"])
    assert watch.interrupt() == 0


def test_programs_that_share_without_waiting_are_no_conflict(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="shared", program="firefox"), Client(kind="foreign-select", program="ykman")))
    watch = Watching(lab, "--json", "--until-conflict", "--for", "4")
    assert watch.wait() == 0
    assert not [event for event in watch.events if event["event"] in ("wait", "refused")]


def test_until_the_first_wait(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="transaction", program="yubikey-agent")))
    watch = Watching(lab, "--until-conflict")
    watch.until("the holder", lambda: "yubikey-agent" in "".join(watch.lines))
    waiting = start_blocked(lab)
    assert watch.wait() == 1
    conflict = watch.complaints.splitlines()[-1]
    assert f"(pid {waiting.pid}) waits for yubikey-agent" in conflict


def test_until_scdaemon_goes_without_the_card(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="shared", program="firefox")))
    watch = Watching(lab, "--until-conflict", "--json")
    watch.event("take", program="firefox")
    assert lab.run(["gpg", "--card-status"]).returncode != 0
    assert watch.wait() == 1
    last = watch.events[-1]
    assert (last["event"], last["reader"]) == ("refused", lab.readers[0])
    assert [who["program"] for who in last["by"]] == ["scdaemon", "firefox"]
    assert "scdaemon" in watch.complaints and "firefox" in watch.complaints


def test_a_reader_that_scdaemon_does_not_want_is_no_loss(open_lab: OpenLab) -> None:
    """Version 2.2 takes the first reader, which is empty: then nobody keeps it from a card."""
    readers = (Reader(card="absent"), Reader(name="Nitrokey Pro"))
    lab = open_lab(scenario(Client(kind="exclusive", program="firefox", reader=1), readers=readers))
    watch = Watching(lab, "--until-conflict", "--json", "--for", "6")
    watch.event("take", program="firefox")
    assert lab.run(["gpg", "--card-status"]).returncode != 0
    takes_any = lab.gnupg_version >= (2, 3)
    assert watch.wait() == takes_any
    assert bool([event for event in watch.events if event["event"] == "refused"]) == takes_any


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have other users in the lab")
def test_with_sudo_pcscd_is_asked_as_the_caller(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle(), user=1001))
    before = uids_connected(lab)
    watch = Watching(lab, "--json", user=0, env={"SUDO_UID": "1001", "HOME": "/root"})
    watch.event("card", reader=lab.readers[0])
    assert sorted(uids_connected(lab)) == sorted([*before, 1001])
    firefox = lab.start_client(Client(kind="shared", program="firefox"))
    took = watch.event("take", program="firefox")
    assert [who["pid"] for who in took["by"]] == [firefox.pid], "root sees the names of all programs"
    assert watch.interrupt() == 0
    assert watch.complaints == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have other users in the lab")
def test_where_the_caller_is_refused_root_watches_as_root_and_says_so(open_lab: OpenLab) -> None:
    """As polkit refuses her, here the socket's mode does."""
    lab = open_lab(scenario(idle(user=0), user=1001))
    assert lab.run(["chmod", "600", "/run/pcscd/pcscd.comm"], user=0).returncode == 0
    watch = Watching(lab, "--json", user=0, env={"SUDO_UID": "1001", "HOME": "/root"})
    watch.event("card", reader=lab.readers[0])
    firefox = lab.start_client(Client(kind="shared", program="firefox", user=0))
    assert [who["pid"] for who in watch.event("take", program="firefox")["by"]] == [firefox.pid]
    assert watch.interrupt() == 0
    (said,) = watch.complaints.splitlines()
    assert said.startswith("gpgdoctor: pcscd lets root in, but not alice (")
    assert said.endswith("whose gpg gets no card: this watches as root")
    hers = Watching(lab, "--for", "1")
    assert hers.wait() == 3
    assert "Permission denied" in hers.complaints


# -- how it ends, what it prints --------------------------------------------------------------------------------------
