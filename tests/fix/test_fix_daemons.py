"""The right daemon is restarted, or none; what ran before runs after, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Scenario, Step
from tests.support import SUPPORT
from tests.support.fixing import (
    CARD_STATUS,
    SCDAEMON_CONF,
    entries,
    fix,
    gpg_works,
    ills,
    make_stubborn,
    read,
    running,
    shared_holder,
    shared_holder_on_pcsc,
    succeeds,
    undo,
)

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

LAUNCH = Step(argv=("gpgconf", "--launch", "gpg-agent"))
OTHER_HOME = ".gnupg-other"
SOCKET_UNIT = SUPPORT / "socket_unit.py"


def test_where_nothing_runs_nothing_is_started(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder_on_pcsc(steps=()))

    done = succeeds(fix(lab, "--yes", "GD202"))

    assert "gpgconf --kill" not in done.stdout
    assert running(lab, "gpg-agent") == running(lab, "scdaemon") == []
    assert gpg_works(lab)


def test_undo_restarts_what_was_started_since(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(steps=()))
    succeeds(fix(lab, "--yes"))
    assert gpg_works(lab)
    scdaemons = running(lab, "scdaemon")

    succeeds(undo(lab))

    assert not set(scdaemons) & set(running(lab, "scdaemon"))
    assert len(running(lab, "gpg-agent")) == 1
    assert not gpg_works(lab)


def test_an_agent_without_scdaemon_is_left_alone(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(steps=(LAUNCH,)))
    agents = running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes"))

    assert "passphrases" not in done.stdout
    assert running(lab, "gpg-agent") == agents
    assert running(lab, "scdaemon") == []
    assert gpg_works(lab)


def test_an_agent_that_ran_runs_again(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    (before,) = running(lab, "gpg-agent")
    succeeds(fix(lab, "--yes"))
    (after,) = running(lab, "gpg-agent")
    assert after != before
    succeeds(undo(lab))
    (last,) = running(lab, "gpg-agent")
    assert last != after


def test_keep_agent_restarts_scdaemon_alone(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    agents, scdaemons = running(lab, "gpg-agent"), running(lab, "scdaemon")

    done = succeeds(fix(lab, "--yes", "--keep-agent"))

    assert "Then: gpgconf --kill scdaemon" in done.stdout
    assert "passphrases" not in done.stdout
    assert running(lab, "gpg-agent") == agents
    assert running(lab, "scdaemon") != scdaemons
    assert gpg_works(lab)

    succeeds(undo(lab))
    assert running(lab, "gpg-agent") == agents
    assert "No such device" in lab.run(CARD_STATUS).stderr


def test_the_agent_of_another_home_is_not_touched(open_lab: OpenLab) -> None:
    other = f"/home/alice/{OTHER_HOME}"
    steps = (Step(argv=tuple(CARD_STATUS), code=2), Step(argv=("gpg", "--homedir", other, "--card-status"), code=2))
    lab = open_lab(shared_holder(homes=(".gnupg", OTHER_HOME), steps=steps))
    agents, scdaemons = running(lab, "gpg-agent"), running(lab, "scdaemon")
    assert (len(agents), len(scdaemons)) == (2, 2)

    succeeds(fix(lab, "--yes", "--homedir", other))

    assert read(lab, f"{OTHER_HOME}/scdaemon.conf") == b"disable-ccid\npcsc-shared\n"
    assert read(lab) is None
    assert agents[0] in running(lab, "gpg-agent") and agents[1] not in running(lab, "gpg-agent")
    assert scdaemons[0] in running(lab, "scdaemon") and scdaemons[1] not in running(lab, "scdaemon")
    assert lab.run(["gpg", "--homedir", other, "--card-status"]).returncode == 0

    succeeds(undo(lab))
    assert read(lab, f"{OTHER_HOME}/scdaemon.conf") is None
    assert agents[0] in running(lab, "gpg-agent")


def test_an_agent_under_a_socket_unit_is_started_by_it(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(steps=()))
    socket = f"/run/user/{lab.user}/gnupg/S.gpg-agent"
    unit = lab.popen([lab.python, str(SOCKET_UNIT), socket])
    assert unit.stdout.readline() == "listening\n"
    assert lab.run(CARD_STATUS).returncode == 2
    (before,) = running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes"))

    assert "Then: gpgconf --kill gpg-agent" in done.stdout
    (after,) = running(lab, "gpg-agent")
    assert after != before
    assert "--supervised" in lab.run(["cat", f"/proc/{after}/cmdline"]).stdout
    assert gpg_works(lab)
    assert ills(lab) == []


def test_a_socket_unit_that_sleeps_is_not_woken(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(steps=()))
    unit = lab.popen([lab.python, str(SOCKET_UNIT), f"/run/user/{lab.user}/gnupg/S.gpg-agent"])
    assert unit.stdout.readline() == "listening\n"

    succeeds(fix(lab, "--yes"))

    assert running(lab, "gpg-agent") == []
    assert read(lab) is not None


def test_an_agent_with_options_of_its_own_keeps_them(open_lab: OpenLab) -> None:
    start = Step(argv=("gpg-agent", "--daemon", "--default-cache-ttl", "77"))
    lab = open_lab(shared_holder(steps=(start, Step(argv=tuple(CARD_STATUS), code=2))))
    agents = running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes"))

    assert "Then: gpgconf --kill scdaemon" in done.stdout
    assert "--default-cache-ttl" in done.stdout
    assert running(lab, "gpg-agent") == agents
    assert gpg_works(lab)


def test_an_option_that_the_file_has_as_well_is_not_lost(open_lab: OpenLab) -> None:
    start = Step(argv=("gpg-agent", "--daemon", "--default-cache-ttl", "77"))
    files = (File(path=".gnupg/gpg-agent.conf", content="default-cache-ttl 77\n"),)
    lab = open_lab(shared_holder(files=files, steps=(start, Step(argv=tuple(CARD_STATUS), code=2))))
    assert "Then: gpgconf --kill gpg-agent" in succeeds(fix(lab, "--yes")).stdout


def test_a_scdaemon_without_an_agent_ends(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder(steps=()))
    lab.run(["gpgconf", "--create-socketdir"])
    alone = lab.popen(["/usr/lib/gnupg/scdaemon", "--multi-server"])
    lab.wait_until(lambda: "S.scdaemon" in lab.run(["ls", f"/run/user/{lab.user}/gnupg"]).stdout, "no socket")

    done = succeeds(fix(lab, "--yes"))

    assert "KILLSCD" in done.stdout
    assert alone.wait(5) == 0
    assert running(lab, "gpg-agent") == running(lab, "scdaemon") == []
    assert gpg_works(lab)


def test_an_open_pinentry_is_not_closed(open_lab: OpenLab) -> None:
    slow = "#!/bin/sh\necho OK ready\nwhile read line; do case $line in GETPIN*) sleep 100;; esac; echo OK; done\n"
    files = (
        File(path="slow/pinentry-slow", content=slow, mode=0o755),
        File(path=".gnupg/gpg-agent.conf", content="pinentry-program /home/alice/slow/pinentry-slow\n"),
    )
    lab = open_lab(shared_holder(files=files))
    lab.popen(["gpg-connect-agent", "GET_PASSPHRASE test X Prompt X", "/bye"])
    lab.wait_until(lambda: bool(running(lab, "pinentry-slow")), "no pinentry was started")
    agents = running(lab, "gpg-agent")

    started = time.monotonic()
    done = succeeds(fix(lab, "--yes"), 1)

    assert time.monotonic() - started > 15
    assert "pinentry" in done.stdout
    assert read(lab) is None
    assert entries(lab) == []
    assert running(lab, "gpg-agent") == agents and running(lab, "pinentry-slow")


def test_ssh_is_told_what_it_needs(open_lab: OpenLab) -> None:
    files = (File(path=".gnupg/gpg-agent.conf", content="enable-ssh-support\n"),)
    lab = open_lab(shared_holder(files=files))
    assert "gpg-connect-agent updatestartuptty /bye" in succeeds(fix(lab, "--yes")).stdout


def test_what_does_not_help_is_put_back(open_lab: OpenLab) -> None:
    """The trial succeeds, but gpg-agent's own scdaemon then does not start."""
    lab = open_lab(shared_holder(files=(File(path=SCDAEMON_CONF, content="# mine\n", mode=0o640),)))
    make_stubborn(lab)

    done = succeeds(fix(lab, "--yes"), 4)

    assert "Everything was put back." in done.stderr
    assert "Waiting for scdaemon" in done.stderr
    assert read(lab) == b"# mine\n"
    assert [entry["state"] for entry in entries(lab)] == ["put-back"]
    assert len(running(lab, "gpg-agent")) == 1
    assert "No such device" in lab.run(CARD_STATUS).stderr
    succeeds(undo(lab), 1)


