"""A virtual card in a vpcd reader: the bridge between vpcd's socket and what answers APDUs.

`python -m gpgdoctor.lab.card KIND PORT DIRECTORY`; one command a line on stdin: insert, remove.
The wire: a big-endian 16-bit length and a payload both ways. vpcd sends one byte (0 power off, 1 power
on, 2 reset, 4 ATR please) or an APDU; only the ATR request and APDUs are answered
(vsmartcard, virtualsmartcard/src/vpcd/vpcd.c).
"""

from __future__ import annotations

import logging
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

POWER_OFF, POWER_ON, RESET, ATR_PLEASE = 0, 1, 2, 4
EVENTS = {POWER_OFF: "power-off", POWER_ON: "power-on", RESET: "reset"}

CONNECT_INTERVAL_S = 0.05
CONNECT_DEADLINE_S = 10.0
MESSAGE_DEADLINE_S = 10.0  # vpcd asks for the ATR every 0.4 s: a longer silence means that it is gone

# T=1, historical bytes as the OpenPGP card specification 3.4, section 6, wants them.
OPENPGP_ATR = bytes.fromhex("3BDA18FF81B1FE751F030031F573C001600090001C")
FOREIGN_ATR = bytes.fromhex("3B021450")  # T=0 only
LONGEST_ATR = 33  # ISO 7816-3; pcscd does not power up a card that says more
NOT_FOUND = bytes.fromhex("6A82")


class Card(Protocol):
    def atr(self) -> bytes: ...
    def event(self, control: int) -> None: ...
    def answer(self, apdu: bytes) -> bytes: ...


class SilentCard:
    """Knows no application. With an ATR that is too long it is mute: pcscd cannot power it up."""

    def __init__(self, atr: bytes) -> None:
        self._atr = atr

    def atr(self) -> bytes:
        return self._atr

    def event(self, control: int) -> None:
        pass

    def answer(self, apdu: bytes) -> bytes:
        return NOT_FOUND


class OpenPGPCard:
    """jcecard, with real keys, PINs and signatures."""

    def __init__(self, directory: Path, serial: int) -> None:
        from jcecard.main import OpenPGPCard as Card

        logging.disable(logging.CRITICAL)
        self._card = Card(atr=OPENPGP_ATR, storage_path=directory)
        self._card.card_state.serial_number = serial

    def atr(self) -> bytes:
        return OPENPGP_ATR

    def event(self, control: int) -> None:
        if control == POWER_ON:
            self._card.power_on()
        elif control == POWER_OFF:
            self._card.power_off()
        else:
            self._card.reset()

    def answer(self, apdu: bytes) -> bytes:
        return bytes(self._card.process_apdu(apdu))


def make_card(kind: str, directory: Path, serial: int) -> Card:
    if kind == "openpgp":
        return OpenPGPCard(directory, serial)
    return SilentCard(FOREIGN_ATR if kind == "foreign" else bytes(LONGEST_ATR + 7))


class Bridge:
    """Connects a card with a vpcd slot, and writes down what happens to the card."""

    def __init__(self, card: Card, port: int, log: Path) -> None:
        self._card = card
        self._port = port
        self._log = log
        self._connection: socket.socket | None = None
        log.touch()

    def insert(self) -> None:
        deadline = time.monotonic() + CONNECT_DEADLINE_S
        while self._connection is None:
            try:
                self._connection = socket.create_connection(("127.0.0.1", self._port), MESSAGE_DEADLINE_S)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(CONNECT_INTERVAL_S)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._serve, args=(self._connection,), daemon=True).start()

    def remove(self) -> None:
        if self._connection is not None:
            self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()
            self._connection = None
            self._card.event(POWER_OFF)

    def _serve(self, connection: socket.socket) -> None:
        try:
            while message := _receive(connection):
                answer = self._answer(message)
                if answer is not None:
                    connection.sendall(struct.pack(">H", len(answer)) + answer)
        except OSError:
            return  # removed, or pcscd is gone

    def _answer(self, message: bytes) -> bytes | None:
        if message == bytes([ATR_PLEASE]):
            return self._card.atr()
        if len(message) == 1:
            self._note(EVENTS[message[0]])
            self._card.event(message[0])
            return None
        answer = self._card.answer(message)
        self._note(f"apdu {message.hex()} {answer.hex()}")
        return answer

    def _note(self, what: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{time.time():.6f} {what}\n")


def _receive(connection: socket.socket) -> bytes:
    length = _exactly(connection, 2)
    return _exactly(connection, struct.unpack(">H", length)[0]) if length else b""


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        # vpcd sends the length and the payload by themselves, and waits 40 ms for our acknowledgement in between.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        chunk = connection.recv(size - len(received))
        if not chunk:
            return b""
        received += chunk
    return received


def main() -> None:
    kind, port, directory, serial = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    directory.mkdir(parents=True, exist_ok=True)
    bridge = Bridge(make_card(kind, directory, serial), port, directory / "log")
    for line in sys.stdin:
        {"insert": bridge.insert, "remove": bridge.remove}[line.strip()]()
        print("ok", flush=True)


if __name__ == "__main__":
    main()
