"""Whatever a machine calls its readers and files, the terminal gets text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgdoctor.system.escape import LIMIT, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Yubico YubiKey 00 00", "Yubico YubiKey 00 00"),
        ("für Größe 日本", "für Größe 日本"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x7f\x85\x9b\xad", "\\x7f\\x85\\x9b\\xad"),
        ("\u202eevil\u2066\u200b\ufeff\u2028", "\\u202eevil\\u2066\\u200b\\ufeff\\u2028"),
        ("\udcff\udc80", "\\xff\\x80"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("\u00a0\u3000", "\\xa0\\u3000"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(), max_size=300))
def test_never_anything_that_acts(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()  # no surrogates are left
    assert len(shown) <= 10 * LIMIT


def test_too_long_is_cut() -> None:
    assert printable("x" * (LIMIT + 1)) == "x" * (LIMIT - 3) + "..."
    assert printable("x" * LIMIT) == "x" * LIMIT
    assert printable("x" * 50, 20) == "x" * 17 + "..."
