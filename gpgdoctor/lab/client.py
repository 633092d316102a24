"""Another program that uses PC/SC, as a scenario wants it.

The lab copies this file and runs it under another program's name, so it needs nothing but pyscard.
First line of stdin: what to be, as JSON. Then one command a line; each is answered by one line of JSON.
"""

from __future__ import annotations

import json
import os
import select
from typing import Any

from smartcard import scard

CROWD = 200  # contexts that one pcscd serves: PCSC_MAX_CONTEXT_THREADS, pcsc-lite src/pcscd.h.in
SELECT_INTERVAL_S = 0.2
SELECT_PIV = [0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x03, 0x08]
ANY_PROTOCOL = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
MODES = {"exclusive": scard.SCARD_SHARE_EXCLUSIVE, "direct": scard.SCARD_SHARE_DIRECT}


def unsigned(code: int) -> str:
    return f"0x{code & 0xFFFFFFFF:08X}"


class Client:
    def __init__(self, kind: str, reader: str) -> None:
        self.kind = kind
        self.reader = reader
        self.card: Any = None
        self.protocol = 0
        self.code, self.context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)

    def take_up(self) -> None:
        if self.code != 0 or self.kind == "idle":
            return
        if self.kind == "crowd":
            self.others = [scard.SCardEstablishContext(scard.SCARD_SCOPE_USER) for _ in range(CROWD - 1)]
            return
        mode = MODES.get(self.kind, scard.SCARD_SHARE_SHARED)
        protocol = 0 if self.kind == "direct" else ANY_PROTOCOL
        self.code, self.card, self.protocol = scard.SCardConnect(self.context, self.reader, mode, protocol)
        if self.code == 0 and self.kind == "transaction":
            self.code = scard.SCardBeginTransaction(self.card)
        if self.code == 0 and self.kind == "foreign-select":
            self.transmit(SELECT_PIV)

    def status(self) -> dict[str, Any]:
        if self.card is None:
            code, readers = scard.SCardListReaders(self.context, [])
            return {"code": unsigned(code), "readers": readers}
        code, reader, state, protocol, _ = scard.SCardStatus(self.card)
        return {"code": unsigned(code), "reader": reader, "state": state, "protocol": protocol}

    def transmit(self, command: list[int]) -> dict[str, Any]:
        code, answer = scard.SCardTransmit(self.card, self.protocol, command)
        return {"code": unsigned(code), "answer": bytes(byte & 0xFF for byte in answer).hex()}

    def release(self) -> None:
        if self.card is not None:
            # pyscard's own default would power the card off under others: pcsc-lite keeps it with LEAVE.
            scard.SCardDisconnect(self.card, scard.SCARD_LEAVE_CARD)
        scard.SCardReleaseContext(self.context)


def answer(client: Client, line: str) -> dict[str, Any]:
    word, _, rest = line.strip().partition(" ")
    if word == "status":
        return client.status()
    if word == "transmit":
        return client.transmit(list(bytes.fromhex(rest)))
    if word == "begin":
        return {"code": unsigned(scard.SCardBeginTransaction(client.card))}
    if word == "end":
        return {"code": unsigned(scard.SCardEndTransaction(client.card, scard.SCARD_LEAVE_CARD))}
    if word == "reconnect":
        code, client.protocol = scard.SCardReconnect(
            client.card, scard.SCARD_SHARE_SHARED, ANY_PROTOCOL, scard.SCARD_LEAVE_CARD
        )
        return {"code": unsigned(code)}
    return {"code": "unknown command"}


def commands(client: Client) -> Any:
    """Lines of stdin as they come; meanwhile a "foreign-select" keeps selecting its own applet."""
    pending = b""
    while True:
        wait = SELECT_INTERVAL_S if client.kind == "foreign-select" else None
        if not select.select([0], [], [], wait)[0]:
            if client.transmit(SELECT_PIV)["code"] == "0x80100068":
                answer(client, "reconnect")
            continue
        chunk = os.read(0, 4096)
        if not chunk:
            return
        *lines, pending = (pending + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    first = b""
    while not first.endswith(b"\n"):
        first += os.read(0, 1)
    wanted = json.loads(first)
    client = Client(wanted["kind"], wanted["reader"])
    client.take_up()
    say({"code": unsigned(client.code)})
    for line in commands(client):
        if line.strip() == "stop":
            break
        say(answer(client, line))
    client.release()


if __name__ == "__main__":
    main()
