"""Timelines for pages: of any length, with every kind of hold and moment, by programs of any name."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from gpgdoctor.instruments.watch.look import Certainty
from gpgdoctor.instruments.watch.naming import Who
from gpgdoctor.instruments.watch.timeline import Event, Recorder, Timeline

READERS = ("Yubico YubiKey OTP+FIDO+CCID 00 00", "Gemalto PC Twin Reader 00 00")
PROGRAMS = ("scdaemon", "firefox", "ykman", "yubikey-agent", "pcsc_scan")
BEGAN = 1_700_000_000.0


def who(program: str, certainty: Certainty = "certain") -> tuple[Who, ...]:
    return (Who(pid=700 + len(program), program=program, certainty=certainty),)


def timeline(
    events: int, seconds: float, readers: Sequence[str] = READERS, programs: Sequence[str] = PROGRAMS
) -> Timeline:
    """About as many events as that, the same ones each time."""
    chance = random.Random(1)
    recorder = Recorder(BEGAN)
    recorder.add(Event(t_s=0.0, kind="pcscd", change="found", by=who("pcscd")))
    for reader in readers:
        recorder.add(Event(t_s=0.0, kind="reader", change="found", reader=reader))
    at_s, told = 0.0, 1 + len(readers)
    while told < events and at_s < seconds - 10:
        at_s += chance.expovariate(events / 2.2 / seconds)
        told += _hold(recorder, chance, at_s, chance.choice(readers), chance.choice(programs), chance.choice(programs))
    recorder.add(Event(t_s=at_s, kind="take", change="began", reader=readers[0], share="shared", by=who(programs[0])))
    return recorder.timeline(seconds)


def _hold(recorder: Recorder, chance: random.Random, at_s: float, reader: str, program: str, waiting: str) -> int:
    lasted = chance.uniform(0.05, 3.0)
    how: dict[str, Any] = {"reader": reader, "share": chance.choice(["shared", "exclusive"]), "by": who(program)}
    recorder.add(Event(t_s=at_s, kind="take", change="began", **how))
    more = 0
    if chance.random() < 0.1:
        kind: Any = chance.choice(["wait", "refused"])
        trouble: dict[str, Any] = {**how, "by": who(waiting, "likely"), "holders": who(program)}
        recorder.add(Event(t_s=at_s, kind=kind, change="began", **trouble))
        recorder.add(Event(t_s=at_s + lasted, kind=kind, change="over", **trouble, for_s=lasted))
        more = 2
    recorder.add(Event(t_s=at_s + lasted, kind="release", change="over", **how, for_s=lasted))
    return 2 + more
