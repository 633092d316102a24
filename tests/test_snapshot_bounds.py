"""How much a snapshot, or what a user's process answers root, may hold: more than that is refused, in little memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.collect import configuration
from gpgdoctor.collect.user import UserFacts
from gpgdoctor.collect.user_child import decoded
from gpgdoctor.facts import Configuration, Facts
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.scdaemon_conf.options import parse_option_table
from gpgdoctor.snapshot import ANSWER_BOUNDS, SNAPSHOT_BOUNDS, BadSnapshot, Bounds, decode, decode_as, encode
from gpgdoctor.system.record import replace
from tests.support.civility import PATIENCE_S, USAGE
from tests.support.known_secrets import planted
from tests.support.specimens import machines

TABLE = parse_option_table((SOURCE_TREE / "fixtures" / "conf" / "scdaemon-2.2.40.options").read_text())
MEMORY_BYTES = 700 << 20  # all that gpgdoctor may map, with Python itself
MILLION = 1_000_000
NUMBERS = (1e308, -1e308, 1 << 64, -(1 << 64), 10**300, float("inf"), float("-inf"), float("nan"))

Place = tuple[Any, ...]


def rich() -> dict[str, Any]:
    """A snapshot with something in every list that one has."""
    found: dict[str, Any] = json.loads(json.dumps(encode(planted())))
    for facts in map(encode, machines().values()):
        _fill(found, json.loads(json.dumps(facts)))
    return found


def _fill(found: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in other.items():
        mine = found.get(name)
        if isinstance(mine, dict) and isinstance(value, dict) and "unknown" not in mine and "unknown" not in value:
            _fill(mine, value)
        elif isinstance(value, list) and value and not (isinstance(mine, list) and mine):
            found[name] = value


def places(value: Any, kinds: tuple[type, ...], here: Place = ()) -> Iterator[Place]:
    """Where values of these kinds are."""
    if isinstance(value, kinds) and not isinstance(value, bool):
        yield here
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, kinds, (*here, key))


def with_value(value: Any, place: Place, new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = with_value(value[place[0]], place[1:], new)
    return copy


def named(place: Place) -> str:
    return ".".join(str(part) for part in place if isinstance(part, str))


def one_of_each(value: Any, *kinds: type) -> list[Place]:
    """One place for each name."""
    return list({named(place): place for place in places(value, kinds)}.values())


RICH = rich()
ANSWER = {name: value for name, value in RICH.items() if name in UserFacts.__slots__}
ANSWER.update(scdaemons=[], agent_program="/usr/bin/gpg-agent", usb_nodes=["/dev/bus/usb/001/002"])


def test_there_are_lists_texts_and_numbers_to_attack() -> None:
    lists, texts, numbers = (one_of_each(RICH, *kinds) for kinds in ((list,), (str,), (int, float)))
    assert len(lists) > 20 and len(texts) > 60 and len(numbers) > 20


@pytest.mark.parametrize("place", one_of_each(RICH, list), ids=named)
def test_no_list_of_a_snapshot_is_longer_than_its_bound(place: Place) -> None:
    document = with_value(RICH, place, [None] * (SNAPSHOT_BOUNDS.of_list(str(place[-1])) + 1))
    with pytest.raises(BadSnapshot, match="too long a list"):
        decode(document)


@pytest.mark.parametrize("place", one_of_each(ANSWER, list), ids=named)
def test_no_list_of_an_answer_is_longer_than_its_bound(place: Place) -> None:
    document = with_value(ANSWER, place, [None] * (ANSWER_BOUNDS.of_list(str(place[-1])) + 1))
    with pytest.raises(BadSnapshot, match="too long a list"):
        decoded(document)


def test_all_files_together_have_a_bound() -> None:
    (file,) = RICH["configuration"]["files"][:1]
    long = {**file, "length": SNAPSHOT_BOUNDS.lines - 1, "lines": []}
    decode(with_value(RICH, ("configuration", "files"), [long, long]))
    with pytest.raises(BadSnapshot, match="so many lines together"):
        decode(with_value(RICH, ("configuration", "files"), [long, long, {**long, "length": 1}]))


def test_no_text_is_longer_than_its_bound() -> None:
    for place in one_of_each(RICH, str):
        with pytest.raises(BadSnapshot, match="too long a text"):
            decode(with_value(RICH, place, "x" * (SNAPSHOT_BOUNDS.text + 1)))
    for place in one_of_each(ANSWER, str):
        with pytest.raises(BadSnapshot, match="too long a text"):
            decoded(with_value(ANSWER, place, "x" * (ANSWER_BOUNDS.text + 1)))


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_no_number_is_larger_than_its_bound(number: float) -> None:
    readings: list[tuple[Any, Callable[[Any], object]]] = [(RICH, decode), (ANSWER, decoded)]
    for document, read in readings:
        for place in one_of_each(document, int, float):
            with pytest.raises(BadSnapshot, match=r"too large a number|so many lines|was expected"):
                read(with_value(document, place, number))


def listed(name: str) -> bytes:
    return json.dumps({"schema_version": "1.0", "facts": {**RICH, name: [0] * MILLION}}).encode()


def nested(opened: bytes, closed: bytes, depth: int) -> bytes:
    return b'{"schema_version": "1.0", "facts": ' + opened * depth + b"0" + closed * depth + b"}"


def with_text() -> bytes:
    gnupg = {**RICH["gnupg"], "homedir": "/" + "x" * (7 * MILLION)}
    return json.dumps({"schema_version": "1.0", "facts": {**RICH, "gnupg": gnupg}}).encode()


def with_digits() -> bytes:
    return with_text().replace(b"x", b"9").replace(b'"/9', b"9").replace(b'9"', b"9")


DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "a million readers": partial(listed, "readers"),
    "a million processes": partial(listed, "processes"),
    "a text of seven million characters": with_text,
    "a number of as many digits": with_digits,
    "lists in lists": partial(nested, b"[", b"]", 3 * MILLION),
    "objects in objects": partial(nested, b'{"a":', b"}", MILLION),
    "as many empty lists as there is room for": lambda: b"[" + b"[]," * (2_700_000) + b"0]",
    "as many lists of lists": lambda: b"[" + b"[[[[[[]]]]]]," * 640_000 + b"0]",
    "more than there is room for": lambda: b" " * (9 << 20),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_too_much_is_refused_in_little_memory(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(DOCUMENTS[kind]())
    done = subprocess.run(
        [sys.executable, "-m", "gpgdoctor", "check", "--json", "--from", str(path)],
        cwd=SOURCE_TREE,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )
    assert (done.returncode, done.stdout) == (USAGE, ""), done.stderr
    assert done.stderr.startswith(f"gpgdoctor: {path}") and done.stderr.count("\n") == 1


ORDINARY = {
    "nothing but comments": b"# note\n" * configuration.LIMIT_LINES,
    "as many options as are read": b"reader-port 5\n" * configuration.LIMIT_STATEMENTS,
    "as many mistakes": b"disabel-ccid # 5\n" * configuration.LIMIT_STATEMENTS,
    "an option as long as is read": b"reader-port " + b"x" * (configuration.LIMIT_STATEMENT_BYTES - 12),
    "no line feed at the end": b"# note\n" * configuration.LIMIT_LINES + b"# last",
    "options that are commented out": b"#disable-ccid\n" * configuration.LIMIT_LINES,
    "carriage returns": b"x y\r" * (configuration.LIMIT_STATEMENT_BYTES // 4),
}


@pytest.mark.parametrize("bounds", [SNAPSHOT_BOUNDS, ANSWER_BOUNDS], ids=["snapshot", "answer"])
@pytest.mark.parametrize("kind", ORDINARY)
def test_what_is_kept_of_a_file_is_within_the_bounds(kind: str, bounds: Bounds, tmp_path: Path) -> None:
    path = tmp_path / "scdaemon.conf"
    path.write_bytes(ORDINARY[kind])
    source = configuration.read(str(path), "scdaemon", "user")
    (file,), effective = configuration.judge([source], TABLE, "alice")
    assert (file.status, file.length > 0) == ("regular", True)
    facts: Facts = planted()
    in_force = configuration.settings(effective, {"user": str(path)})
    found = replace(facts.configuration, files=(file,), in_force=in_force)
    assert decode_as(Configuration, json.loads(json.dumps(encode(found))), bounds) == found
