"""Numbers that stand for an error: those of PC/SC in each of their spellings, and those of libgpg-error."""

from __future__ import annotations

import re

SIGNED = re.compile(r"(?<![\w-])-21464\d{5}(?!\d)")
BARE = re.compile(r"(?<!\w)80100([0-9a-fA-F]{3})\b")
# What pcsclite.h calls the codes that the pages have as numbers.
PCSC = {
    "scard_f_internal_error": "0x80100001",
    "scard_e_no_memory": "0x80100006",
    "scard_e_unknown_reader": "0x80100009",
    "scard_e_sharing_violation": "0x8010000b",
    "scard_e_no_smartcard": "0x8010000c",
    "scard_f_comm_error": "0x80100013",
    "scard_e_not_transacted": "0x80100016",
    "scard_e_reader_unavailable": "0x80100017",
    "scard_e_no_service": "0x8010001d",
    "scard_e_service_stopped": "0x8010001e",
    "scard_e_no_readers_available": "0x8010002e",
    "scard_w_unresponsive_card": "0x80100066",
    "scard_w_unpowered_card": "0x80100067",
    "scard_w_reset_card": "0x80100068",
    "scard_w_removed_card": "0x80100069",
    "scard_w_security_violation": "0x8010006a",
}
NAMES = re.compile(r"\b(?:" + "|".join(PCSC) + r")\b")
# The same as libraries of other languages write them, and the codes of PKCS#11 in Python: PinLocked.
JOINED = {name.split("_", 2)[2].replace("_", ""): code for name, code in PCSC.items()}
JOINED_NAMES = re.compile(rf"(?:(?<=::)|(?<=[\s(:`.\"]))(?:error::)?({'|'.join(JOINED)})(?![\w.])")
PKCS11 = {
    "tokennotpresent": "ckr_token_not_present",
    "nosuchtoken": "ckr_token_not_present",
    "deviceerror": "ckr_device_error",
    "deviceremoved": "ckr_device_removed",
    "pinlocked": "ckr_pin_locked",
    "pinincorrect": "ckr_pin_incorrect",
    "slotidinvalid": "ckr_slot_id_invalid",
}
PKCS11_NAMES = re.compile(r"\bpkcs11(?:\.exceptions)?\.(" + "|".join(PKCS11) + r")\b")

# A number of libgpg-error is code | source << 24; codes of the system's errno have this bit set and an index of their
# own (err-codes.h, errnos.in of libgpg-error 1.46).
SOURCE_SHIFT, CODE_MASK, OF_THE_SYSTEM = 24, 0xFFFF, 0x8000
SOURCES = {2: "gpg", 3: "gpgsm", 4: "gpg agent", 6: "scd"}
MESSAGES = {
    1: "general error",
    9: "no public key",
    11: "bad passphrase",
    17: "no secret key",
    60: "not supported",
    62: "timeout",
    70: "conflicting use",
    77: "no agent running",
    85: "no pinentry",
    87: "bad pin",
    91: "wrong card",
    99: "operation cancelled",
    108: "card error",
    109: "card reset required",
    110: "card removed",
    112: "card not present",
    119: "no smartcard daemon",
    129: "hardware problem",
    130: "pin blocked",
    131: "conditions of use not satisfied",
    198: "operation cancelled",
    251: "forbidden",
    318: "service is not running",
    OF_THE_SYSTEM | 49: "input/output error",
    OF_THE_SYSTEM | 80: "no such device",
    OF_THE_SYSTEM | 109: "broken pipe",
}
# "ERR 100696144 text <SCD>", "[GNUPG:] FAILURE sign 100663404", and "ec=6.108" of GnuPG 2.0.
NUMBERED = re.compile(r"\b(?:err(?:or(?: [\w.]+)?)?|failure(?: \w+)?|code)\W+(\d{8,10})\b")
DOTTED = re.compile(r"\bec=(\d{1,2})\.(\d{1,5})\b")


def with_numbers_of_pcsc(text: str) -> str:
    """Lower-case text with every code of PC/SC as 0x8010000b, however it was written: signed, bare, or by name."""
    text = SIGNED.sub(lambda number: f"0x{int(number[0]) & 0xFFFFFFFF:08x}", text)
    text = BARE.sub("0x80100\\1", text)
    text = PKCS11_NAMES.sub(lambda name: PKCS11[name[1]], JOINED_NAMES.sub(lambda name: JOINED[name[1]], text))
    return NAMES.sub(lambda name: PCSC[name[0]], text)


def reasons(text: str) -> list[str]:
    """What the numbers of libgpg-error in a lower-case line say; nothing for a program that is not GnuPG's."""
    numbers = [int(number) for number in NUMBERED.findall(text)]
    pairs = [(number >> SOURCE_SHIFT, number & CODE_MASK) for number in numbers]
    pairs += [(int(source), int(code)) for source, code in DOTTED.findall(text)]
    return [MESSAGES[code] for source, code in pairs if source in SOURCES and code in MESSAGES]
