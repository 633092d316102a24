"""How long each attack lasts, and what must hold whatever came of it.

All attacks together take GPGDOCTOR_FUZZ_S seconds (60 by default): GPGDOCTOR_FUZZ_S=3600 pytest tests/fuzz
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts
from gpgdoctor.redact.redact import redact
from gpgdoctor.report import markdown, nagios, text
from gpgdoctor.report.json import document, dump
from gpgdoctor.report.style import Style
from gpgdoctor.snapshot import decode, encode

T = TypeVar("T")

SECONDS = float(os.environ.get("GPGDOCTOR_FUZZ_S", "60"))
ATTACKS = 14  # tests/fuzz/test_*.py
BATCH = 40
LONGEST_LINE = 3000

# What breaks terminals, parsers and encodings: escapes, bidi, line ends, halves of surrogate pairs, very long text.
EVIL = st.sampled_from(
    [
        *("\x1b[2J\x1b]0;owned\x07", "\u202egpj.exe", "\r\nok\r", "\x00", "\x9b31m", "\udce4", "\ufeff", "\u2028"),
        *("\U000e0041", "%00", "|", ":", "/", "..", "-1", "0", "", " ", "/dev/null/x", "18446744073709551616"),
        *("x" * 10_000, "\u00e4" * 300),
    ]
)
TEXTS = EVIL | st.text(max_size=20) | st.text(st.characters(), max_size=8)
CONTROLS = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} - {"\n"}
BIDI = {chr(code) for code in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)}


def attack(target: Callable[[T], object], inputs: st.SearchStrategy[T]) -> None:
    """Call ``target`` with inputs for as long as one attack lasts: an exception is a defect."""
    end = time.monotonic() + SECONDS / ATTACKS
    failed = False
    batch = settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    def once(value: T) -> None:
        nonlocal failed
        if failed or time.monotonic() < end:  # the search for a smaller failure is not cut short
            try:
                target(value)
            except BaseException:
                failed = True
                raise

    while time.monotonic() < end:
        batch(given(inputs)(once))()


def survives(facts: Facts) -> None:
    """Facts go to JSON and back, are judged, and are printed in every form without harm."""
    assert decode(json.loads(json.dumps(encode(facts)))) == facts
    diagnosis = diagnose(facts)
    harmless(nagios.render(diagnosis), lines=1)
    for style in (Style(verbose=True), Style(width=20)):
        harmless(text.render(diagnosis, style))
    harmless(markdown.render(*redact(diagnosis, hosts=("machine",)), Style()))
    printed = dump(document(diagnosis, 0.1))
    assert printed.isascii()
    assert json.loads(printed)["facts"] == json.loads(json.dumps(encode(facts)))


def harmless(printed: str, lines: int | None = None) -> None:
    """Nothing in it moves the cursor, hides, or reorders what stands on the screen, and it has an end."""
    found = (CONTROLS | BIDI) & set(printed)
    assert not found, f"{found} in {printed[:2000]!r}"
    assert not any("\ud800" <= character <= "\udfff" for character in printed)
    assert max(map(len, printed.split("\n"))) < LONGEST_LINE
    assert lines is None or printed.count("\n") + 1 == lines
