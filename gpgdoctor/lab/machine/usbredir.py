"""The far end of QEMU's usb-redir device: a USB device whose transfers come over a socket.

Connecting is plugging in, and closing is unplugging. Packets have a header of three little-endian 32-bit numbers (type,
length, id) and go both ways: usbredir protocol 0.7, docs/usb-redirection-protocol.md of spice/usbredir.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

HEADER = struct.Struct("<III")
BULK_HEADER = struct.Struct("<BBHIH")  # endpoint, status, length, stream, length above 64 KiB
CONTROL_HEADER = struct.Struct("<BBBBHHH")  # endpoint, request, request type, status, value, index, length
INTERRUPT_HEADER = struct.Struct("<BBH")  # endpoint, status, length
CHUNK_BYTES = 1 << 16
NAME_BYTES = 64
MOST = 32  # interfaces and endpoints that the tables have room for

OK, CANCELLED, STALLED = 0, 1, 4
FULL_SPEED = 1
IN = 0x80
NO_ENDPOINT = 255


class Kind(IntEnum):
    HELLO, CONNECT, DISCONNECT, RESET, INTERFACES, ENDPOINTS = range(6)
    SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION, SET_ALTERNATIVE, GET_ALTERNATIVE, ALTERNATIVE = range(6, 12)
    START_INTERRUPTS, STOP_INTERRUPTS, INTERRUPTS = 15, 16, 17
    CANCEL = 21
    CONTROL, BULK, ISO, INTERRUPT = 100, 101, 102, 103


# Device version in CONNECT, its acknowledgement, packet sizes in ENDPOINTS, and lengths of 32 bits in BULK: without the
# last QEMU ends at the 64 KiB that libusb asks for.
CAPABILITIES = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6


@dataclass(frozen=True, slots=True)
class Endpoint:
    address: int
    kind: int  # 2 bulk, 3 interrupt
    packet_bytes: int
    interval_ms: int
    interface: int


@dataclass(frozen=True, slots=True)
class Description:
    """What the host gets to know of a device: its descriptors, and the same once more in usbredir's tables."""

    device: bytes
    configuration: bytes
    strings: Mapping[int, str]
    reports: Mapping[int, bytes]  # of HID interfaces
    interfaces: tuple[tuple[int, int, int, int], ...]  # number, class, subclass, protocol
    endpoints: tuple[Endpoint, ...]

    def descriptor(self, kind: int, number: int, index: int) -> bytes | None:
        if kind == 1:
            return self.device
        if kind == 2:
            return self.configuration
        if kind == 3 and number == 0:
            return b"\x04\x03\x09\x04"  # strings in American English
        if kind == 3 and number in self.strings:
            text = self.strings[number].encode("utf-16-le")
            return bytes([len(text) + 2, 3]) + text
        return self.reports.get(index) if kind == 0x22 else None


class Function(Protocol):
    """What the device does, beside describing itself."""

    def receive(self, endpoint: int, data: bytes) -> None: ...

    def listened_to(self, endpoint: int) -> None: ...

    def reset(self) -> None: ...