def test_another_users_daemons_are_not_touched(open_lab: OpenLab) -> None:
    start = "mkdir -m 700 /tmp/other && gpg --homedir /tmp/other --card-status"
    steps = (Step(argv=("sh", "-c", start), code=2, user=1002), Step(argv=tuple(CARD_STATUS), code=2))
    scenario = Scenario(name="two-users-shared", about="", clients=(Client(kind="shared"),), steps=steps)
    lab = open_lab(scenario)
    others = {
        pid for pid in running(lab, "gpg-agent") if lab.run(["stat", "-c", "%u", f"/proc/{pid}"]).stdout == "1002\n"
    }
    assert len(others) == 1
    succeeds(fix(lab, "--yes"))
    assert others < set(running(lab, "gpg-agent"))


# -- one home with two names ------------------------------------------------------------------------------------------

ANOTHER_NAME = "rm -rf /run/user; mv ~/.gnupg ~/real; ln -s real ~/.gnupg; GNUPGHOME=$HOME/real gpg --card-status"


def test_the_agent_is_restarted_by_whatever_name_of_its_home_it_was_started(open_lab: OpenLab) -> None:
    """Where the sockets are in the home itself, all its names lead to the same daemons."""
    lab = open_lab(shared_holder_on_pcsc(steps=()))
    assert lab.run(["sh", "-c", ANOTHER_NAME]).returncode == 2
    agents = running(lab, "gpg-agent")
    succeeds(fix(lab, "--yes"))
    assert gpg_works(lab)
    assert len(running(lab, "gpg-agent")) == 1 and running(lab, "gpg-agent") != agents


