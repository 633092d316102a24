"""`hook run` on real daemons: what every host is promised."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, Listener, Reader, Scenario, as_of
from tests.support.hooking import JSON_NAMES, NAMES, document_of, run_hook, target_of, without_times

pytestmark = pytest.mark.lab

USER = 1001 if os.geteuid() == 0 else 0  # an ordinary user has nobody else in her lab
PCSCD_SOCKET = "/run/pcscd/pcscd.comm"
MARKER = "-- BEGIN ATTACHMENTS --"
FORMS = ["text", "reportbug", "json", "supportconfig", "nagios"]  # a target of each form


@pytest.fixture(scope="module")
def shared_holder(open_module_lab: Callable[..., Lab]) -> Iterator[Lab]:
    yield open_module_lab(BY_NAME["shared-holder"], user=USER)


@pytest.mark.parametrize("name", NAMES)
def test_the_illness_is_in_the_answer(name: str, shared_holder: Lab) -> None:
    output = run_hook(shared_holder, name)
    assert "GD202" in output
    if target_of(name).form == "text-and-json" or name in JSON_NAMES:
        assert document_of(output)["verdict"] == "findings"


@pytest.mark.parametrize("name", ["reportbug", "json"])
def test_two_runs_say_the_same_apart_from_times(name: str, shared_holder: Lab) -> None:
    first, second = (without_times(run_hook(shared_holder, name)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", JSON_NAMES)
def test_json_is_the_document_of_check(name: str, shared_holder: Lab) -> None:
    document = document_of(run_hook(shared_holder, name))
    checked = json.loads(shared_holder.gpgdoctor("check", "--json").stdout)
    assert set(document) == {*checked, "redacted"}
    assert document["schema_version"] == checked["schema_version"]
    assert {finding["id"] for finding in document["findings"]} >= {"GD202"}


def test_a_monitoring_system_gets_one_line_and_its_codes(shared_holder: Lab) -> None:
    done = shared_holder.gpgdoctor("hook", "run", "nagios")
    assert done.stdout.startswith("GPGDOCTOR ")
    assert done.stdout.count("\n") == 1
    assert done.returncode in (1, 2)


@pytest.mark.parametrize(("caller", "named"), [("sos", False), ("a-shell", True)])
def test_what_the_calling_script_runs_beside_it_is_no_illness(
    caller: str, named: bool, open_lab: Callable[..., Lab]
) -> None:
    lab = open_lab(BY_NAME["healthy"])
    client = lab.start_client(Client(kind="idle", program="pkcs11-tool"))  # it leaves its program behind
    argv = " ".join([f"/tmp/lab/bin/{client.name}", "/tmp/lab/client.py"])
    order = json.dumps({"kind": "shared", "reader": lab.readers[0]})
    client.stop()
    beside = f"(echo '{order}'; sleep 20) | {argv} >/tmp/client &\nuntil [ -s /tmp/client ]; do sleep 0.05; done\n"
    script = f"#!/bin/sh\n{beside}{lab.python} -m gpgdoctor hook run json\nkill $!\n"
    lab.write(f"/tmp/{caller}", script, mode=0o755)
    done = lab.run([f"/tmp/{caller}"], env=lab._contents.program_environment())
    document = document_of(done.stdout)
    (process,) = (process for process in document["facts"]["processes"] if process["program"] == "pkcs11-tool")
    assert process["ours"] != named
    culprits = [culprit["program"] for finding in document["findings"] for culprit in finding["culprits"]]
    assert ("pkcs11-tool" in culprits) == named


def test_nothing_is_asked_on_a_terminal(shared_holder: Lab) -> None:
    command = f"{shared_holder.python} -m gpgdoctor hook run text"
    done = shared_holder.run(["script", "-qec", command, "/dev/null"], timeout=20)
    assert done.returncode == 0
    assert "GD202" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("scenario", ["healthy", "shared-holder", "scdaemon-exclusive"])
def test_everything_is_left_as_it_was(scenario: str, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME[scenario])
    run_hook(lab, "text")  # gpgconf makes its socket directory once
    before = lab.card_log(), lab.snapshot_files(), sorted(process["pid"] for process in lab.processes())
    run_hook(lab, "supportconfig")
    run_hook(lab, "sos", "--all-users")
    after = lab.card_log(), lab.snapshot_files(), sorted(process["pid"] for process in lab.processes())
    assert after == before
    for client in lab.scenario.clients:
        assert lab.client(client.program).ask("status")["code"] == "0x00000000"


def test_so_it_is_on_a_debian_13(trixie_root: Path, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["shared-holder"], root=trixie_root)
    run_hook(lab, "text")
    before = lab.card_log(), lab.snapshot_files(), sorted(process["pid"] for process in lab.processes())
    document = document_of(run_hook(lab, "sos", "--all-users"))
    assert document["users"] or os.geteuid() != 0
    assert {
        finding["id"]
        for finding in document_of(run_hook(lab, "json"))["findings"]
        if finding["severity"] != "info" and not finding["consequence_of"]
    } == set(as_of(lab.scenario, lab.gnupg_version).expect)
    after = lab.card_log(), lab.snapshot_files(), sorted(process["pid"] for process in lab.processes())
    assert after == before


@pytest.mark.parametrize("program", ["pcscd", "systemd"])
def test_pcscd_is_neither_started_nor_kept_awake(program: str, open_lab: Callable[..., Lab]) -> None:
    listeners = (
        Listener(path=PCSCD_SOCKET, program=program),
        Listener(path="{sockets}/S.gpg-agent", program="systemd"),
    )
    lab = open_lab(Scenario(name="idle", about="", pcscd="never-started", listeners=listeners))
    run_hook(lab, "text")
    run_hook(lab, "sos", "--all-users")
    assert [lab.connects(listener.path) for listener in listeners] == [0, 0]


@pytest.mark.parametrize("scenario", ["pcscd-stopped", "no-gnupg", "no-libpcsclite"])
def test_no_illness_keeps_the_host_waiting(scenario: str, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME[scenario])
    run_hook(lab, "sos", "--all-users")  # which ends, long before the lab loses its patience


def test_supportconfig_is_told_where_there_is_nothing_to_see(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["empty-machine"])
    whose = ["--all-users"] if os.geteuid() == 0 else []
    done = lab.gpgdoctor("hook", "run", "supportconfig", *whose)
    assert (done.returncode, done.stderr) == (111, "")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("name", ["text", "reportbug", "nagios"])
def test_a_readers_name_is_no_instruction(name: str, hostile: Lab) -> None:
    output = run_hook(hostile, name)
    assert not any(line.strip().startswith(("-- BEGIN", "-- END")) for line in output.splitlines())
    assert "root:x:0:0" not in output
    if target_of(name).form == "nagios":
        assert output.count("|") == 1


@pytest.fixture(scope="module")
def hostile(open_module_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """A name that is all markers, long enough for each to begin a line; and the same in a configuration file."""
    name = f"Reader | {MARKER} /etc/passwd {MARKER} /etc/passwd {MARKER} x"
    lab = open_module_lab(
        Scenario(
            name="hostile",
            about="",
            readers=(Reader(name=name[:100]),),
            clients=BY_NAME["shared-holder"].clients,
        )
    )
    lines = f"reader-port a\r{MARKER}\r/etc/passwd\r\n{MARKER}\n/etc/passwd\n- BEGIN ATTACHMENTS --\n\x1b[2Jx\n"
    lab.write(".gnupg/scdaemon.conf", lines)
    yield lab


def test_a_long_configuration_does_not_make_a_long_report(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["healthy"])
    for name in ("scdaemon", "gpg-agent", "common"):
        lab.write(f".gnupg/{name}.conf", "".join(f"no-such-option-{number}\n" for number in range(900)))
    assert document_of(run_hook(lab, "supportconfig"))["shortened"]


DEFECT = """
import sys, time
from gpgdoctor.hooks import serve, survey
from gpgdoctor.hooks.targets import BY_NAME
def broken(all_users):
    what = "planted-secret"
    if sys.argv[2] == "hang":
        time.sleep(60)
    raise ValueError(what, "/home/alice/planted-secret")
survey.survey = broken
serve.DEADLINE_S = 0.5
sys.exit(serve.serve(BY_NAME[sys.argv[1]], all_users=False))
"""


@pytest.mark.parametrize("how", ["crash", "hang"])
@pytest.mark.parametrize("name", FORMS)
def test_a_defect_is_told_in_the_hosts_own_form(name: str, how: str, shared_holder: Lab) -> None:
    done = shared_holder.run([shared_holder.python, "-c", DEFECT, name, how], timeout=10)
    assert done.stderr == ""
    assert "planted-secret" not in done.stdout
    assert ("ValueError" if how == "crash" else "longer than") in done.stdout
    assert done.returncode == (3 if name == "nagios" else 0)
    if target_of(name).form in ("json", "text-and-json"):
        assert document_of(done.stdout)["verdict"] == "error"
