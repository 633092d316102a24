"""What the key files of a home tell of cards, in both of their forms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgdoctor.collect.stubs import SERIAL_LIMIT_BYTES, Stubs, serials_in, stubs_of
from gpgdoctor.facts import Unknown

ONE, OTHER = "D2760001240102010006000000010000", "D2760001240103040006123456780000"


def canonical(serial: str) -> bytes:
    """As GnuPG 2.2 writes it."""
    number = bytes.fromhex(serial)
    token = b"5:t1-v1(%d:%s10:OPENPGP.1)" % (len(number), number)
    return b"(20:shadowed-private-key(3:rsa(1:n3:abc)(1:e3:\1\0\1)(8:shadowed" + token + b")))"


def in_words(serial: str) -> bytes:
    """As 2.3 and later write it: long words are broken, and go on behind a blank."""
    return (
        b"Created: 20240101T000000\n"
        b"Token: " + serial.encode() + b" OPENPGP.1 - 12345678\n"
        b"Key: (shadowed-private-key (rsa (n #00AB\n CD#)(e #010001#)(shadowed t1-v1\n"
        b"  (#" + serial[:20].encode() + b"\n  " + serial[20:].encode() + b"# OPENPGP.1)))) \n"
    )


SECRET = b"(21:protected-private-key(3:rsa(1:n3:abc)))"


@pytest.mark.parametrize("form", [canonical, in_words])
def test_a_stub_names_its_card(form: object, tmp_path: Path) -> None:
    keys = tmp_path / "private-keys-v1.d"
    keys.mkdir()
    assert callable(form)
    for name, content in (("A.key", form(ONE)), ("B.key", form(ONE)), ("C.key", form(OTHER)), ("D.key", SECRET)):
        (keys / name).write_bytes(content)
    (keys / "E.key.tmp").write_bytes(form("D27600012401030400067777777700"))
    assert stubs_of(str(tmp_path)) == Stubs(keys=3, serials=(ONE, OTHER))


def test_the_token_alone_names_it_too() -> None:
    assert serials_in(b"Token: " + ONE.lower().encode() + b" OPENPGP.2\n") == {ONE}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Token: \n",
        b"Token: xyz\n",
        b"8:shadowed5:t1-v1(",
        b"8:shadowed5:t1-v1(9999999:",
        b"(shadowed t1-v1 (#" + b"A" * 4096 + b"#",
    ],
)
def test_what_is_no_stub_names_none(content: bytes) -> None:
    assert serials_in(content) == set()


def test_a_length_is_not_believed() -> None:
    (serial,) = serials_in(b"8:shadowed5:t1-v1(999:" + b"x" * 999)
    assert len(serial) == 2 * SERIAL_LIMIT_BYTES


def test_without_keys_there_are_no_stubs(tmp_path: Path) -> None:
    assert stubs_of(str(tmp_path)) == Stubs(keys=0, serials=())
    unknown = Unknown.because("gpgconf does not name homedir")
    assert stubs_of(unknown) == Stubs(keys=unknown, serials=unknown)


def test_a_fifo_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "private-keys-v1.d").mkdir()
    os.mkfifo(tmp_path / "private-keys-v1.d" / "A.key")
    assert stubs_of(str(tmp_path)) == Stubs(keys=0, serials=())


def test_a_directory_that_is_none_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "private-keys-v1.d").touch()
    assert isinstance(stubs_of(str(tmp_path)).serials, Unknown)
