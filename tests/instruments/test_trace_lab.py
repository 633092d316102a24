"""`gpgdoctor trace` on real daemons: the calls of a scdaemon of its own, and what they mean."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.catalogue.common import CARD_STATUS, ON_PCSC, SHARED_OPTIONS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Scenario
from gpgdoctor.system.record import Record
from tests.support.labs import OpenLab

pytestmark = pytest.mark.lab

CALL = re.compile(r"^ *\d+\.\d{4} (?P<program>\S+) \(\d+\) #\d+ (?P<name>SCard\w+)(?P<rest>.*)$")


class Line(Record):
    program: str
    name: str
    rest: str


def calls(text: str) -> list[Line]:
    found = (CALL.match(line) for line in text.splitlines())
    return [Line(program=it["program"], name=it["name"], rest=it["rest"]) for it in found if it]


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def last(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.rstrip().splitlines()[-1]


def scenario(*files: File, **parts: object) -> Scenario:
    return Scenario(name="test", about="made for a test", files=files or (ON_PCSC,), **parts)  # type: ignore[arg-type]


# -- the two listings of "GnuPG and PC/SC conflicts, episode 3" -------------------------------------------------


def assert_refused(lab: Lab, done: subprocess.CompletedProcess[str]) -> None:
    found = [call for call in calls(done.stdout) if "SCARD_E_NO_SMARTCARD" not in call.rest]  # 2.3: every reader
    assert [call.name for call in found] == [
        "SCardEstablishContext",
        "SCardListReaders",
        "SCardListReaders",
        "SCardConnect",
        "SCardReleaseContext",
    ]
    establish, size, names, connect, release = found
    assert {call.program for call in found} == {"scdaemon"}
    assert "dwScope SCARD_SCOPE_SYSTEM" in establish.rest
    assert f'"{lab.readers[0]}" (1 connected)' in names.rest
    assert f'szReader "{lab.readers[0]}"' in connect.rest
    assert "dwShareMode SCARD_SHARE_EXCLUSIVE" in connect.rest
    assert "dwPreferredProtocols SCARD_PROTOCOL_T0|SCARD_PROTOCOL_T1" in connect.rest
    assert "-> SCARD_E_SHARING_VIOLATION (0x8010000B)" in connect.rest
    assert all("-> SCARD_S_SUCCESS (0x00000000)" in call.rest for call in (establish, size, names, release))


def assert_shared(done: subprocess.CompletedProcess[str]) -> None:
    found = calls(done.stdout)
    assert [call.name for call in found][:5] == [
        "SCardEstablishContext",
        "SCardListReaders",
        "SCardListReaders",
        "SCardConnect",
        "SCardControl",
    ]
    connect, control = found[3:5]
    assert "dwShareMode SCARD_SHARE_SHARED" in connect.rest
    assert "dwActiveProtocol SCARD_PROTOCOL_T1" in connect.rest
    assert "-> SCARD_S_SUCCESS (0x00000000)" in connect.rest
    assert "CM_IOCTL_GET_FEATURE_REQUEST (0x42000D48)" in control.rest
    assert any("SELECT D27600012401 (OpenPGP), SW 9000" in call.rest for call in found)


def test_the_listing_of_a_scdaemon_that_is_refused(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(clients=(Client(kind="shared"),)))
    done = lab.gpgdoctor("trace")
    assert done.returncode == 1, done.stderr
    assert_refused(lab, done)
    assert "WHAT IT MEANS\nERROR GD202 shared-holder-blocks-scdaemon" in done.stdout or "WARNING GD202" in done.stdout
    assert f"firefox (pid {lab.client().pid})" in done.stdout
    assert last(done) == "scdaemon did not get the card. Found: GD202. Next: gpgdoctor fix GD202"
    assert "reads it" in done.stderr, "it says first that it reads the card"


def test_the_listing_of_a_scdaemon_that_shares(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(SHARED_OPTIONS, clients=(Client(kind="shared"),)))
    done = lab.gpgdoctor("trace")
    assert done.returncode == 0, done.stderr
    assert_shared(done)
    assert last(done) == "scdaemon got the card."
    assert lab.client().ask("status")["code"] == "0x00000000"


def test_both_listings_on_newer_debians(open_lab: OpenLab, newer_root: Path) -> None:
    """With a scdaemon of 2.4, and a pcscd of protocol 4:5 or 4:6."""
    lab = open_lab(scenario(clients=(Client(kind="shared"),)), root=newer_root)
    refused = lab.gpgdoctor("trace")
    assert refused.returncode == 1, refused.stderr
    assert_refused(lab, refused)
    assert f"(protocol {protocol(lab)})" in refused.stdout
    lab.write(".gnupg/scdaemon.conf", "disable-ccid\npcsc-shared\n")
    shared = lab.gpgdoctor("trace")
    assert shared.returncode == 0, shared.stderr
    assert_shared(shared)


def protocol(lab: Lab) -> str:
    said = re.search(r"version (\d+)\.(\d+)", lab.run(["pcscd", "--version"]).stdout)
    assert said is not None
    return "4:6" if (int(said[1]), int(said[2])) >= (2, 5) else "4:5"


def test_a_trace_that_wakes_pcscd_says_so_first(open_lab: OpenLab) -> None:
    """Nobody starts it in this lab, so that scdaemon gets no card."""
    done = open_lab(BY_NAME["pcscd-asleep"]).gpgdoctor("trace")
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("pcscd sleeps: the first call wakes it")


# -- what it means ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "id"),
    [
        ("shared-holder", 1, "GD202"),
        ("shared-holder-other-network", 1, "GD202"),
        ("exclusive-holder", 1, "GD203"),
        ("two-homes", 1, "GD206"),
        ("full-pcscd", 1, "GD311"),
        ("healthy", 0, None),
        ("idle-client", 0, None),
    ],
)
def test_a_trace_proves_what_check_would_find(name: str, code: int, id: str | None, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME[name])
    done = lab.gpgdoctor("trace", "--json")
    assert done.returncode == code, done.stderr
    summary = objects(done.stdout)[-1]
    assert summary["event"] == "summary"
    assert [finding["id"] for finding in summary["findings"]] == ([id] if id else [])
    assert summary["scdaemon"] == ("card" if code == 0 else "refused")


def test_a_transaction_is_waited_for_and_named(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["transaction-held"])
    done = lab.gpgdoctor("trace")
    assert done.returncode == 1
    waits = [line for line in done.stdout.splitlines() if " ... SCardConnect" in line]
    assert len(waits) == 1
    assert "not answered after 0.5 s: another program is in a transaction, or an operation is running" in waits[0]
    assert "ERROR GD204 transaction-held" in done.stdout
    assert lab.client().ask("end")["code"] == "0x00000000"
    lab.client().stop()
    lab.wait_until(lambda: not _leavers(lab), "the process that waits for the card did not end")
    assert "reset" not in [entry.split(" ", 1)[1] for entry in lab.card_log()], "the card is left as it is"


def _leavers(lab: Lab) -> list[str]:
    found = lab.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).stdout
    return re.findall(r"gpgdoctor\.instruments\.trace\.leaving", found)


def test_my_own_scdaemon_in_the_way_is_our_own_doing(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["scdaemon-exclusive"])
    done = lab.gpgdoctor("trace")
    assert done.returncode == 1
    assert "GD202" not in done.stdout + done.stderr
    assert "GD206 by our own doing" in " ".join(done.stderr.split())
    assert "gpgdoctor trace --gpg" in " ".join(done.stderr.split())
    assert "Next: gpgdoctor trace --gpg" in last(done)
    assert lab.run(["gpg", "--card-status"]).returncode == 0


def test_a_card_that_my_own_scdaemon_shares_is_not_selected_anew(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["shared-options-in-force"])
    before = lab.card_log()
    done = lab.gpgdoctor("trace")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "gpgdoctor trace --gpg" in done.stderr
    assert lab.card_log() == before


def test_a_scdaemon_with_its_own_driver_makes_no_call(open_lab: OpenLab, trixie_root: object) -> None:
    lab = open_lab(BY_NAME["ccid-driver-against-pcscd"], root=trixie_root)
    done = lab.gpgdoctor("trace")
    assert done.returncode == 3
    assert "its own CCID driver" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["trace"], ["trace", "--gpg", "--yes"], ["trace", "--", "true"]])
def test_without_a_pcscd_there_is_nothing_to_trace(arguments: list[str], open_lab: OpenLab) -> None:
    lab = open_lab(scenario(SHARED_OPTIONS, pcscd="never-started"))
    done = lab.gpgdoctor(*arguments)
    assert done.returncode == 3
    assert done.stderr.startswith("gpgdoctor: nothing is traced: pcscd does not run")


# -- any program --------------------------------------------------------------------------------------------------

CONNECTS = """
import sys
from smartcard import scard
code, context = scard.SCardEstablishContext(0)
code, readers = scard.SCardListReaders(context, [])
code, card, protocol = scard.SCardConnect(context, readers[0], int(sys.argv[1]), 3)
print("connect", hex(code & 0xffffffff))
sys.exit(int(sys.argv[2]))
"""

WAITS = """
from smartcard import scard
code, context = scard.SCardEstablishContext(0)
code, readers = scard.SCardListReaders(context, [])
code, states = scard.SCardGetStatusChange(context, 0, [(reader, 0) for reader in readers])
scard.SCardGetStatusChange(context, 60000, [(state[0], state[1]) for state in states])
"""


def test_a_program_ends_with_its_own_code_and_the_trace_has_stdout(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    done = lab.gpgdoctor("trace", "--json", "--", lab.python, "-c", CONNECTS, "2", "7")
    assert done.returncode == 7
    assert "connect 0x0" in done.stderr
    connect = next(it for it in objects(done.stdout) if it.get("call") == "SCardConnect")
    assert connect["arguments"]["dwShareMode"] == "SCARD_SHARE_SHARED"
    assert (connect["code"], connect["result"]) == ("0x00000000", "SCARD_S_SUCCESS")


POLLS = """
from smartcard import scard
code, context = scard.SCardEstablishContext(0)
code, readers = scard.SCardListReaders(context, [])
for _ in range(10):
    scard.SCardGetStatusChange(context, 0, [(reader, 0) for reader in readers])