@pytest.mark.parametrize("how", [ANOTHER_NAME, "rm -rf /run/user; HOME=$HOME/ gpg --card-status"])
def test_a_scdaemon_with_another_name_of_its_home_is_no_second_one(how: str, open_lab: OpenLab) -> None:
    lab = open_lab(Scenario(name="another-name", about="", files=(ON_PCSC,)))
    assert lab.run(["sh", "-c", how]).returncode == 0
    assert ills(lab) == []
    assert gpg_works(lab)


def test_of_two_homes_the_one_that_is_named_gets_a_new_agent(open_lab: OpenLab) -> None:
    """--homedir wins over GNUPGHOME, for the daemons too."""
    lab = open_lab(shared_holder_on_pcsc())
    lab.run(["sh", "-c", "mkdir -m 700 /tmp/other; gpg --homedir /tmp/other --card-status"])
    mine, other = running(lab, "gpg-agent")
    succeeds(fix(lab, "--yes", "--homedir", f"{lab.home}/.gnupg", env={"GNUPGHOME": "/tmp/other"}))
    assert gpg_works(lab)
    assert other in running(lab, "gpg-agent") and mine not in running(lab, "gpg-agent")


def test_an_old_agent_of_another_home_is_left_alone(open_lab: OpenLab) -> None:
    start = (
        "cp /usr/bin/gpg-agent /tmp/gpg-agent; mkdir -m 700 /tmp/other; "
        "/tmp/gpg-agent --homedir /tmp/other --daemon; cat /usr/bin/gpg /tmp/gpg-agent >/tmp/new; "
        "mv /tmp/new /tmp/gpg-agent"
    )
    lab = open_lab(Scenario(name="old-agent-elsewhere", about="", files=(ON_PCSC,)))
    lab.run(["sh", "-c", start])
    agents = running(lab, "gpg-agent")
    assert len(agents) == 1
    assert ills(lab) == []
    assert "Nothing to do" in succeeds(fix(lab, "--yes")).stdout
    assert running(lab, "gpg-agent") == agents


def test_where_there_is_no_room_for_the_result_the_way_back_is_told(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder_on_pcsc(steps=()))
    done = lab.run(["sh", "-c", f"{lab.python} -m gpgdoctor fix --yes GD202 >/dev/full"])
    assert done.returncode == 1
    assert "To take it back: gpgdoctor undo 1" in done.stderr
    assert gpg_works(lab)
