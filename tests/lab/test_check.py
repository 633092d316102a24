"""`gpgdoctor check` on real daemons: each illness by its name, each healthy machine left in peace."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME, SCENARIOS
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import GNUPG_2_3, Client, File, GpgOutcome, Listener, Scenario, Step, as_of
from tests.support.labs import assert_looks_as_recorded

pytestmark = pytest.mark.lab

HANGS_S = 2.0
HUNDREDS = 200  # as many as pcscd has connections
AT_ONCE = 5
GUARD_S = 60.0  # against waiting for ever, for what is held, stopped or silent for good
ORDINARY_USER = 1001
CARD_STATUS = Step(argv=("gpg", "--card-status"))


def check(lab: Lab, *options: str, **how: Any) -> dict[str, Any]:
    done = lab.gpgdoctor("check", "--json", *options, **how)
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == {"healthy": 0, "findings": 1, "incomplete": 3}[document["verdict"]]
    return document


def causes(document: dict[str, Any]) -> set[str]:
    """The findings at warning or above that are not the consequence of another one."""
    return {
        finding["id"]
        for finding in document["findings"]
        if finding["severity"] != "info" and not finding["consequence_of"]
    }


def finding(document: dict[str, Any], id: str) -> dict[str, Any]:
    (found,) = (finding for finding in document["findings"] if finding["id"] == id)
    return dict(found)


def edited_lines(found: dict[str, Any]) -> list[str]:
    diffs = "".join(step["diff"] for step in found["fix"]["steps"] if step["kind"] == "edit")
    return [line[1:] for line in diffs.splitlines() if line[:1] == "+" and not line.startswith("+++")]


def outcome(lab: Lab) -> GpgOutcome:
    try:
        status = lab.run(CARD_STATUS.argv, timeout=HANGS_S)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "works" if status.returncode == 0 else "fails"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.name)
def test_a_scenario_gives_its_findings_and_no_other_and_is_as_recorded(
    scenario: Scenario, open_lab: Callable[..., Lab]
) -> None:
    lab = open_lab(scenario)
    wanted = as_of(scenario, lab.gnupg_version)
    document = check(lab)
    assert causes(document) == set(wanted.expect)
    assert {found["id"] for found in document["findings"]} >= set(wanted.info)
    if scenario.gpg:
        assert outcome(lab) == wanted.gpg
    assert_looks_as_recorded(scenario.name, lab, document)


@pytest.mark.parametrize("name", ["healthy", "idle-client", "shared-options-in-force"])
def test_a_healthy_machine_is_called_healthy(name: str, open_lab: Callable[..., Lab]) -> None:
    document = check(open_lab(BY_NAME[name]))
    assert (document["verdict"], document["complete"]) == ("healthy", True)


@pytest.mark.parametrize("name", ["scdaemon-exclusive", "scdaemon-exclusive-idle-client"])
@pytest.mark.parametrize("user", [0, ORDINARY_USER])
def test_scdaemon_itself_is_named(name: str, user: int, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME[name], user=user)
    found = finding(check(lab), "GD201")
    (culprit,) = found["culprits"]
    assert (culprit["pid"], culprit["program"]) == (lab.pid_of("scdaemon"), "scdaemon")
    assert culprit["certainty"] == "certain"


def test_nobody_else_makes_no_error_of_an_exclusive_scdaemon(open_lab: Callable[..., Lab]) -> None:
    assert finding(check(open_lab(BY_NAME["scdaemon-exclusive"])), "GD201")["severity"] == "info"


def test_the_program_that_shares_the_reader_is_named(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    found = finding(check(lab), "GD202")
    (culprit,) = found["culprits"]
    assert (culprit["pid"], culprit["certainty"]) == (lab.client().pid, "certain")
    missing = ["pcsc-shared"] if lab.gnupg_version >= GNUPG_2_3 else ["disable-ccid", "pcsc-shared"]
    assert edited_lines(found) == missing


def test_a_program_in_another_network_is_said_to_be_invisible(open_lab: Callable[..., Lab]) -> None:
    document = check(open_lab(BY_NAME["shared-holder-other-network"]))
    assert finding(document, "GD202")["culprits"] == []
    assert finding(document, "GD207")["consequence_of"] == "GD202"


def test_an_exclusive_holder_is_named_and_sharing_not_offered(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["exclusive-holder"])
    found = finding(check(lab), "GD203")
    assert [culprit["pid"] for culprit in found["culprits"]] == [lab.client().pid]
    assert edited_lines(found) == []
    assert not any(step["kind"] == "restart" for step in found["fix"]["steps"])


def test_a_held_transaction_is_found(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["transaction-held"])
    with pytest.raises(subprocess.TimeoutExpired):
        lab.run(["gpg", "--card-status"], timeout=1.0)
    document = check(lab, timeout=GUARD_S)
    assert causes(document) == {"GD204"}


@pytest.mark.parametrize("timeout", ["0.8", "1.5"])
@pytest.mark.parametrize("name", ["transaction-held", "pcscd-stopped"])
def test_a_shorter_deadline_is_kept(name: str, timeout: str, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME[name])
    document = check(lab, "--timeout", timeout, timeout=GUARD_S)
    assert document["verdict"] != "healthy"
    unknown = [it["reason"] for it in document["checks"] if it["status"] == "unknown"]
    assert causes(document) or unknown, "what there was no time for is said to be unknown"


@pytest.mark.parametrize("name", ["shared-holder", "exclusive-holder", "transaction-held", "scdaemon-exclusive"])
def test_an_ordinary_user_gets_the_same_findings(name: str, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME[name], user=ORDINARY_USER)
    assert causes(check(lab)) == set(as_of(BY_NAME[name], lab.gnupg_version).expect)


def test_her_own_program_is_named_to_an_ordinary_user(open_lab: Callable[..., Lab]) -> None:
    clients = (Client(kind="shared", user=ORDINARY_USER),)
    scenario = Scenario(name="hers", about="", files=(ON_PCSC,), clients=clients)
    lab = open_lab(scenario, user=ORDINARY_USER)
    (culprit,) = finding(check(lab), "GD202")["culprits"]
    assert culprit["pid"] == lab.client().pid


def test_what_would_name_another_users_program_is_said(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["exclusive-holder"], user=ORDINARY_USER)
    assert "As root (sudo " in lab.gpgdoctor("check").stdout


@pytest.mark.parametrize("name", ["healthy", "shared-holder", "scdaemon-exclusive", "exclusive-holder"])
def test_twenty_checks_leave_everything_as_it_was(name: str, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME[name])
    check(lab)  # gpgconf makes its socket directory once
    before = lab.card_log(), lab.snapshot_files(), sorted(process["pid"] for process in lab.processes())
    for _ in range(20):
        check(lab)
    after = lab.card_log(), lab.snapshot_files(), sorted(process["pid"] for process in lab.processes())
    assert after == before
    for client in lab.scenario.clients:
        assert lab.client(client.program).ask("status")["code"] == "0x00000000"


def test_no_socket_of_an_activator_is_connected(open_lab: Callable[..., Lab]) -> None:
    scenario = Scenario(
        name="activators",
        about="Stand-ins listen where the daemons would.",
        pcscd="never-started",
        listeners=(
            Listener(path="/run/pcscd/pcscd.comm", program="systemd"),
            Listener(path="{sockets}/S.gpg-agent", program="systemd"),
        ),
    )
    lab = open_lab(scenario)
    document = check(lab)
    assert finding(document, "GD309")["severity"] == "info"
    assert [lab.connects(listener.path) for listener in scenario.listeners] == [0, 0]


def test_hundreds_of_checks_in_one_transaction_leave_pcscd_usable(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["transaction-held"])
    documents = [check(lab)]
    with ThreadPoolExecutor(AT_ONCE) as side_by_side:  # each waits for its deadline, most of the time
        documents += side_by_side.map(lambda _: check(lab), range(HUNDREDS))
    assert all(causes(document) == {"GD204"} for document in documents)
    waiting = documents[-1]["facts"]["pcscd"]["waiting"]
    assert waiting == 1
    assert lab.reader_states()


@pytest.mark.parametrize("stopped", [True, False])
def test_a_stopped_pcscd_is_found_again_once_it_goes_on(stopped: bool, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["pcscd-stopped"])
    if stopped:
        assert causes(check(lab)) == {"GD303"}
    else:
        lab.signal_pcscd(signal.SIGCONT)
        assert check(lab)["verdict"] == "healthy"


def test_a_fifo_in_the_place_of_the_file_costs_nothing(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["healthy"])
    path = f"{lab.gnupghome}/scdaemon.conf"
    assert lab.run(["sh", "-c", f"rm -f {path} && mkfifo {path}"]).returncode == 0
    document = check(lab, timeout=GUARD_S)
    assert finding(document, "GD107")["subject"] == path


def test_the_fix_is_a_smaller_one_where_an_option_is_there_already(open_lab: Callable[..., Lab]) -> None:
    scenario = Scenario(
        name="half",
        about="",
        files=(File(path=".gnupg/scdaemon.conf", content="disable-ccid\n"),),
        clients=(Client(kind="shared"),),
    )
    assert edited_lines(finding(check(open_lab(scenario)), "GD202")) == ["pcsc-shared"]
