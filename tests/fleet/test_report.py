"""`gpgdoctor fleet report`: what many documents amount to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.fleet.markdown import render
from tests.support.reporting import culprit, document, finding, put, recorded, report, row

SHARED: dict[str, Any] = {
    "applicability": "costly",
    "costs": [],
    "steps": [
        {"kind": "edit", "path": "/home/user1/.gnupg/scdaemon.conf", "diff": "--- a\n+++ b\n@@\n+disable-ccid\n"},
        {"kind": "restart", "target": "gpg-agent", "argv": ["gpgconf", "--kill", "gpg-agent"]},
    ],
}


def test_hosts_stand_under_finding_program_and_version(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", anna=recorded("shared-holder"), bert=recorded("healthy"), cleo=recorded("two-homes"))
    found = report(folder)
    assert (found["hosts"], found["verdicts"]["findings"], found["verdicts"]["healthy"]) == (3, 2, 1)
    assert row(found["findings"], id="GD202")["hosts"] == ["anna"]
    assert row(found["programs"], program="firefox")["hosts"] == ["anna"]
    assert row(found["versions"]["gnupg"], version="2.2.40")["hosts"] == ["anna", "bert", "cleo"]
    assert [it["version"] for it in found["versions"]["distribution"]] == ["Debian GNU/Linux 12 (bookworm)"]


def test_facts_alone_are_judged(tmp_path: Path) -> None:
    whole = recorded("shared-holder")
    folder = put(tmp_path / "d", anna={"schema_version": "1.0", "facts": whole["facts"]})
    assert [it["id"] for it in report(folder)["findings"]] == [it["id"] for it in whole["findings"]]


def test_one_cure_for_two_findings_is_one_cure(tmp_path: Path) -> None:
    other = {**SHARED, "steps": [{**SHARED["steps"][0], "path": "/home/x/.gnupg/scdaemon.conf"}, SHARED["steps"][1]]}
    folder = put(
        tmp_path / "d",
        anna=document(finding("GD202", fix=SHARED), finding("GD207", consequence_of="GD202", severity="warning")),
        bert=document(finding("GD205", fix=other), finding("GD501", severity="warning")),
        cleo=document(finding("GD201", severity="info", fix=SHARED)),
    )
    cures = report(folder)["cures"]
    cure = row(cures, applicability="costly")
    assert cure["hosts"] == ["anna", "bert"]
    assert cure["findings"] == ["GD202", "GD205", "GD207"]
    assert cure["steps"] == ["scdaemon.conf: +disable-ccid", "restart gpg-agent"]
    assert cure["whole"] == 1  # of bert's findings another one counts
    assert row(cures, applicability="manual")["findings"] == ["GD501"]


def test_what_is_ignored_asks_for_no_cure(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", anna=document(finding(fix=SHARED, ignored=True)))
    assert report(folder)["cures"] == []


def test_aliases_of_different_hosts_are_different(tmp_path: Path) -> None:
    users = [{"user": "user1"}, {"user": "user2"}]
    sick = document(finding(culprits=[culprit("user1-agent"), culprit("firefox")], users=["user1"]), users=users)
    found = report(put(tmp_path / "d", anna=sick, bert=sick))
    assert row(found["findings"], id="GD202")["users"] == {"anna": ["user1"], "bert": ["user1"]}
    assert {it["program"]: it["hosts"] for it in found["programs"]} == {
        "firefox": ["anna", "bert"],
        "user1-agent on anna": ["anna"],
        "user1-agent on bert": ["bert"],
    }


def test_the_only_account_of_a_host_needs_no_name(tmp_path: Path) -> None:
    found = report(put(tmp_path / "d", anna={"documents": [document(finding(), account="account 1")]}))
    assert "users" not in row(found["findings"], id="GD202")


def test_a_program_that_holds_nothing_is_no_holder(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", anna=document(finding("GD109", culprits=[culprit("scdaemon")])))
    assert report(folder)["programs"] == []


def test_what_ansible_brings_home_is_read(tmp_path: Path) -> None:
    sick = document(finding())
    folder = put(
        tmp_path / "d",
        module={
            "changed": False,
            "documents": [{**sick, "account": "account 1"}, {**document(), "account": "account 2"}],
        },
        setup={"ansible_facts": {"ansible_local": {"gpgdoctor": sick}}, "changed": False},
        failed={"failed": True, "msg": "gpgdoctor is not on this host", "documents": []},
        away={"unreachable": True, "msg": "Failed to connect\nsecond line"},
        tree={"changed": False, "msg": "Timed out"},
        broken={"failed": True, "msg": "MODULE FAILURE", "module_stderr": "/bin/sh: python3: not found\n"},
    )
    found = report(folder)
    assert (found["hosts"], found["documents"], found["damaged"]) == (2, 3, [])
    by_id = row(found["findings"], id="GD202")
    assert (by_id["hosts"], by_id["users"]) == (["module", "setup"], {"module": ["account 1"]})
    assert found["not_looked_at"]["hosts"] == [
        {"host": "away", "reason": "unreachable: Failed to connect"},
        {"host": "broken", "reason": "failed: MODULE FAILURE; /bin/sh: python3: not found"},
        {"host": "failed", "reason": "failed: gpgdoctor is not on this host"},
        {"host": "tree", "reason": "failed: Timed out"},
    ]


def test_accounts_that_could_not_be_looked_at_are_named(tmp_path: Path) -> None:
    missing = [{"account": "account 2", "reason": "gpgdoctor did not end within 20 s"}]
    found = report(
        put(tmp_path / "d", anna={"documents": [document()], "not_looked_at": missing, "accounts_left_out": 3})
    )
    assert found["not_looked_at"]["hosts"] == [
        {"host": "anna", "reason": "account 2: gpgdoctor did not end within 20 s"}
    ]
    assert found["not_looked_at"]["users_left_out"] == 3


def test_what_hooks_write_is_read(tmp_path: Path) -> None:
    merged = document(finding(users=["user2"]))
    merged["users"] = [
        {"user": f"user{number}", "verdict": "healthy", "facts": {"gnupg": {"scdaemon_version": version}}}
        for number, version in ((1, "2.2.40"), (2, "2.4.7"))
    ]
    text = f"gpgdoctor said this\n#==[ gpgdoctor JSON ]{'=' * 40}#\n{json.dumps(merged)}".encode()
    found = report(put(tmp_path / "d", sos=merged, supportconfig=text))
    assert row(found["findings"], id="GD202")["users"] == {"sos": ["user2"], "supportconfig": ["user2"]}
    assert {it["version"] for it in found["versions"]["gnupg"]} == {"2.2.40", "2.4.7"}


def test_what_could_not_be_checked_is_told_with_its_reason(tmp_path: Path) -> None:
    check = {"id": "GD204", "name": "transaction-held", "subject": None, "status": "unknown", "reason": "pcscd sleeps"}
    folder = put(tmp_path / "d", anna=document(verdict="incomplete", checks=[check]))
    told = row(report(folder)["not_looked_at"]["checks"], id="GD204")
    assert (told["hosts"], told["reasons"]) == (["anna"], ["pcscd sleeps"])


def test_hosts_are_named_by_their_files_and_never_twice(tmp_path: Path) -> None:
    one, two = put(tmp_path / "one", anna=document()), put(tmp_path / "two", anna=document())
    (one / "below").mkdir()
    put(one / "below", bert=document())
    (one / "anna.fact").write_text(json.dumps(document()))
    assert hosts(report(one)) == ["anna", "anna.json", "below/bert"]
    assert hosts(report(one / "anna.json")) == ["anna"]
    both = hosts(report(one / "anna.json", two / "anna.json"))
    assert both == [str(one / "anna"), str(two / "anna")]
    assert len(hosts(report(one, one / "anna.json"))) == 3  # a file that is given twice is one file


def hosts(found: dict[str, Any]) -> list[str]:
    return sorted(host for it in found["versions"]["distribution"] for host in it["hosts"])


def test_the_order_of_the_files_makes_no_difference(tmp_path: Path) -> None:
    names = ("shared-holder", "two-homes", "healthy", "pcscd-stopped")
    there = put(tmp_path / "there", **{name: recorded(name) for name in names})
    back = put(tmp_path / "back", **{name: recorded(name) for name in reversed(names)})
    assert report(there) == report(back)


def test_text_fits_into_80_columns_and_cuts_long_lists(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", **{f"laptop-{number:03}": recorded("shared-holder") for number in range(50)})
    text = render(report(folder))
    assert max(map(len, text.splitlines())) <= 80
    assert "and 38 more" in text
    assert "laptop-049" not in text


@pytest.mark.parametrize("key", ["findings", "programs", "versions", "cures", "not_looked_at", "damaged"])
def test_every_view_is_there_even_where_nothing_is_in_it(key: str, tmp_path: Path) -> None:
    assert key in report(put(tmp_path / "d", anna=document()))
