"""The USB devices that can be plugged in, as their descriptors show them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from gpgdoctor.lab.machine.usbredir import IN, Description, Endpoint

ModelName = Literal["token", "reader", "unknown", "t0-reader"]

BULK, INTERRUPT = 2, 3
HID, SMART_CARD = 0x03, 0x0B
CCID_OUT, CCID_IN, CCID_INTERRUPT = 0x02, 0x82, 0x83
# CCID 1.1, table 5.1-1: short and extended APDUs, and all that can be automatic is.
APDU_LEVEL, TPDU_LEVEL = 0x000400FE, 0x000100FE
T0, T1 = 1, 2

# HID 1.11, appendix E.6, and FIDO's U2FHID: a keyboard, and 64 bytes each way.
KEYBOARD_REPORT = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810195067508150025650507190029658100c0"
)
FIDO_REPORT = bytes.fromhex("06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0")


@dataclass(frozen=True, slots=True)
class Model:
    vendor: int
    product: int
    release: int
    manufacturer: str
    name: str
    serial_number: str = ""
    composite: bool = False  # a keyboard and a FIDO device beside the smart card, as most tokens are
    protocols: int = T1
    features: int = APDU_LEVEL


MODELS: dict[ModelName, Model] = {
    "token": Model(0x1050, 0x0407, 0x0543, "Yubico", "YubiKey OTP+FIDO+CCID", composite=True),
    "reader": Model(0x08E6, 0x3437, 0x0100, "Gemalto", "USB SmartCard Reader", serial_number="4D2A0001"),
    # Not in libccid's list: pcscd leaves it alone, while scdaemon goes by the interface's class.
    "unknown": Model(0x1209, 0xBEEF, 0x0100, "Prototype", "Card Reader", serial_number="00000007"),
    # As QEMU's own reader is: no protocol that scdaemon's driver speaks.
    "t0-reader": Model(0x08E6, 0x4433, 0x0100, "Gemalto", "T0 Card Reader", protocols=T0, features=TPDU_LEVEL),
}


def description(model: Model) -> Description:
    body, interfaces, endpoints, reports = b"", [], [], {}
    if model.composite:
        reports = {0: KEYBOARD_REPORT, 1: FIDO_REPORT}
        for number, subclass, protocol, ends in ((0, 1, 1, [(0x81, 8, 10)]), (1, 0, 0, [(0x04, 64, 2), (0x84, 64, 2)])):
            own = [Endpoint(address, INTERRUPT, size, interval, number) for address, size, interval in ends]
            body += _interface(number, HID, subclass, protocol, _hid(reports[number]), own)
            interfaces.append((number, HID, subclass, protocol))
            endpoints += own
    number = len(interfaces)
    own = [
        Endpoint(CCID_OUT, BULK, 64, 0, number),
        Endpoint(CCID_IN, BULK, 64, 0, number),
        Endpoint(CCID_INTERRUPT, INTERRUPT, 8, 32, number),
    ]
    body += _interface(number, SMART_CARD, 0, 0, _ccid(model), own)
    interfaces.append((number, SMART_CARD, 0, 0))
    return Description(
        device=_device(model),
        configuration=struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), len(interfaces), 1, 0, 0x80, 15) + body,
        strings={1: model.manufacturer, 2: model.name, **({3: model.serial_number} if model.serial_number else {})},
        reports=reports,
        interfaces=tuple(interfaces),
        endpoints=(*endpoints, *own),
    )


def _device(model: Model) -> bytes:
    identity = (model.vendor, model.product, model.release)
    return struct.pack(
        "<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, *identity, 1, 2, 3 if model.serial_number else 0, 1
    )


def _interface(number: int, kind: int, subclass: int, protocol: int, own: bytes, endpoints: list[Endpoint]) -> bytes:
    head = struct.pack("<9B", 9, 4, number, 0, len(endpoints), kind, subclass, protocol, 0)
    return (
        head
        + own
        + b"".join(
            struct.pack("<BBBBHB", 7, 5, it.address, it.kind, it.packet_bytes, it.interval_ms) for it in endpoints
        )
    )


def _hid(report: bytes) -> bytes:
    return struct.pack("<BBHBBBH", 9, 0x21, 0x0110, 0, 1, 0x22, len(report))


def _ccid(model: Model) -> bytes:
    """CCID 1.1, section 5.1: one slot, 5 V, 4 MHz, messages of up to 3 KiB."""
    clock_khz, rate_bps, ifsd, message_bytes = 4000, 307200, 2038, 3072
    return struct.pack(
        "<BBHBBIIIBIIBIIIIIBBHBB",
        *(0x36, 0x21, 0x0110, 0, 1, model.protocols),
        *(clock_khz, clock_khz, 0, rate_bps, rate_bps, 0),
        *(ifsd, 0, 0, model.features, message_bytes),
        *(0xFF, 0xFF, 0, 0, 1),
    )


__all__ = ["IN", "MODELS", "Model", "ModelName", "description"]
