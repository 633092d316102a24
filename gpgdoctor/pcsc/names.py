"""The names of PC/SC's codes and constants, as pcsc-lite's headers have them.

Sources: pcsc-lite 2.5.1, src/PCSC/pcsclite.h.in and src/PCSC/reader.h. A code that names nothing is shown in hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SUCCESS: Final = 0x00000000
INTERNAL_ERROR: Final = 0x80100001
CANCELLED: Final = 0x80100002
TIMEOUT: Final = 0x8010000A
SHARING_VIOLATION: Final = 0x8010000B
NO_SMARTCARD: Final = 0x8010000C
COMM_ERROR: Final = 0x80100013
NO_SERVICE: Final = 0x8010001D
SERVICE_STOPPED: Final = 0x8010001E
NO_READERS_AVAILABLE: Final = 0x8010002E
RESET_CARD: Final = 0x80100068
SECURITY_VIOLATION: Final = 0x8010006A

EXCLUSIVE: Final = 1
SHARED: Final = 2
DIRECT: Final = 3

GET_FEATURE_REQUEST: Final = 0x42000D48  # SCARD_CTL_CODE(3400)

CODES: Final[Mapping[int, str]] = {
    SUCCESS: "SCARD_S_SUCCESS",
    INTERNAL_ERROR: "SCARD_F_INTERNAL_ERROR",
    CANCELLED: "SCARD_E_CANCELLED",
    0x80100003: "SCARD_E_INVALID_HANDLE",
    0x80100004: "SCARD_E_INVALID_PARAMETER",
    0x80100005: "SCARD_E_INVALID_TARGET",
    0x80100006: "SCARD_E_NO_MEMORY",
    0x80100007: "SCARD_F_WAITED_TOO_LONG",
    0x80100008: "SCARD_E_INSUFFICIENT_BUFFER",
    0x80100009: "SCARD_E_UNKNOWN_READER",
    TIMEOUT: "SCARD_E_TIMEOUT",
    SHARING_VIOLATION: "SCARD_E_SHARING_VIOLATION",
    NO_SMARTCARD: "SCARD_E_NO_SMARTCARD",
    0x8010000D: "SCARD_E_UNKNOWN_CARD",
    0x8010000E: "SCARD_E_CANT_DISPOSE",
    0x8010000F: "SCARD_E_PROTO_MISMATCH",
    0x80100010: "SCARD_E_NOT_READY",
    0x80100011: "SCARD_E_INVALID_VALUE",
    0x80100012: "SCARD_E_SYSTEM_CANCELLED",
    COMM_ERROR: "SCARD_F_COMM_ERROR",
    0x80100014: "SCARD_F_UNKNOWN_ERROR",
    0x80100015: "SCARD_E_INVALID_ATR",
    0x80100016: "SCARD_E_NOT_TRANSACTED",
    0x80100017: "SCARD_E_READER_UNAVAILABLE",
    0x80100018: "SCARD_P_SHUTDOWN",
    0x80100019: "SCARD_E_PCI_TOO_SMALL",
    0x8010001A: "SCARD_E_READER_UNSUPPORTED",
    0x8010001B: "SCARD_E_DUPLICATE_READER",
    0x8010001C: "SCARD_E_CARD_UNSUPPORTED",
    NO_SERVICE: "SCARD_E_NO_SERVICE",
    SERVICE_STOPPED: "SCARD_E_SERVICE_STOPPED",
    0x8010001F: "SCARD_E_UNSUPPORTED_FEATURE",  # SCARD_E_UNEXPECTED has the same value, and pcscd never means it
    NO_READERS_AVAILABLE: "SCARD_E_NO_READERS_AVAILABLE",
    0x8010002F: "SCARD_E_COMM_DATA_LOST",
    0x80100031: "SCARD_E_SERVER_TOO_BUSY",
    0x80100065: "SCARD_W_UNSUPPORTED_CARD",
    0x80100066: "SCARD_W_UNRESPONSIVE_CARD",
    0x80100067: "SCARD_W_UNPOWERED_CARD",
    RESET_CARD: "SCARD_W_RESET_CARD",
    0x80100069: "SCARD_W_REMOVED_CARD",
    SECURITY_VIOLATION: "SCARD_W_SECURITY_VIOLATION",
}
SHARE_MODES: Final[Mapping[int, str]] = {
    EXCLUSIVE: "SCARD_SHARE_EXCLUSIVE",
    SHARED: "SCARD_SHARE_SHARED",
    DIRECT: "SCARD_SHARE_DIRECT",
}
DISPOSITIONS: Final[Mapping[int, str]] = {
    0: "SCARD_LEAVE_CARD",
    1: "SCARD_RESET_CARD",
    2: "SCARD_UNPOWER_CARD",
    3: "SCARD_EJECT_CARD",
}
SCOPES: Final[Mapping[int, str]] = {
    0: "SCARD_SCOPE_USER",
    1: "SCARD_SCOPE_TERMINAL",
    2: "SCARD_SCOPE_SYSTEM",
    3: "SCARD_SCOPE_GLOBAL",
}
PROTOCOLS: Final[Mapping[int, str]] = {
    1: "SCARD_PROTOCOL_T0",
    2: "SCARD_PROTOCOL_T1",
    4: "SCARD_PROTOCOL_RAW",
    8: "SCARD_PROTOCOL_T15",
}
ATTRIBUTES: Final[Mapping[int, str]] = {
    0x00010100: "SCARD_ATTR_VENDOR_NAME",
    0x00010101: "SCARD_ATTR_VENDOR_IFD_TYPE",
    0x00010102: "SCARD_ATTR_VENDOR_IFD_VERSION",
    0x00010103: "SCARD_ATTR_VENDOR_IFD_SERIAL_NO",
    0x00020110: "SCARD_ATTR_CHANNEL_ID",
    0x00030120: "SCARD_ATTR_ASYNC_PROTOCOL_TYPES",
    0x00080201: "SCARD_ATTR_CURRENT_PROTOCOL_TYPE",
    0x00090300: "SCARD_ATTR_ICC_PRESENCE",
    0x00090301: "SCARD_ATTR_ICC_INTERFACE_STATUS",
    0x00090303: "SCARD_ATTR_ATR_STRING",
    0x00090304: "SCARD_ATTR_ICC_TYPE_PER_ATR",
    0x0007A007: "SCARD_ATTR_MAXINPUT",
    0x7FFF0003: "SCARD_ATTR_DEVICE_FRIENDLY_NAME_A",
    0x7FFF0004: "SCARD_ATTR_DEVICE_SYSTEM_NAME_A",
    0x7FFF0005: "SCARD_ATTR_DEVICE_FRIENDLY_NAME_W",
    0x7FFF0006: "SCARD_ATTR_DEVICE_SYSTEM_NAME_W",
}
FEATURES: Final[Mapping[int, str]] = {
    0x01: "FEATURE_VERIFY_PIN_START",
    0x02: "FEATURE_VERIFY_PIN_FINISH",
    0x03: "FEATURE_MODIFY_PIN_START",
    0x04: "FEATURE_MODIFY_PIN_FINISH",
    0x05: "FEATURE_GET_KEY_PRESSED",
    0x06: "FEATURE_VERIFY_PIN_DIRECT",
    0x07: "FEATURE_MODIFY_PIN_DIRECT",
    0x08: "FEATURE_MCT_READER_DIRECT",
    0x09: "FEATURE_MCT_UNIVERSAL",
    0x0A: "FEATURE_IFD_PIN_PROPERTIES",
    0x0B: "FEATURE_ABORT",
    0x0C: "FEATURE_SET_SPE_MESSAGE",
    0x0D: "FEATURE_VERIFY_PIN_DIRECT_APP_ID",
    0x0E: "FEATURE_MODIFY_PIN_DIRECT_APP_ID",
    0x0F: "FEATURE_WRITE_DISPLAY",
    0x10: "FEATURE_GET_KEY",
    0x11: "FEATURE_IFD_DISPLAY_PROPERTIES",
    0x12: "FEATURE_GET_TLV_PROPERTIES",
    0x13: "FEATURE_CCID_ESC_COMMAND",
    0x20: "FEATURE_EXECUTE_PACE",
}


def hexadecimal(value: int, digits: int = 8) -> str:
    """A code as PC/SC writes it: unsigned, 32 bits."""
    return f"0x{value & 0xFFFFFFFF:0{digits}X}"


def code_name(code: int) -> str | None:
    """The name of a return code; None where it has none. pyscard's negative codes are the same codes."""
    return CODES.get(code & 0xFFFFFFFF)


def described(code: int) -> str:
    """A return code for people: `SCARD_E_SHARING_VIOLATION (0x8010000B)`, or the number alone."""
    name = code_name(code)
    return f"{name} ({hexadecimal(code)})" if name else hexadecimal(code)


def constant(table: Mapping[int, str], value: int) -> str:
    """The name of a constant out of one of the tables above, or its number in hex."""
    return table.get(value) or f"0x{value & 0xFFFFFFFF:X}"


def flags(table: Mapping[int, str], mask: int) -> tuple[str, ...]:
    """The names of the bits that are set; bits without a name come last, as one number."""
    names = [name for bit, name in table.items() if mask & bit]
    rest = mask & ~sum(table) & 0xFFFFFFFF
    return (*names, *((f"0x{rest:X}",) if rest else ()))
