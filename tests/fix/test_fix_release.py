"""scdaemon lets go of a reader that it keeps from pcscd, before anything is written.

Played with stand-ins: no virtual reader is on USB, where alone this can happen.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pytest

from gpgdoctor.fix import release
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.restart import Running
from gpgdoctor.plan.steps import Restart
from tests.support.machines import RUNNING, SHARE, diagnosed, finding, machine

KEEPING = machine(readers=(), running={**RUNNING, "cards": ["D276"]})


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[object], list[Sequence[str]]]]:
    """What was restarted; and the readers that PC/SC lists, look by look, the last of them for ever."""
    restarted: list[object] = []
    looks: list[Sequence[str]] = []

    def look(_homedir: str | None, *, wake: bool) -> object:
        assert wake, "one that sleeps would never list a reader"
        return diagnosed(machine(readers=looks.pop(0) if len(looks) > 1 else looks[0]))

    monkeypatch.setattr(release, "look", look)
    monkeypatch.setattr(release, "running", lambda _facts: Running(homedir="/h"))
    monkeypatch.setattr(release, "restart", lambda step, _before, _tell: restarted.append(step))
    monkeypatch.setattr(release, "POLL_S", 0.01)
    monkeypatch.setattr(release, "LISTED_DEADLINE_S", 0.0)
    yield restarted, looks


def give(*, may_ask: bool = False) -> tuple[bool, str]:
    said = io.StringIO()
    console = Console(io.StringIO(), io.StringIO(), said)
    diagnosis = diagnosed(KEEPING, finding("GD104", SHARE, severity="warning", subject=None))
    return release.give_reader_to_pcscd(diagnosis, None, console, may_ask=may_ask), said.getvalue()


Played = tuple[list[object], list[Sequence[str]]]


def test_scdaemon_alone_is_stopped_and_pcscd_looks_again(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "LISTED_DEADLINE_S", 30.0)
    restarted, looks = played
    looks += [(), (), ("PRESENT",)]
    assert give() == (True, "")
    assert restarted == [Restart(target="scdaemon", argv=("gpgconf", "--kill", "scdaemon"))]


def test_nobody_is_asked_where_nobody_answers(played: Played) -> None:
    played[1].append(())
    assert give() == (False, "")


def test_a_person_is_asked_to_replug(played: Played) -> None:
    played[1].extend([()] * 3 + [("PRESENT",)])
    listed, said = give(may_ask=True)
    assert listed and "plug it in again" in said
