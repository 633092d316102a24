"""A USB device with a card in it, that can be plugged into a machine and unplugged."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from gpgdoctor.lab.card import make_card
from gpgdoctor.lab.machine.ccid import Slot
from gpgdoctor.lab.machine.models import CCID_INTERRUPT, CCID_OUT, MODELS, ModelName, description
from gpgdoctor.lab.machine.usbredir import Connection
from gpgdoctor.lab.scenario import CardKind


class Device:
    """``connect`` opens the port's socket; nothing is plugged in before ``plug``."""

    def __init__(self, model: ModelName, card: CardKind, connect: Callable[[], socket.socket], directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        serial = int.from_bytes(directory.name.encode()[-1:], "big")
        made = make_card("openpgp" if card in ("absent", "mute") else card, directory / "card", serial)
        self._slot = Slot(made, mute=card == "mute", inserted=card != "absent", log=directory / "log")
        self._description = description(MODELS[model])
        self._connect = connect
        self._connection: Connection | None = None
        self._log = directory / "log"
        self._log.touch()

    def plug(self) -> None:
        if self._connection is not None:
            return
        self._connection = Connection(self._connect(), self._description, self)
        self._slot.answer = self._connection.answer
        self._slot.notify = lambda data: self._connection.interrupt(CCID_INTERRUPT, data) if self._connection else None
        threading.Thread(target=self._connection.serve, daemon=True).start()

    @property
    def is_plugged(self) -> bool:
        return self._connection is not None

    def unplug(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()
            self._slot.unplugged()

    def insert(self) -> None:
        self._slot.insert()

    def remove(self) -> None:
        self._slot.remove()

    def log(self) -> list[str]:
        """One line per power-on, power-off and APDU."""
        return self._log.read_text().splitlines()

    # -- what the connection asks of a device ----------------------------------------------------------------------

    def receive(self, endpoint: int, data: bytes) -> None:
        if endpoint == CCID_OUT:
            self._slot.receive(data)

    def listened_to(self, endpoint: int) -> None:
        if endpoint == CCID_INTERRUPT:
            self._slot.tell_state()

    def reset(self) -> None:
        self._slot.unplugged()
