"""Compares what `check` said with what was true: two logs in, complaints out. It looks at nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# What check must find with disable-ccid, where the whole of its run fell into one world.
CAUSES = {
    "quiet": set[str](),
    "idle": set[str](),
    "shared": {"GD202"},
    "direct": {"GD202"},
    "exclusive": {"GD203"},
    "transaction": {"GD204"},
    "scdaemon": set[str](),  # GD201, which nobody minds
    "pulled": set[str](),
    "stopped": {"GD303"},
    "gone": {"GD301"},
}
# What may be seen for a moment while pcscd goes or comes.
IN_BETWEEN = {"GD301", "GD302", "GD303", "GD304", "GD401", "GD501"}
SETTLED_S = 1.0  # so long after a transaction nobody of ours may wait in pcscd any more
WAITING_AT_MOST = 1
OVERTIME_S = 0.3
STARTING_S = 1.2  # Python on a busy machine; the benchmark is stricter


class Change(NamedTuple):
    at: float
    world: str | None


class Look(NamedTuple):
    """One run of check."""

    begun: float
    ended: float
    timeout_s: float
    code: int
    document: dict[str, Any]


def read_changes(path: Path) -> list[Change]:
    return [Change(**json.loads(line)) for line in path.read_text().splitlines()]


def read_looks(path: Path) -> list[Look]:
    return [Look(**json.loads(line)) for line in path.read_text().splitlines()]


def worlds(changes: Sequence[Change], begun: float, ended: float) -> list[str | None]:
    """What was true at any time between both moments, in order."""
    before = [change.world for change in changes if change.at <= begun][-1:]
    return [*(before or [None]), *(change.world for change in changes if begun < change.at <= ended)]


def is_strict(seen: Sequence[str | None]) -> bool:
    """Whether one thing alone was true all the time."""
    return len(seen) == 1 and seen[0] is not None


def complaints(changes: Sequence[Change], looks: Sequence[Look]) -> Iterator[str]:
    for number, look in enumerate(looks):
        seen = worlds(changes, look.begun, look.ended)
        for complaint in (*_verdict(seen, look), *_time(look), *_waiting(changes, look)):
            yield f"look {number} in {seen}: {complaint}; {_witness(look.document)}"


def _witness(document: dict[str, Any]) -> str:
    """The facts that verdicts rest on, and what was not known."""
    facts = document["facts"]
    unknown = {check["reason"] for check in document.get("checks", ()) if check["status"] == "unknown"}
    pcscd = {key: facts["pcscd"].get(key) for key in ("listener", "answer", "waiting")}
    return f"readers {facts.get('readers')}, pcscd {pcscd}, scdaemon {facts.get('gnupg', {}).get('running')}, {unknown}"


def _verdict(seen: Sequence[str | None], look: Look) -> Iterator[str]:
    found = causes(look.document)
    if is_strict(seen):
        wanted = CAUSES[str(seen[0])]
        if found != wanted:
            yield f"{sorted(found)} instead of {sorted(wanted)}"
        if not wanted and look.document["verdict"] != "healthy":
            yield f"the verdict is {look.document['verdict']}"
    else:
        possible = (
            IN_BETWEEN.union(*CAUSES.values()) if None in seen else set().union(*(CAUSES[str(it)] for it in seen))
        )
        if not found <= possible:
            yield f"{sorted(found)}, which was never true"
    code = {"healthy": 0, "findings": 1, "incomplete": 3}.get(look.document["verdict"])
    if look.code != code:
        yield f"exit code {look.code} with {look.document['verdict']}"


def causes(document: dict[str, Any]) -> set[str]:
    findings = document["findings"]
    return {it["id"] for it in findings if it["severity"] != "info" and it["consequence_of"] is None}


def _time(look: Look) -> Iterator[str]:
    seconds = look.document["seconds"]
    if seconds > look.timeout_s + OVERTIME_S:
        yield f"it took {seconds:.2f} s by its own clock"
    if look.ended - look.begun > look.timeout_s + OVERTIME_S + STARTING_S:
        yield f"it took {look.ended - look.begun:.2f} s by ours"


def _waiting(changes: Sequence[Change], look: Look) -> Iterator[str]:
    waiting = look.document["facts"]["pcscd"]["waiting"]
    if not isinstance(waiting, int):
        return
    if waiting > WAITING_AT_MOST:
        yield f"{waiting} connections wait in pcscd"
    lately = worlds(changes, look.begun - SETTLED_S, look.ended)
    if waiting and None not in lately and not {"transaction", "stopped"} & set(lately):
        yield f"{waiting} connections still wait in pcscd"
