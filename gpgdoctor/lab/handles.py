"""Handles on what runs in a lab and takes orders: virtual cards and other PC/SC programs."""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from gpgdoctor.lab import layout
from gpgdoctor.lab.jcecard import search_path
from gpgdoctor.lab.plan import SOURCE_TREE, LabFailed
from gpgdoctor.lab.room import Process, Room
from gpgdoctor.lab.scenario import CardKind, Client

FIRST_PORT = 0x8C7B  # vpcd's default, vsmartcard: VPCDPORT
PORTS_PER_READER = 2  # vpcd makes two slots per entry
ANSWER_DEADLINE_S = 15.0


def port_of(reader: int) -> int:
    return FIRST_PORT + PORTS_PER_READER * reader


def ask(process: Process, line: str, deadline_s: float = ANSWER_DEADLINE_S) -> str:
    """Send a line; answer the line that comes back."""
    process.stdin.write(line + "\n")
    return read_line(process, f"answer to {line!r}", deadline_s)


def read_line(process: Process, what: str = "sign of life", deadline_s: float = ANSWER_DEADLINE_S) -> str:
    """The next line that the process prints."""
    if not select.select([process.stdout], [], [], deadline_s)[0]:
        raise LabFailed(f"no {what} within {deadline_s:.0f} s")
    line = process.stdout.readline()
    if not line:
        raise LabFailed(f"no {what}: {process.stderr.read().strip()}")
    return line.strip()


class CardHandle:
    def __init__(self, room: Room, reader: int, kind: CardKind) -> None:
        self._room = room
        self._reader = reader
        self._process: Process | None = None
        self._kind: CardKind = "openpgp" if kind == "absent" else kind
        self._directory = f"{layout.CARDS}/{reader}"

    def change(self, kind: CardKind) -> None:
        """Another card is taken up, for the next insert."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._kind = kind

    def insert(self) -> None:
        if self._process is None:
            argv = [sys.executable, "-m", "gpgdoctor.lab.card", self._kind, str(port_of(self._reader))]
            self._process = self._room.popen(
                [*argv, self._directory, str(self._reader + 1)],
                environment={
                    "PYTHONPATH": os.pathsep.join([str(SOURCE_TREE), *search_path()]),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "HOME": "/nonexistent",
                },
                outside=True,
            )
        ask(self._process, "insert")

    def remove(self) -> None:
        if self._process is not None:
            ask(self._process, "remove")

    def log(self) -> list[str]:
        try:
            return self._room.read(f"{self._directory}/log", outside=True).decode().splitlines()
        except FileNotFoundError:
            return []

    def is_asleep(self) -> bool:
        """pcscd powers a new card up, and down again when nobody wants it."""
        return self._kind == "mute" or (bool(self.log()) and self.log()[-1].endswith("power-off"))


class ClientHandle:
    def __init__(
        self, room: Room, argv: Sequence[str], environment: Mapping[str, str], client: Client, reader: str
    ) -> None:
        self.client = client
        self.name = PurePath(argv[0]).name
        self._process = room.popen(
            argv, environment=environment, user=client.user or 0, own_network=client.other_network
        )
        self.pid = self._process.pid
        self.code: str = self.ask(json.dumps({"kind": client.kind, "reader": reader}))["code"]
        if int(self.code, 16) != 0:
            raise LabFailed(f"{client.kind} client {self.name}: PC/SC says {self.code}")

    def ask(self, command: str, deadline_s: float = ANSWER_DEADLINE_S) -> dict[str, Any]:
        """status, transmit HEX, begin, end, reconnect; ``code`` of the answer is what PC/SC said."""
        answer: dict[str, Any] = json.loads(ask(self._process, command, deadline_s))
        return answer

    def stop(self) -> None:
        """End politely: disconnect, leave the card as it is."""
        self._process.stdin.write("stop\n")
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
