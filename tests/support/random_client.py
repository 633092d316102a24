"""A PC/SC program that takes a card at random, and writes down when it really had it.

`random_client.py KIND READER SEED SECONDS FILE`; runs inside the lab, with pyscard alone.
A line of FILE: {"pid", "share", "take": [before, after], "release": [before, after]}, in monotonic seconds.

Kinds: fresh (a context for each time), open (one context), busy (one context, and asks the card while it has it),
alone (exclusive, a context for each time), curious (one context, and asks pcscd for states all the time).
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import Any

from smartcard import scard

HOLD_S, PAUSE_S, CHATTER_S = (0.05, 1.5), (0.1, 1.5), (0.02, 0.3)
ANY_PROTOCOL = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
SELECT_NOTHING = [0x00, 0xA4, 0x04, 0x00, 0x05, 0xF0, 0x00, 0x00, 0x00, 0x01]


class Client:
    def __init__(self, kind: str, reader: str, seed: int, log: Any) -> None:
        self.kind, self.reader, self.log = kind, reader, log
        self.random = random.Random(seed)
        self.context: Any = None
        self.share = scard.SCARD_SHARE_EXCLUSIVE if kind == "alone" else scard.SCARD_SHARE_SHARED

    def once(self) -> None:
        if self.context is None:
            _, self.context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        before = time.monotonic()
        code, card, protocol = scard.SCardConnect(self.context, self.reader, self.share, ANY_PROTOCOL)
        took = [before, time.monotonic()]
        if code == 0:
            self.hold(card, protocol)
            before = time.monotonic()
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
            self.write(took, [before, time.monotonic()])
        if self.kind in ("fresh", "alone"):
            scard.SCardReleaseContext(self.context)
            self.context = None
        self.wait(self.random.uniform(*PAUSE_S), None, 0)

    def hold(self, card: Any, protocol: int) -> None:
        self.wait(self.random.uniform(*HOLD_S), card, protocol)

    def wait(self, seconds: float, card: Any, protocol: int) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            step = self.random.uniform(*CHATTER_S) if self.kind in ("busy", "curious") else left
            time.sleep(min(left, step))
            if self.kind == "curious" and self.context is not None:
                scard.SCardGetStatusChange(self.context, 0, [(self.reader, scard.SCARD_STATE_UNAWARE)])
            elif self.kind == "busy" and card is not None:
                scard.SCardTransmit(card, protocol, SELECT_NOTHING)

    def write(self, took: list[float], let_go: list[float]) -> None:
        share = "exclusive" if self.kind == "alone" else "shared"
        line = {"pid": os.getpid(), "share": share, "take": took, "release": let_go}
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()


def main() -> None:
    kind, reader, seed, seconds, path = sys.argv[1:6]
    end = time.monotonic() + float(seconds)
    with open(path, "w", encoding="ascii") as log:
        client = Client(kind, reader, int(seed), log)
        if kind in ("open", "busy", "curious"):
            _, client.context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        print("ready", flush=True)
        while time.monotonic() < end:
            client.once()


if __name__ == "__main__":
    main()
