"""Codes and constants have the names that pcsc-lite's headers give them."""

from __future__ import annotations

import pytest

from gpgdoctor.pcsc import names


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "SCARD_S_SUCCESS (0x00000000)"),
        (0x8010000B, "SCARD_E_SHARING_VIOLATION (0x8010000B)"),
        (-2146435061, "SCARD_E_SHARING_VIOLATION (0x8010000B)"),  # as pyscard has it
        (0x8010006A, "SCARD_W_SECURITY_VIOLATION (0x8010006A)"),
        (0x12345678, "0x12345678"),
    ],
)
def test_a_code_is_described_by_name_and_number(code: int, text: str) -> None:
    assert names.described(code) == text


def test_a_code_without_a_name_has_none() -> None:
    assert names.code_name(0x8010000B) == "SCARD_E_SHARING_VIOLATION"
    assert names.code_name(1) is None


def test_flags_keep_what_has_no_name() -> None:
    assert names.flags(names.PROTOCOLS, 3) == ("SCARD_PROTOCOL_T0", "SCARD_PROTOCOL_T1")
    assert names.flags(names.PROTOCOLS, 0x42) == ("SCARD_PROTOCOL_T1", "0x40")
    assert names.flags(names.PROTOCOLS, 0) == ()


def test_the_codes_are_those_of_the_library_that_is_installed() -> None:
    scard = pytest.importorskip("smartcard.scard")
    ours = {name: code for code, name in names.CODES.items()}
    theirs = {name: getattr(scard, name) & 0xFFFFFFFF for name in ours if hasattr(scard, name)}
    assert len(theirs) > 30
    assert {name: ours[name] for name in theirs} == theirs
