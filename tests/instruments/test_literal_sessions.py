"""Whole sessions as literal bytes: what libpcsclite and pcscd of each protocol version say to each other on a PC.

Written down from pcsc-lite's structures at 1.8.8 (4:2), 1.8.22 (4:3), 1.9.9 (4:4), 2.3.3 (4:5) and 2.5.1 (4:6), and
not by this project's own encoder.
"""

from __future__ import annotations

import sys

import pytest

from tests.support.talk import Talk

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the literals are little-endian")

NAME = b"A Reader 00 00"


def h(text: str) -> bytes:
    return bytes.fromhex(text)


STATE = NAME.ljust(128, b"\0") + h("01000000 34000000 ffffffff 3b80") + bytes(31 + 3) + h("02000000 02000000")
SIXTEEN = STATE + bytes(15 * 184)

ESTABLISH = [
    (">", h("0c000000 01000000 02000000 00000000 00000000")),
    ("<", h("02000000 0d0c0b0a 00000000")),
]
CONNECT = [
    (">", h("98000000 04000000 0d0c0b0a") + NAME.ljust(128, b"\0") + h("01000000 03000000 00000000 00000000 00000000")),
    ("<", h("0d0c0b0a") + NAME.ljust(128, b"\0") + h("01000000 03000000 00000000 00000000 0b001080")),
]
RELEASE = [
    (">", h("08000000 02000000 0d0c0b0a 00000000")),
    ("<", h("0d0c0b0a 00000000")),
]


def version(minor: int) -> list[tuple[str, bytes]]:
    both = h(f"04000000 0{minor}000000 00000000")
    return [(">", h("0c000000 11000000") + both), ("<", both)]


# A wait of SCardGetStatusChange that ends by itself.
WAITS = {
    2: [
        (">", h("00000000 12000000")),
        ("<", SIXTEEN),
        (">", h("08000000 13000000 e8030000 00000000")),
        (">", h("08000000 14000000 e8030000 00000000")),
        ("<", h("00000000 00000000")),
    ],
    4: [
        (">", h("00000000 13000000")),
        ("<", SIXTEEN),
        (">", h("00000000 14000000")),
        ("<", h("00000000 00000000")),
    ],
    6: [
        (">", h("00000000 13000000")),
        (">", h("00000000 16000000")),
        ("<", h("20000000")),
        (">", h("00000000 17000000")),
        ("<", STATE + bytes(31 * 184)),
        (">", h("00000000 15000000")),
        ("<", h("03000000 00000000")),
        (">", h("00000000 14000000")),
        ("<", h("00000000 00000000")),
    ],
}
WAITS[3], WAITS[5] = WAITS[2], [*WAITS[4][:2], *WAITS[6][5:7], *WAITS[4][2:]]
LISTS = {
    **{minor: [(">", h("00000000 12000000")), ("<", SIXTEEN)] for minor in (2, 3, 4, 5)},
    6: [
        (">", h("00000000 16000000")),
        ("<", h("20000000")),
        (">", h("00000000 17000000")),
        ("<", STATE + bytes(31 * 184)),
    ],
}


@pytest.mark.parametrize("minor", [2, 3, 4, 5, 6])
def test_a_session_of_each_version(minor: int) -> None:
    talk = Talk(minor)
    for side, data in [*version(minor), *ESTABLISH, *LISTS[minor], *LISTS[minor], *WAITS[minor], *CONNECT, *RELEASE]:
        (talk.from_client if side == ">" else talk.from_pcscd)(data)
    talk.conversation.end(talk.now_s, by_pcscd=False)
    listing = "SCardListReaders" if minor > 3 else "SCardListReaders or SCardGetStatusChange"
    assert [call.name for call in talk.calls] == [
        "SCardEstablishContext",
        listing,
        listing,
        "SCardGetStatusChange",
        "SCardConnect",
        "SCardReleaseContext",
    ]
    assert len(talk.events) == 6
    assert talk.calls[0].remark == f"protocol 4:{minor}"
    assert 'SCardListReaders "A Reader 00 00" (in use, exclusive)' in talk.lines[1] or minor < 4
    connect = talk.lines[-2]
    assert "dwShareMode SCARD_SHARE_EXCLUSIVE" in connect
    assert "-> SCARD_E_SHARING_VIOLATION (0x8010000B)" in connect


def test_a_newer_library_comes_down_to_an_older_pcscd() -> None:
    talk = Talk(6)
    session = [
        (">", h("0c000000 11000000 04000000 06000000 00000000")),
        ("<", h("04000000 04000000 1e001080")),
        (">", h("0c000000 11000000 04000000 04000000 00000000")),
        ("<", h("04000000 04000000 00000000")),
        *ESTABLISH,
        *WAITS[4],
    ]
    for side, data in session:
        (talk.from_client if side == ">" else talk.from_pcscd)(data)
    assert talk.names == ["SCardEstablishContext", "SCardGetStatusChange"]
    assert talk.calls[0].remark == "protocol 4:4"


def test_an_older_library_at_a_newer_pcscd() -> None:
    """pcscd of 2.5 answers with its own version, and with sixteen readers."""
    talk = Talk(4)
    session = [
        (">", h("0c000000 11000000 04000000 04000000 00000000")),
        ("<", h("04000000 06000000 00000000")),
        *ESTABLISH,
        *WAITS[4],
        *LISTS[4],
        *RELEASE,
    ]
    for side, data in session:
        (talk.from_client if side == ">" else talk.from_pcscd)(data)
    assert talk.names == [
        "SCardEstablishContext",
        "SCardGetStatusChange",
        "SCardListReaders",
        "SCardReleaseContext",
    ]