"""


def test_what_is_repeated_is_left_out_unless_all_is_wanted(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    folded = lab.gpgdoctor("trace", "--", lab.python, "-c", POLLS).stdout
    everything = lab.gpgdoctor("trace", "--all", "--", lab.python, "-c", POLLS).stdout
    assert [call.name for call in calls(folded)].count("SCardGetStatusChange") == 1
    assert "... SCardGetStatusChange 9 times more with the same outcome" in folded
    assert [call.name for call in calls(everything)].count("SCardGetStatusChange") == 10


def test_with_a_file_the_program_keeps_stdout(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    done = lab.gpgdoctor("trace", "-o", "trace.txt", "--", lab.python, "-c", CONNECTS, "1", "0")
    assert (done.returncode, done.stdout) == (0, "connect 0x0\n")
    assert "SCARD_SHARE_EXCLUSIVE" in lab.read("trace.txt")
    assert lab.run(["stat", "-c", "%a", f"{lab.home}/trace.txt"]).stdout.strip() == "600"


def test_a_program_that_scdaemon_keeps_out(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["scdaemon-exclusive"])
    done = lab.gpgdoctor("trace", "--", lab.python, "-c", CONNECTS, "2", "0")
    assert "SCARD_E_SHARING_VIOLATION (0x8010000B)" in done.stdout
    assert "GD201 scdaemon-excludes-others" in done.stdout
    assert "Next: gpgdoctor fix GD201" in last(done)


def test_where_no_call_came_it_says_why_that_may_be(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(steps=(CARD_STATUS,)))
    through_the_agent = lab.gpgdoctor("trace", "--", "gpg", "--card-status")
    assert through_the_agent.returncode == 0
    assert "a gpg-agent runs already" in through_the_agent.stdout
    assert last(through_the_agent) == "No PC/SC call came from gpg. Next: gpgdoctor trace --gpg -- gpg ..."
    assert "flatpak" in lab.gpgdoctor("trace", "--", "true").stdout


def test_an_agent_that_the_program_started_is_not_left_with_a_dead_socket(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    done = lab.gpgdoctor("trace", "--", "gpg", "--card-status")
    assert done.returncode == 0, done.stderr
    assert "SELECT D27600012401 (OpenPGP)" in done.stdout
    assert lab.pid_of("gpg-agent") is None
    assert lab.run(["gpg", "--card-status"]).returncode == 0


def test_a_program_that_is_not_there(open_lab: OpenLab) -> None:
    done = open_lab(scenario()).gpgdoctor("trace", "--", "/nonexistent", "--pin", "123456")
    assert done.returncode == 3
    assert "/nonexistent cannot be started" in done.stderr
    assert "123456" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_killed(number: int, open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace", "--", "sleep", "100"])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "the program did not start")
    pid = lab.pid_of("sleep")
    assert pid is not None
    lab.signal(pid, number)
    assert tracing.wait() == 128 + number
    assert not [path for path in lab.snapshot_files() if "gpgdoctor-" in path]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_trace_that_is_interrupted_ends_its_program(number: int, open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace", "--", "sleep", "100"])
    lab.wait_until(lambda: lab.pid_of("sleep") is not None, "the program did not start")
    lab.signal(tracing.pid, number)
    assert tracing.wait() == 128 + number
    assert lab.pid_of("sleep") is None
    assert not [path for path in lab.snapshot_files() if "gpgdoctor-" in path]


def test_an_interrupted_trace_of_a_scdaemon_ends_it(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["transaction-held"])
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace"])
    lab.wait_until(lambda: lab.pid_of("scdaemon") is not None, "scdaemon did not start")
    lab.signal(tracing.pid, signal.SIGINT)
    assert tracing.wait() == 130
    lab.wait_until(lambda: lab.pid_of("scdaemon") is None, "scdaemon did not end")
    assert not [path for path in lab.snapshot_files() if "gpgdoctor-" in path]


def test_pcscd_dies_under_a_program(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    tracing = lab.popen([lab.python, "-m", "gpgdoctor", "trace", "--json", "--", lab.python, "-c", WAITS])
    lines = [json.loads(tracing.stdout.readline())]
    while lines[-1]["event"] != "waiting":
        lines.append(json.loads(tracing.stdout.readline()))
    lab.signal_pcscd(signal.SIGKILL)
    lines += [json.loads(line) for line in tracing.stdout]
    assert tracing.wait() == 0
    assert any(line["event"] == "ended" and line["by_pcscd"] for line in lines)


def test_a_trace_that_cannot_be_written_says_so(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    full = lab.run(["sh", "-c", "gpgdoctor trace >/dev/full"])
    assert full.returncode == 3
    assert "gpgdoctor: the trace could not be written whole: No space left on device" in full.stderr
    program = lab.gpgdoctor("trace", "-o", "/dev/full", "--", "sh", "-c", "exit 7")
    assert program.returncode == 7
    assert "No space left on device" in program.stderr


@pytest.mark.parametrize("path", ["/nonexistent/trace", ".", "fifo"])
def test_a_file_that_cannot_be_opened_is_wrong_usage(path: str, open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    lab.run(["mkfifo", f"{lab.home}/fifo"])
    done = lab.gpgdoctor("trace", "-o", path, "--", "sh", "-c", "touch started")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"{lab.home}/started" not in lab.snapshot_files()


def test_a_reader_of_half_the_output_ends_nothing(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    done = lab.run(["sh", "-c", "{ gpgdoctor trace; echo $? >code; } | head -1"])
    assert "SCardEstablishContext" in done.stdout
    assert done.stderr.count("\n") == 1
    assert lab.read("code") == "0\n"


def test_a_refusal_of_polkit_is_named(open_lab: OpenLab, trixie_root: object) -> None:
    lab = open_lab(scenario(SHARED_OPTIONS, polkit=True), root=trixie_root)
    done = lab.gpgdoctor("trace")
    assert done.returncode == 1
    assert "pcscd ended the connection; SCardEstablishContext had no answer" in done.stdout
    assert "GD401 pcscd-refuses-me" in done.stdout


def test_a_stopped_pcscd_is_named(open_lab: OpenLab) -> None:
    done = open_lab(BY_NAME["pcscd-stopped"]).gpgdoctor("trace")
    assert done.returncode == 1
    assert "SCardEstablishContext not answered after 0.5 s: pcscd itself does not answer" in done.stdout
    assert "GD303 pcscd-not-answering" in done.stdout


def test_a_scdaemon_that_does_not_start_is_heard(open_lab: OpenLab, trixie_root: object) -> None:
    conf = File(path=".gnupg/scdaemon.conf", content="disable-ccid\nno-such-option\n")
    done = open_lab(scenario(conf), root=trixie_root).gpgdoctor("trace")
    assert done.returncode == 3
    assert "scdaemon made no PC/SC call. It says:" in done.stderr
    assert "invalid option" in done.stderr
