"""The USB devices themselves, spoken to as QEMU does: usbredir's packets, and CCID's messages in them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpgdoctor.lab.machine.ccid import MESSAGE, Answer, Ask
from gpgdoctor.lab.machine.device import Device
from gpgdoctor.lab.machine.models import CCID_IN, CCID_INTERRUPT, CCID_OUT, MODELS, ModelName, description
from gpgdoctor.lab.machine.usbredir import (
    BULK_HEADER,
    CANCELLED,
    CONTROL_HEADER,
    HEADER,
    INTERRUPT_HEADER,
    STALLED,
    Kind,
)
from gpgdoctor.lab.scenario import CardKind

DEADLINE_S = 10.0
SELECT = bytes.fromhex("00A4040006D27600012401")
EMPTY, ACTIVE, INACTIVE = 2, 0, 1
PRESENT_AND_CHANGED, EMPTY_AND_CHANGED = b"\x50\x03", b"\x50\x02"


class Host:
    """QEMU's side of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(DEADLINE_S)
        self._number = 0

    def send(self, kind: Kind, body: bytes = b"") -> int:
        self._number += 1
        self._socket.sendall(HEADER.pack(kind, len(body), self._number) + body)
        return self._number

    def next(self) -> tuple[int, int, bytes]:
        kind, length, number = HEADER.unpack(self._exactly(HEADER.size))
        return kind, number, self._exactly(length)

    def expect(self, kind: Kind) -> bytes:
        """The next packet of that kind; others on the way are no matter."""
        while True:
            got, _, body = self.next()
            if got == kind:
                return body

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            chunk = self._socket.recv(size - len(received))
            assert chunk, "the device hung up"
            received += chunk
        return received

    def begin(self) -> None:
        self.send(Kind.HELLO, bytes(68))
        self.send(Kind.START_INTERRUPTS, bytes([CCID_INTERRUPT]))

    def ask(self, kind: Ask, body: bytes = b"", *, room: int = 1 << 16) -> tuple[int, int, int, bytes]:
        """One CCID message, and of its answer: type, card's state and failure, error, content."""
        self.send(Kind.BULK, BULK_HEADER.pack(CCID_IN, 0, room & 0xFFFF, 0, room >> 16))
        message = MESSAGE.pack(kind, len(body), 0, 7, 0, 0, 0) + body
        self.send(Kind.BULK, BULK_HEADER.pack(CCID_OUT, 0, len(message), 0, 0) + message)
        while True:
            data = self.expect(Kind.BULK)
            if data[0] == CCID_IN:
                answered, length, _, sequence, status, error, _ = MESSAGE.unpack_from(data, BULK_HEADER.size)
                content = data[BULK_HEADER.size + MESSAGE.size :]
                assert (sequence, length) == (7, len(content))
                return answered, status, error, content


Plug = Callable[..., tuple[Host, Device]]


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    open_: list[tuple[socket.socket, Device]] = []

    def plug(model: ModelName = "token", card: CardKind = "openpgp") -> tuple[Host, Device]:
        ours, theirs = socket.socketpair()
        device = Device(model, card, lambda: theirs, tmp_path / f"device{len(open_)}")
        open_.append((ours, device))
        device.plug()
        return Host(ours), device

    yield plug
    for connection, device in open_:
        device.unplug()
        connection.close()


@pytest.mark.parametrize("model", MODELS)
def test_a_device_describes_itself_as_long_as_it_says(model: ModelName) -> None:
    described = description(MODELS[model])
    assert described.device[0] == len(described.device) == 18
    assert struct.unpack_from("<H", described.configuration, 2)[0] == len(described.configuration)
    rest, kinds = described.configuration, []
    while rest:
        kinds.append(rest[1])
        rest = rest[rest[0] :]
    assert kinds.count(4) == described.configuration[4] == len(described.interfaces)
    assert kinds.count(5) == len(described.endpoints)
    for report in described.reports.values():
        assert struct.pack("<BH", 0x22, len(report)) in described.configuration


def test_only_a_reader_with_a_serial_number_names_one() -> None:
    assert description(MODELS["token"]).device[16] == 0
    reader = description(MODELS["reader"])
    text = reader.descriptor(3, reader.device[16], 0)
    assert text is not None
    assert text[2:].decode("utf-16-le") == MODELS["reader"].serial_number