class Connection:
    """One device plugged into one socket of QEMU. ``function`` gets what is sent to its endpoints."""

    def __init__(self, connection: socket.socket, description: Description, function: Function) -> None:
        self._socket = connection
        self._description = description
        self._function = function
        self._configuration = 0
        self._waiting: list[tuple[int, int, int, int]] = []  # bulk transfers: id, endpoint, length, stream
        self._to_read = b""
        self._listened: set[int] = set()
        self._interrupts = 0
        self._sending = threading.Lock()
        self._send(Kind.HELLO, 0, b"gpgdoctor lab".ljust(NAME_BYTES, b"\0") + struct.pack("<I", CAPABILITIES))

    def serve(self) -> None:
        """Until the socket is closed, by whichever side."""
        with suppress(OSError):
            self._serve()

    def _serve(self) -> None:
        pending = b""
        while chunk := self._socket.recv(CHUNK_BYTES):
            pending += chunk
            while len(pending) >= HEADER.size:
                kind, length, number = HEADER.unpack_from(pending)
                if len(pending) < HEADER.size + length:
                    break
                body, pending = pending[HEADER.size : HEADER.size + length], pending[HEADER.size + length :]
                self._take(kind, number, body)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def answer(self, data: bytes) -> None:
        """Data for the bulk endpoint that the host reads from."""
        self._to_read += data
        self._hand_over()

    def interrupt(self, endpoint: int, data: bytes) -> None:
        """A packet on an interrupt endpoint, where the host listens to it."""
        if endpoint in self._listened:
            header = INTERRUPT_HEADER.pack(endpoint, OK, len(data))
            self._send(Kind.INTERRUPT, self._interrupts, header + data)
            self._interrupts += 1

    def _send(self, kind: Kind, number: int, body: bytes) -> None:
        with self._sending:  # a card is inserted by another thread than the one that serves
            self._socket.sendall(HEADER.pack(kind, len(body), number) + body)

    def _take(self, kind: int, number: int, body: bytes) -> None:
        takers: Mapping[int, Callable[[int, bytes], None]] = {
            Kind.HELLO: self._introduce,
            Kind.RESET: self._reset,
            Kind.SET_CONFIGURATION: self._configure,
            Kind.GET_CONFIGURATION: lambda number, _: self._tell_configuration(number),
            Kind.SET_ALTERNATIVE: lambda number, body: self._tell_alternative(number, body[0], body[1]),
            Kind.GET_ALTERNATIVE: lambda number, body: self._tell_alternative(number, body[0], 0),
            Kind.START_INTERRUPTS: self._listen,
            Kind.STOP_INTERRUPTS: self._stop_listening,
            Kind.CANCEL: self._cancel,
            Kind.CONTROL: self._control,
            Kind.BULK: self._bulk,
            Kind.INTERRUPT: self._interrupt_out,
        }
        if kind in takers:
            takers[kind](number, body)

    def _introduce(self, _number: int, _body: bytes) -> None:
        self._send_tables()
        # The descriptor's own words for class, vendor, product and version.
        classes, identity = self._description.device[4:7], self._description.device[8:14]
        self._send(Kind.CONNECT, 0, bytes([FULL_SPEED]) + classes + identity)

    def _send_tables(self) -> None:
        interfaces = self._description.interfaces
        columns = [bytes(column).ljust(MOST, b"\0") for column in zip(*interfaces, strict=True)]
        self._send(Kind.INTERFACES, 0, struct.pack("<I", len(interfaces)) + b"".join(columns))
        kinds, intervals, owners = bytearray([NO_ENDPOINT] * MOST), bytearray(MOST), bytearray(MOST)
        sizes = [0] * MOST
        kinds[0] = kinds[16] = 0  # control, both ways
        sizes[0] = sizes[16] = 64
        for endpoint in self._description.endpoints:
            place = (endpoint.address & 0x0F) + (16 if endpoint.address & IN else 0)
            kinds[place], intervals[place], owners[place] = endpoint.kind, endpoint.interval_ms, endpoint.interface
            sizes[place] = endpoint.packet_bytes
        tables = bytes(kinds) + bytes(intervals) + bytes(owners) + struct.pack(f"<{MOST}H", *sizes)
        self._send(Kind.ENDPOINTS, 0, tables)

    def _reset(self, _number: int, _body: bytes) -> None:
        self._waiting, self._to_read = [], b""
        self._function.reset()

    def _configure(self, number: int, body: bytes) -> None:
        self._configuration = body[0]
        self._send_tables()
        self._tell_configuration(number)

    def _tell_configuration(self, number: int) -> None:
        self._send(Kind.CONFIGURATION, number, bytes([OK, self._configuration]))

    def _tell_alternative(self, number: int, interface: int, alternative: int) -> None:
        self._send(Kind.ALTERNATIVE, number, bytes([OK, interface, alternative]))

    def _listen(self, number: int, body: bytes) -> None:
        self._listened.add(body[0])
        self._send(Kind.INTERRUPTS, number, bytes([OK, body[0]]))
        self._function.listened_to(body[0])

    def _stop_listening(self, number: int, body: bytes) -> None:
        self._listened.discard(body[0])
        self._send(Kind.INTERRUPTS, number, bytes([OK, body[0]]))

    def _control(self, number: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = CONTROL_HEADER.unpack_from(body)
        status, data = OK, b""
        if kind & IN:
            found = self._asked(request, kind, value, index, length)
            status, data = (OK, found[:length]) if found is not None else (STALLED, b"")
            length = len(data)
        header = CONTROL_HEADER.pack(endpoint, request, kind, status, value, index, length)
        self._send(Kind.CONTROL, number, header + data)

    def _asked(self, request: int, kind: int, value: int, index: int, length: int) -> bytes | None:
        if request == 6:
            return self._description.descriptor(value >> 8, value & 0xFF, index)
        if request == 0:
            return bytes(2)  # status: powered by the bus
        return bytes(length) if (kind, request) == (0xA1, 1) else None  # a HID report, in which no key is pressed

    def _bulk(self, number: int, body: bytes) -> None:
        endpoint, _, low, stream, high = BULK_HEADER.unpack_from(body)
        if endpoint & IN:
            self._waiting.append((number, endpoint, high << 16 | low, stream))
            self._hand_over()
        else:
            self._send(Kind.BULK, number, BULK_HEADER.pack(endpoint, OK, low, stream, high))
            self._function.receive(endpoint, body[BULK_HEADER.size :])

    def _hand_over(self) -> None:
        """Answers to bulk transfers that wait for data; one that is shorter than its transfer ends it."""
        while self._waiting and self._to_read:
            number, endpoint, length, stream = self._waiting.pop(0)
            data, self._to_read = self._to_read[:length], self._to_read[length:]
            self._send(Kind.BULK, number, BULK_HEADER.pack(endpoint, OK, len(data), stream, 0) + data)

    def _cancel(self, number: int, _body: bytes) -> None:
        for transfer in [transfer for transfer in self._waiting if transfer[0] == number]:
            self._waiting.remove(transfer)
            self._send(Kind.BULK, number, BULK_HEADER.pack(transfer[1], CANCELLED, 0, transfer[3], 0))

    def _interrupt_out(self, number: int, body: bytes) -> None:
        endpoint, _, length = INTERRUPT_HEADER.unpack_from(body)
        self._send(Kind.INTERRUPT, number, INTERRUPT_HEADER.pack(endpoint, OK, length))
