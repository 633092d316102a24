"""Records what `check` sees in every scenario of the lab: ``python -m tests.support.recordings``.

A snapshot keeps the facts and the findings, not the checks. A scenario's snapshot carries its name. Where a Debian 13
gives other findings than the lab's own Debian 12, there is SCENARIO.debian13.json as well. ID.broken.json and
ID.ok.json are links to the first snapshot that has the finding, and to one in which its check passes; where no
scenario can show an illness, they are files made by hand (handmade.py).

With ``NAME...`` it records some only; too-old-for-pcsc-shared is recorded only so. With ``--rejudge`` it needs no
lab: after a change of the rules it judges the facts again, rewrites what that changes, README's table, the links
and the stored drawings of the way included, and shows the difference.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.lab.catalogue import SCENARIOS
from gpgdoctor.lab.catalogue.common import DISABLE_CCID
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Scenario
from gpgdoctor.report.json import findings
from gpgdoctor.rules import catalogue
from gpgdoctor.snapshot import decode
from tests.support import bygone, drawings, readme, roots

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "snapshots"
DEBIAN_13 = ".debian13"
TOO_OLD = "too-old-for-pcsc-shared"
# Debian 12's pcscd is built without polkit.
POLKIT = Scenario(
    name="polkit-refuses",
    about="pcscd asks polkit, and there is no system bus to ask it on.",
    files=(DISABLE_CCID,),
    polkit=True,
    expect=("GD401",),
    gpg="fails",
)
# What differs from one recording to the next, and from one machine to another.
FLEETING = (
    *("pid", "inode", "parent", "started", "changed", "time", "seconds", "waiting", "owner"),
    *("distribution", "init", "container", "unit", "session", "session_unit", "executable"),
    *("because", "summary"),  # they quote the others
)


Document = dict[str, Any]


def record(lab: Lab) -> Document:
    """What `check` says in a lab."""
    done = lab.gpgdoctor("check", "--json")
    return trimmed(json.loads(done.stdout))


def trimmed(document: Document) -> Document:
    """What a snapshot keeps: a rule more makes no other snapshot longer."""
    return {name: value for name, value in document.items() if name != "checks"}


def judged(document: Document) -> Diagnosis:
    return diagnose(decode(document["facts"]))


def rejudged(document: Document) -> Document:
    """The same facts, and what the rules of today find."""
    diagnosis = judged(document)
    found = json.loads(json.dumps(findings(diagnosis)))
    return {**document, "findings": found, "verdict": diagnosis.verdict, "complete": diagnosis.complete}


ALIVE = ("S", "R", "D")  # asleep, on a processor, or waiting for a disk: whatever it is at the moment


def stable(document: Document) -> Document:
    """What two recordings of one scenario must have in common."""
    return {
        "verdict": document["verdict"],
        "complete": document["complete"],
        "findings": [_lasting(finding) for finding in document["findings"]],
        "facts": _lasting(document["facts"]),
    }


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        lasting = {key: _lasting(item) for key, item in value.items() if key not in FLEETING}
        if "processes" in lasting:  # which come in the order of their pids
            for process in lasting["processes"]:
                if process.get("state") in ALIVE:
                    process["state"] = ALIVE[0]
            lasting["processes"].sort(key=json.dumps)
        return lasting
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if isinstance(value, str):
        # A full pcscd hangs up before or after it has read the question, and the library answers accordingly.
        return re.sub(r"pid \d+", "pid N", value).replace("0x8010001D", "0x8010006A")
    return value


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def load(name: str) -> Document:
    document: Document = json.loads(path_of(name).read_text())
    return document


def facts_of(name: str) -> Facts:
    return decode(load(name)["facts"])


def names() -> Iterator[str]:
    """Every snapshot that is a file of its own."""
    for path in sorted(FOLDER.glob("*.json")):
        if not path.is_symlink():
            yield path.stem


def scenario_of(name: str) -> Scenario:
    """What a snapshot was recorded in; KeyError for one that cannot be recorded again at will."""
    return {it.name: it for it in (*SCENARIOS, POLKIT)}[name.removesuffix(DEBIAN_13)]


def outcome(document: Document) -> list[tuple[str, str]]:
    """What tells apart two systems in one scenario."""
    return [(finding["id"], finding["severity"]) for finding in document["findings"]]


def as_text(document: Document) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def write(name: str, document: Document) -> None:
    path_of(name).write_text(as_text(document))


def _record(scenario: Scenario, debian_13: Path) -> None:
    here = None
    if scenario is not POLKIT:
        with Lab(scenario) as lab:
            here = record(lab)
        write(scenario.name, here)
    with Lab(scenario, root=debian_13) as lab:
        there = record(lab)
    if here is None or outcome(here) != outcome(there):
        write(scenario.name + DEBIAN_13, there)
    else:
        path_of(scenario.name + DEBIAN_13).unlink(missing_ok=True)


def link() -> list[str]:
    """Make the links of every id, and return those that have to be made by hand."""
    order = [*(it.name for it in SCENARIOS), *sorted(names())]
    documents = {name: load(name) for name in order if path_of(name).exists() and not name.startswith("GD")}
    checks = {name: judged(document).checks for name, document in documents.items()}
    missing = []
    for id in catalogue():
        found = [name for name, document in documents.items() if any(it["id"] == id for it in document["findings"])]
        passed = [
            name
            for name in documents
            if any((it.rule.id, it.status) == (id, "pass") for it in checks[name]) and name not in found
        ]
        for kind, choice in (("broken", found), ("ok", passed)):
            target = path_of(f"{id}.{kind}")
            if not choice:
                missing.append(target.name)
                continue
            target.unlink(missing_ok=True)
            os.symlink(path_of(choice[0]).name, target)
    return missing


def rejudge() -> None:
    for name in names():
        _replace(path_of(name), as_text(rejudged(load(name))))
    readme.rewrite()
    _link_all()


def _replace(path: Path, after: str) -> None:
    """Write a text where it differs, and show how."""
    before = path.read_text("utf-8") if path.exists() else ""
    if after != before:
        path.write_text(after, "utf-8")
        old, new = (text.splitlines(keepends=True) for text in (before, after))
        sys.stdout.writelines(difflib.unified_diff(old, new, f"a/{path.name}", f"b/{path.name}", n=1))


def _link_all() -> None:
    """The links, and what is drawn of the machines behind them."""
    for name in link():
        if not path_of(name.removesuffix(".json")).exists():
            print(_how_to_make(name))
    machines = drawings.shown()
    for id in drawings.stored_for(machines):
        if id in machines:
            _replace(drawings.path_of(id), drawings.every_form(machines[id]))


def _how_to_make(name: str) -> str:
    """What is to be done for a snapshot that is missing."""
    id, kind, _ = name.split(".")
    for scenario in SCENARIOS:
        if kind == "broken" and id in (*scenario.expect, *(scenario.expect_since_2_3 or ()), *scenario.info):
            return f"to be recorded: {scenario.name}, for {name}"
    return f"to be made by hand: {name}"


def record_all(wanted: list[str]) -> None:
    """Record the scenarios of these names, all where there is none; SystemExit for a name that no scenario has."""
    known = {it.name for it in (*SCENARIOS, POLKIT)} | {TOO_OLD}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise SystemExit(f"no scenario is called {name}" + "".join(f"; did you mean {it}?" for it in near))
    FOLDER.mkdir(parents=True, exist_ok=True)
    debian_13 = roots.trixie()
    for scenario in (*SCENARIOS, POLKIT):
        if not wanted or scenario.name in wanted:
            print(scenario.name)
            _record(scenario, debian_13)
    if TOO_OLD in wanted:
        with Lab(bygone.scenario()) as lab:
            write(lab.scenario.name, record(lab))
    _link_all()


if __name__ == "__main__":
    if sys.argv[1:] == ["--rejudge"]:
        rejudge()
    else:
        record_all(sys.argv[1:])
