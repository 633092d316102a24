"""Each cure in the lab, from the illness to the proof, and back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.lab.catalogue import BY_NAME, SCENARIOS
from gpgdoctor.lab.lab import Lab, LabFailed
from gpgdoctor.lab.scenario import GNUPG_2_3, Client, File, Reader, Scenario, as_of
from gpgdoctor.rules import catalogue
from tests.support.fixing import (
    SCDAEMON_CONF,
    check,
    entries,
    fix,
    gpg_works,
    ills,
    read,
    running,
    shared_holder,
    shared_holder_on_pcsc,
    succeeds,
    undo,
)

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

A_CHANGE_COUNTS_AFTER_S = 2.5  # GD109


def price_of_sharing(lab: Lab) -> list[str]:
    """What check says of it: later versions ask for the PIN each time."""
    return ["GD601"] if lab.gnupg_version >= GNUPG_2_3 else []


def test_a_shared_holder_stays_and_gpg_works(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder_on_pcsc())
    before = read(lab)
    assert before == (b"disable-ccid\n" if lab.gnupg_version >= GNUPG_2_3 else None)
    assert not gpg_works(lab)

    done = succeeds(fix(lab, "--yes"))

    assert "Fixed and verified: GD202" in done.stdout
    assert read(lab) == b"disable-ccid\npcsc-shared\n"
    assert gpg_works(lab)
    assert lab.client().ask("status")["code"] == "0x00000000"
    assert ills(lab) == []

    succeeds(undo(lab))
    assert read(lab) == before
    assert not gpg_works(lab)
    assert lab.client().ask("status")["code"] == "0x00000000"


def test_scdaemon_lets_the_other_program_in(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["scdaemon-exclusive"])
    with pytest.raises(LabFailed, match="0x8010000B"):
        lab.start_client(Client(kind="shared"), name="before")

    succeeds(fix(lab, "--yes", "GD201"))  # nobody else is there now, so it is done by id alone

    assert lab.start_client(Client(kind="shared")).ask("status")["code"] == "0x00000000"
    assert gpg_works(lab)
    assert ills(lab) == []


@pytest.mark.parametrize("scenario", [it for it in SCENARIOS if it.cure], ids=lambda it: it.name)
def test_every_promised_cure_cures(scenario: Scenario, open_lab: OpenLab) -> None:
    lab = open_lab(scenario)
    if not as_of(scenario, lab.gnupg_version).expect:
        pytest.skip(f"no illness with GnuPG {lab.gnupg_version}")
    before = lab.snapshot_files()

    succeeds(fix(lab, "--yes"))

    assert ills(lab) == []
    assert gpg_works(lab)
    changed = {path for path, state in lab.snapshot_files().items() if before.get(path) != state}
    # What gpg writes itself when it looks at the card, and gpgdoctor's own journal.
    own = (".local", "/run/", "trustdb.gpg", "pubring.kbx", "private-keys-v1.d", "reader_0.status", "scdaemon.log")
    assert {path for path in changed if not any(part in path for part in own)} <= {
        f"{lab.gnupghome}/{name}" for name in ("scdaemon.conf", "gpg-agent.conf", "common.conf")
    } | {lab.gnupghome, lab.home}


@pytest.mark.parametrize("name", ["exclusive-holder", "transaction-held"])
def test_nothing_is_touched_where_nothing_helps(name: str, open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME[name])
    before, daemons, apdus = lab.snapshot_files(), running(lab, "gpg-agent"), lab.card_log()

    done = succeeds(fix(lab, "--yes"), 1)

    assert {path: state for path, state in lab.snapshot_files().items() if "/run/" not in path} == {
        path: state for path, state in before.items() if "/run/" not in path
    }
    assert running(lab, "gpg-agent") == daemons
    assert lab.card_log() == apdus
    program = lab.scenario.clients[0].program
    assert f"{program} (pid {lab.client().pid})" in done.stdout.replace("\n  ", " ")


def test_a_second_run_does_nothing(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    succeeds(fix(lab, "--yes"))
    before, agents = lab.snapshot_files(), running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes"))

    assert "\nNothing to do.\n" in f"\n{done.stdout}"
    assert lab.snapshot_files() == before
    assert running(lab, "gpg-agent") == agents


def test_a_dry_run_writes_nothing_and_tries_nothing(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    before, apdus = lab.snapshot_files(), lab.card_log()

    done = succeeds(fix(lab, "--dry-run"))

    assert "+disable-ccid\n+pcsc-shared\n" in done.stdout
    assert lab.snapshot_files() == before
    assert lab.card_log() == apdus


def test_without_a_terminal_it_shows_the_plan_and_does_nothing(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    done = succeeds(fix(lab), 1)
    assert "+pcsc-shared" in done.stdout
    assert "gpgdoctor fix --yes" in done.stdout
    assert read(lab) is None


def test_the_document_of_a_fix(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder_on_pcsc())
    done = succeeds(fix(lab, "--yes", "--json"))
    document = json.loads(done.stdout)
    assert done.stdout.isascii()
    assert document["findings"][0]["id"] == "GD202"
    assert kinds(document) == ["edit", "restart"]
    there_already = " " if lab.gnupg_version >= GNUPG_2_3 else "+"
    assert document["plan"][0]["diff"].endswith(f"{there_already}disable-ccid\n+pcsc-shared\n")
    assert document["plan"][1] == {
        "kind": "restart",
        "target": "gpg-agent",
        "argv": ["gpgconf", "--kill", "gpg-agent"],
    }
    assert (document["applied"], document["verified"], document["undo"]) == (True, True, 1)
    assert document["left"] == price_of_sharing(lab)


def test_the_costs_are_said_before(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder())
    text = " ".join(fix(lab, "--dry-run").stdout.split())
    assert "the PIN is asked" in text
    assert "ssh keys" in text
    assert "may have to start it again" in text


def test_what_check_announces_is_what_fix_does(open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder_on_pcsc())
    (finding,) = [finding for finding in check(lab)["findings"] if finding["id"] == "GD202"]
    document = json.loads(fix(lab, "--dry-run", "--json").stdout)
    announced, planned = finding["fix"]["steps"], document["plan"]
    if lab.gnupg_version >= GNUPG_2_3:  # check does not quote the line that is there already
        announced, planned = without_context(announced), without_context(planned)
    assert announced == planned


def kinds(document: dict[str, Any]) -> list[str]:
    """What gpgdoctor does itself."""
    return [step["kind"] for step in document["plan"] if step["kind"] != "advise"]


def without_context(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps, of each diff only the lines that it changes."""
    return [
        {**step, "diff": [line for line in step["diff"].splitlines() if line[:1] in "+-"]} if "diff" in step else step
        for step in steps
    ]


