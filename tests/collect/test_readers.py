"""What the probe child tells becomes facts once, within pcsc-lite's own limits."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.collect.readers import MOST_READERS, NAME_LENGTH, ProbeAnswers
from gpgdoctor.facts import PcscDriver, Reader, Reason, Unknown

LIBRARY = {"library": {"name": "libpcsclite.so.1", "reason": None}}
NAME = "Yubico YubiKey OTP+FIDO+CCID 00 00"
EMPTY, IDLE, SHARED, EXCLUSIVE = 0x10012, 0x22, 0x122, 0xA2
WHY_NOT = "it took longer than --timeout allows"


def answers(*facts: dict[str, Any]) -> ProbeAnswers:
    found = ProbeAnswers(lambda: WHY_NOT)
    for fact in (LIBRARY, {"stage": "asked"}, *facts):
        found.take(fact)
    return found


def listing(*states: int, later: tuple[int, ...] | None = None) -> list[dict[str, Any]]:
    def of(bits: tuple[int, ...]) -> list[Any]:
        return [[f"{NAME}{number}", each, "3b00"] for number, each in enumerate(bits)]

    names = [f"{NAME}{number}" for number in range(len(states))]
    found: list[dict[str, Any]] = [{"establish": 0}, {"listed": 0, "names": names}, {"states": of(states)}]
    return [*found, {"later": of(states if later is None else later)}]


def readers(found: ProbeAnswers, not_made: Reason | None = None) -> tuple[Reader, ...]:
    readers = found.readers(not_made)
    assert isinstance(readers, tuple)
    return readers


@pytest.mark.parametrize(
    ("state", "later", "probe"),
    [
        (EMPTY, EMPTY, "not-needed"),
        (IDLE, IDLE, "not-needed"),
        (EXCLUSIVE, EXCLUSIVE, "not-needed"),
        (SHARED, IDLE, "not-needed"),
        (SHARED, EXCLUSIVE, "not-needed"),
        (EXCLUSIVE, SHARED, "not-needed"),
        (SHARED, SHARED, "not-made"),
    ],
)
def test_a_probe_is_for_readers_that_are_shared(state: int, later: int, probe: str) -> None:
    """An EXCLUSIVE one says so itself, and pcscd would log that it refused."""
    (reader,) = readers(answers(*listing(state, later=(later,))), Reason.NO_PROBE)
    assert reader.probe == probe
    assert reader.not_made_reason is (Reason.NO_PROBE if probe == "not-made" else None)


def test_a_probe_and_its_code() -> None:
    probe = {"probe": [f"{NAME}0", "blocked", 0, 2.04]}
    (reader,) = readers(answers(*listing(SHARED), probe))
    assert (reader.probe, reader.seconds, reader.probe_code) == ("blocked", 2.0, None)
    (reader,) = readers(answers(*listing(SHARED), {"probe": [f"{NAME}0", "denied", 0x8010006A, 0.1]}))
    assert (reader.probe, reader.seconds, reader.probe_code) == ("denied", None, "0x8010006A")


def test_a_reader_for_which_a_program_waits_is_not_probed() -> None:
    answer = answers(*listing(SHARED), {"waiting": 1})
    (reader,) = readers(answer)
    assert (reader.probe, reader.not_made_reason) == ("not-made", Reason.PROGRAM_WAITS)
    assert answer.waiting_programs() == 1
    assert answers(*listing(SHARED)).waiting_programs() == Unknown(Reason.NOT_NEEDED)
    for nonsense in (-1, "1", None, True, 1 << 40):
        with pytest.raises((ValueError, TypeError)):
            ProbeAnswers(lambda: WHY_NOT).take({"waiting": nonsense})


def test_what_was_not_told_is_unknown() -> None:
    assert answers().answer() == "no-answer"
    assert ProbeAnswers(lambda: WHY_NOT).answer() == Unknown.because(WHY_NOT)
    (reader,) = readers(answers(*listing(SHARED)))
    assert reader.probe == Unknown.because(WHY_NOT)
    (reader,) = readers(answers(*listing(SHARED)[:2]))
    assert reader.state == Unknown.because(WHY_NOT)


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ([{"establish": 0x8010001D}], "0x8010001D"),
        ([{"establish": 0}, {"listed": 0x8010002E, "names": []}], "ok"),
        ([{"establish": 0}, {"listed": 0x80100001, "names": []}], "0x80100001"),
        ([{"establish": 0}], "no-answer"),
        ([{"establish": 0}, {"stage": "unreadable"}], "ok"),
    ],
)
def test_what_pcscd_answered(facts: list[dict[str, Any]], answer: str) -> None:
    assert answers(*facts).answer() == answer


def test_names_that_pyscard_cannot_pass_on_leave_the_readers_unknown() -> None:
    assert isinstance(answers({"establish": 0}, {"stage": "unreadable"}).readers(None), Unknown)


def test_names_are_cut_where_they_enter() -> None:
    name, atr = "x" * 30_000, "3b" * 99
    found = answers({"establish": 0}, {"listed": 0, "names": [name]}, {"states": [[name, IDLE, atr]]})
    (reader,) = readers(found)
    assert reader.name == "x" * NAME_LENGTH
    assert reader.state == ("PRESENT",)
    assert isinstance(reader.atr, str)
    assert len(reader.atr) == 66


@pytest.mark.parametrize(
    "fact",
    [
        [],
        None,
        "text",
        {"establish": -1},
        {"establish": 1 << 32},
        {"establish": True},
        {"establish": 0.5},
        {"listed": "0"},
        {"names": [1]},
        {"names": ["x"] * (MOST_READERS + 1)},
        {"states": [["x", 1]]},
        {"states": {"x": 1}},
        {"probe": ["x", "whatever", 0, 0.0]},
        {"probe": ["x", "ok", 0, 1e19]},
        {"probe": ["x", "ok", 0, -1e19]},
        {"probe": ["x", "ok", 1 << 40, 0.0]},
        {"library": {"name": "x"}},
        {"library": {"name": 1, "reason": None}},
        {"driver": "x"},
    ],
    ids=lambda fact: str(fact)[:30],
)
def test_what_makes_no_sense_is_refused(fact: Any) -> None:
    found = answers(*listing(IDLE))
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        found.take(fact)
    assert readers(found)[0].state == ("PRESENT",), "and changes nothing"


def test_many_probes_are_not_kept() -> None:
    found = answers(*({"probe": [str(number), "ok", 0, 0.0]} for number in range(2 * MOST_READERS)))
    assert len(found.probes) == MOST_READERS


def test_the_library() -> None:
    assert answers().library() == PcscDriver(name="libpcsclite.so.1", usable=True)
    missing = ProbeAnswers(lambda: WHY_NOT)
    missing.take({"library": {"name": "pyscard", "reason": "No module named 'smartcard'"}})
    assert isinstance(missing.library(), Unknown)
    assert isinstance(missing.answer(), Unknown)


def test_the_number_of_connections_is_told_of_readers_in_use() -> None:
    counts = {"handles": [[f"{NAME}0", 3], [f"{NAME}1", -1], [f"{NAME}2", 0]]}
    found = readers(answers(*listing(SHARED, EXCLUSIVE, IDLE), counts))
    assert [reader.handles for reader in found] == [3, -1, Unknown(Reason.NOT_NEEDED)]
    (reader,) = readers(answers(*listing(SHARED)))
    assert isinstance(reader.handles, Unknown)


@pytest.mark.parametrize("counts", [7, [["x"]], [["x", "1"]], [["x", True]], [["x", -2]], [["x", 1 << 40]], [[7, 1]]])
def test_a_number_of_connections_that_makes_no_sense_is_none(counts: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        answers({"handles": counts})
