"""The child that talks to pcscd is not believed blindly: a driver in it may crash it, or write into its pipe."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from hypothesis import strategies as st

from gpgdoctor.collect import probe_child
from gpgdoctor.facts import Reason
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import replace
from tests.support.fuzzing import EVIL, TEXTS, attack, survives
from tests.support.specimens import machines

NAMES = st.sampled_from(["Yubico 00 00", "Yubico 00 01"]) | TEXTS
CODES = st.sampled_from([0, 0, 0x8010002E, 0x8010001D, 0x80100069]) | st.integers() | st.floats() | st.none()
STATES = st.sampled_from([0x10, 0x22, 0x1A2, 0x122, 0x10022]) | st.integers() | TEXTS
READERS = st.lists(st.tuples(NAMES, STATES, st.just("3b00") | TEXTS).map(list), max_size=3) | TEXTS | st.none()
OUTCOMES = st.sampled_from(["ok", "refused", "blocked", "stuck", "denied", "gone", "failed"]) | TEXTS | st.integers()
LIBRARIES = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["libpcsclite.so.1", "pyscard"]) | TEXTS, "reason": st.none() | TEXTS}
)
FACTS = st.one_of(
    st.fixed_dictionaries({"library": LIBRARIES | TEXTS | st.none()}),
    st.fixed_dictionaries({"driver": LIBRARIES | st.integers()}),
    st.fixed_dictionaries({"establish": CODES}),
    st.fixed_dictionaries({"listed": CODES, "names": st.lists(NAMES | st.none(), max_size=3) | TEXTS | st.none()}),
    st.fixed_dictionaries({"states": READERS}),
    st.fixed_dictionaries({"later": READERS}),
    st.fixed_dictionaries({"probe": st.tuples(NAMES, OUTCOMES, CODES, CODES).map(list) | TEXTS}),
    st.fixed_dictionaries({"stage": st.sampled_from(["asked", "looked", "done", "unreadable"]) | TEXTS}),
    st.fixed_dictionaries({"refused": CODES}),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
LIBRARY = {"library": {"name": "libpcsclite.so.1", "reason": None}}
GOOD_START = [LIBRARY, {"establish": 0}, {"listed": 0, "names": ["Yubico 00 00"]}]
VALUES = FACTS | TEXTS | st.integers() | st.lists(st.none(), max_size=2)
WRITTEN = (
    VALUES.map(json.dumps).map(str.encode)
    | st.binary(max_size=20)
    | EVIL.map(lambda text: text.encode(errors="surrogateescape"))
    | st.just(b'{"establish": ' + b"9" * 5000 + b"}")
    | st.just(b"[" * 20_000)
)
STARTS = st.sampled_from([GOOD_START, GOOD_START[:1], []])
SPEECHES = st.tuples(STARTS, st.lists(WRITTEN, max_size=8)).map(
    lambda parts: b"\n".join([*(json.dumps(fact).encode() for fact in parts[0]), *parts[1]]) + b"\n"
)
PIPE_BYTES = 60_000  # what can be written without a reader


class _Child:
    """In the place of the process: it has said all it will say when it is started."""

    says = b""
    pid = 2**22 + 1
    stdin = stdout = stderr = None

    def __init__(self, _: list[str], *, pass_fds: list[int], **__: Any) -> None:
        os.write(pass_fds[0], self.says[:PIPE_BYTES])

    def poll(self) -> int:
        return 0

    def wait(self) -> int:
        return 0


@pytest.mark.parametrize("not_made", [None, Reason.NO_PROBE])
def test_whatever_the_child_says_makes_facts(not_made: Reason | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", _Child)

    def look(speech: bytes) -> None:
        _Child.says = speech
        child = probe_child.ProbeChild()
        try:
            while child._read(Deadline(1.0)):
                pass
            found = child.answers
            parts = {"answer": found.answer(), "library": found.library()}
            readers, driver = found.readers(not_made), found.driver()
        finally:
            child.close()
        for facts in machines().values():
            configuration = replace(facts.configuration, pcsc_driver=driver)
            survives(replace(facts, readers=readers, pcscd=replace(facts.pcscd, **parts), configuration=configuration))

    attack(look, SPEECHES)