def test_a_device_is_there_once_it_has_said_hello(plug: Plug) -> None:
    host, _ = plug("token")
    host.begin()
    assert host.next()[0] == Kind.HELLO
    assert struct.unpack_from("<I", host.expect(Kind.INTERFACES))[0] == 3
    host.expect(Kind.ENDPOINTS)
    assert struct.unpack_from("<HHH", host.expect(Kind.CONNECT), 4) == (0x1050, 0x0407, 0x0543)


def test_a_descriptor_is_cut_to_what_was_asked_for_and_one_that_is_not_there_stalls(plug: Plug) -> None:
    host, _ = plug("reader")
    host.send(Kind.CONTROL, CONTROL_HEADER.pack(0x80, 6, 0x80, 0, 0x0100, 0, 8))
    answer = host.expect(Kind.CONTROL)
    assert (CONTROL_HEADER.unpack_from(answer)[6], len(answer)) == (8, CONTROL_HEADER.size + 8)
    host.send(Kind.CONTROL, CONTROL_HEADER.pack(0x80, 6, 0x80, 0, 0x0309, 0, 255))
    assert CONTROL_HEADER.unpack_from(host.expect(Kind.CONTROL))[3] == STALLED


def test_a_card_is_powered_and_answers(plug: Plug) -> None:
    host, device = plug()
    host.begin()
    assert host.ask(Ask.GET_STATUS)[1] == INACTIVE
    kind, status, _, atr = host.ask(Ask.POWER_ON)
    assert (kind, status, atr[0]) == (Answer.DATA, ACTIVE, 0x3B)
    assert host.ask(Ask.APDU, SELECT)[3] == b"\x90\x00"
    assert host.ask(Ask.POWER_OFF)[:2] == (Answer.STATUS, INACTIVE)
    assert [line.split()[1] for line in device.log()] == ["power-on", "apdu", "power-off"]


def test_a_card_comes_and_goes_and_the_host_is_told(plug: Plug) -> None:
    host, device = plug("reader", "absent")
    host.begin()
    assert host.expect(Kind.INTERRUPT)[INTERRUPT_HEADER.size :] == EMPTY_AND_CHANGED
    status, error = host.ask(Ask.POWER_ON)[1:3]
    assert (status & 3, error) == (EMPTY, 0xFE)
    device.insert()
    assert host.expect(Kind.INTERRUPT)[INTERRUPT_HEADER.size :] == PRESENT_AND_CHANGED
    assert host.ask(Ask.POWER_ON)[1] == ACTIVE
    device.remove()
    assert host.expect(Kind.INTERRUPT)[INTERRUPT_HEADER.size :] == EMPTY_AND_CHANGED
    assert host.ask(Ask.APDU, SELECT)[1] & 3 == EMPTY


def test_a_mute_card_is_there_and_does_not_answer(plug: Plug) -> None:
    host, _ = plug("reader", "mute")
    host.begin()
    status, error = host.ask(Ask.POWER_ON)[1:3]
    assert (status & 3, error) == (INACTIVE, 0xFE)


def test_a_read_waits_until_it_is_cancelled(plug: Plug) -> None:
    host, _ = plug()
    number = host.send(Kind.BULK, BULK_HEADER.pack(CCID_IN, 0, 64, 0, 0))
    host._number = number - 1  # a cancellation carries the number of what it cancels
    host.send(Kind.CANCEL)
    assert BULK_HEADER.unpack_from(host.expect(Kind.BULK))[1] == CANCELLED


def test_a_message_may_come_in_pieces(plug: Plug) -> None:
    host, _ = plug()
    message = MESSAGE.pack(Ask.GET_STATUS, 0, 0, 7, 0, 0, 0)
    host.send(Kind.BULK, BULK_HEADER.pack(CCID_IN, 0, 64, 0, 0))
    for piece in (message[:3], message[3:]):
        host.send(Kind.BULK, BULK_HEADER.pack(CCID_OUT, 0, len(piece), 0, 0) + piece)
    while (data := host.expect(Kind.BULK))[0] != CCID_IN:
        pass
    assert data[BULK_HEADER.size] == Answer.STATUS


def test_unplugging_hangs_up_and_plugging_in_again_begins_anew(tmp_path: Path) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    theirs = iter(pair[1] for pair in pairs)
    device = Device("token", "openpgp", lambda: next(theirs), tmp_path / "device0")
    for ours, _ in pairs:
        device.plug()
        host = Host(ours)
        assert host.next()[0] == Kind.HELLO
        assert host.ask(Ask.GET_STATUS)[1] == INACTIVE
        assert host.ask(Ask.POWER_ON)[1] == ACTIVE
        device.unplug()
        while ours.recv(1 << 16):
            pass
        ours.close()
