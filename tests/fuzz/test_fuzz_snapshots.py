"""`check --from FILE` judges any file, or says why not."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from gpgdoctor.cli import run
from tests.support.fuzzing import TEXTS, attack, harmless
from tests.support.specimens import machines, snapshot

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3))
UNKNOWNS = TEXTS.map(lambda reason: {"unknown": reason})
COMMANDS = ("check --format text -v", "check --format json", "check --format nagios", "report")
SET, DELETE, DOUBLE = "set", "delete", "double"


original = cache(snapshot)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a document."""
    found = [here] if here else []
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*here, key))
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += places(item, (*here, number))
    return found


@cache
def all_places(name: str) -> list[tuple[Any, ...]]:
    return places(json.loads(original(name))["facts"])


def changes(name: str) -> st.SearchStrategy[tuple[str, list[Any]]]:
    """A few places of a snapshot's facts, and what is to become of what stands there."""
    fates = st.sampled_from([(DELETE, None), (DOUBLE, None)]) | st.tuples(
        st.just(SET), TEXTS | UNKNOWNS | SCALARS | VALUES
    )
    change = st.tuples(st.sampled_from(all_places(name)), fates)
    return st.tuples(st.just(name), st.lists(change, min_size=1, max_size=4))


def changed(name: str, wanted: list[Any]) -> str:
    document = json.loads(original(name))
    for (*way, last), (fate, value) in wanted:
        try:
            facts = document["facts"]
            for step in way:
                facts = facts[step]
            if fate == DELETE:
                del facts[last]
            elif fate == DOUBLE:
                facts.append(facts[last])
            else:
                facts[last] = value
        except (LookupError, TypeError, AttributeError):
            continue  # an earlier change took the place away
    return json.dumps(document)


def replay(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        code = run([*command.split(), "--from", str(path)], None)
        out, err = capsys.readouterr()
        assert code in (0, 1, 2, 3), code
        assert bool(out) != bool(err)
        if "json" in command and out:
            assert out.isascii()
            json.loads(out)
        else:
            harmless(out)
        harmless(err, lines=2 if err else None)


def test_a_mutated_snapshot_is_judged_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "snapshot.json"

    def look(wanted: tuple[str, list[Any]]) -> None:
        path.write_text(changed(*wanted))
        replay(path, capsys)

    attack(look, st.sampled_from(sorted(machines())).flatmap(changes))


def test_any_bytes_are_judged_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "snapshot.json"
    whole = original("healthy").encode()
    broken = st.integers(0, len(whole)).flatmap(lambda cut: st.binary(max_size=4).map(lambda new: whole[:cut] + new))
    spliced = st.tuples(st.integers(0, len(whole)), st.binary(max_size=4)).map(
        lambda change: whole[: change[0]] + change[1] + whole[change[0] + len(change[1]) :]
    )
    deep = st.integers(1, 200_000).map(lambda depth: b"[" * depth)
    nested = st.integers(1, 5_000).map(
        lambda depth: b'{"schema_version": "1.0", "facts": ' + b'{"gnupg":' * depth + b"1" + b"}" * (depth + 1)
    )

    def look(content: bytes) -> None:
        path.write_bytes(content)
        replay(path, capsys)

    attack(look, broken | spliced | spliced | st.binary() | deep | nested | VALUES.map(json.dumps).map(str.encode))