def test_a_finding_that_is_not_there_needs_no_cure(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["healthy"])
    assert succeeds(fix(lab, "GD202", "--yes")).stdout.strip() == "Nothing to do: GD202 is not found here."


def test_a_trial_that_fails_writes_nothing(open_lab: OpenLab) -> None:
    """The options would let scdaemon at the card, but it is no card for GnuPG."""
    lab = open_lab(shared_holder(readers=(Reader(card="foreign"),)))
    agents = running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes"), 1)

    assert "it would not help: with the planned options scdaemon says" in " ".join(done.stdout.split())
    assert read(lab) is None
    assert entries(lab) == []
    assert running(lab, "gpg-agent") == agents
    assert not lab.run(["sh", "-c", "ls -d /tmp/gpgdoctor-*"]).stdout
    assert lab.client().ask("status")["code"] == "0x00000000"


def test_what_one_cure_reveals_is_cured_as_well(open_lab: OpenLab) -> None:
    """A file that changed since scdaemon started hides that scdaemon would be refused with it, too."""
    lab = open_lab(shared_holder_on_pcsc())
    time.sleep(A_CHANGE_COUNTS_AFTER_S)
    lab.write(SCDAEMON_CONF, (read(lab) or b"") + b"# a note\n")
    assert ills(lab) == ["GD109"]

    done = succeeds(fix(lab, "--yes", "--json"))

    document = json.loads(done.stdout)
    assert kinds(document) == ["restart", "edit", "restart"]
    assert (document["undo"], document["left"]) == (1, price_of_sharing(lab))
    assert gpg_works(lab)
    assert ills(lab) == []


# -- what could not be checked ----------------------------------------------------------------------------------------


def worst(id: str) -> str:
    return catalogue()[id].worst


def test_what_could_hide_an_error_is_no_success(open_lab: OpenLab) -> None:
    """Nobody is asked where pcscd sleeps: that is said, and not that nothing was to be done."""
    lab = open_lab(BY_NAME["pcscd-asleep"])
    could = [it["id"] for it in check(lab)["checks"] if it["status"] == "unknown" and worst(it["id"]) == "error"]
    assert "GD504" in could
    for arguments in ((), ("--yes",), ("--dry-run",)):
        done = succeeds(fix(lab, *arguments), 1)
        assert "Not checked:" in done.stdout and "GD504" in done.stdout
        assert "not everything could be checked" in " ".join(done.stdout.split())
    assert "GD101 is not found here" in succeeds(fix(lab, "GD101", "--yes")).stdout
    succeeds(fix(lab, "GD504", "--yes"), 1)


def test_a_look_has_as_long_as_it_is_given(open_lab: OpenLab) -> None:
    lab = open_lab(BY_NAME["healthy"])
    assert "Nothing to do" in succeeds(fix(lab, "--timeout", "20")).stdout
    assert lab.gpgdoctor("fix", "--timeout", "0").returncode == 2
    assert lab.gpgdoctor("fix", "--timeout", "x").returncode == 2


def test_a_note_is_taken_out_of_a_value_and_back_again(open_lab: OpenLab) -> None:
    conf = b"disable-ccid\nlog-file /tmp/scdaemon.log # for now\n"
    lab = open_lab(Scenario(name="note-in-value", about="", files=(File(path=SCDAEMON_CONF, content=conf),)))
    assert ills(lab) == ["GD115"]
    done = succeeds(fix(lab, "--yes"))
    assert "Fixed and verified: GD115 note-in-value" in " ".join(done.stdout.split())
    assert read(lab) == b"disable-ccid\n# for now\nlog-file /tmp/scdaemon.log\n"
    assert ills(lab) == []
    succeeds(undo(lab))
    assert read(lab) == conf


def test_the_reader_that_has_the_card_is_named(open_lab: OpenLab) -> None:
    readers = (Reader(name="Gemalto PC Twin Reader", card="absent"), Reader())
    conf = File(path=SCDAEMON_CONF, content="disable-ccid\n")
    lab = open_lab(Scenario(name="other-reader", about="", readers=readers, files=(conf,)))
    if "GD506" not in ills(lab):
        pytest.skip("this scdaemon looks into every reader")
    done = succeeds(fix(lab, "--yes"))
    assert "GD506 other-reader-taken" in done.stdout
    assert b"\nreader-port " in (read(lab) or b"")
    assert gpg_works(lab)
    assert ills(lab) == []
    succeeds(undo(lab))
    assert read(lab) == b"disable-ccid\n"
