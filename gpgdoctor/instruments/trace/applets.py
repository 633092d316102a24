"""The names by which programs select applets.

Of a SELECT only the bytes listed here are shown: anything else may be a card's serial number, or not the name of an
applet at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Sources: ISO/IEC 7816-4 annex A and the ETSI list of RIDs; OpenSC src/libopensc/card-*.c; yubikey-manager
# yubikit/core/smartcard; the OpenPGP card specification 3.4, 4.2.1; NIST SP 800-73-4, part 1, 2.2.
APPLETS: Final[Mapping[str, str]] = {
    "D27600012401": "OpenPGP",
    "A000000308": "PIV",
    "A000000527471117": "YubiKey management",
    "A0000005272001": "YubiKey OTP",
    "A0000005272101": "YubiKey OATH",
    "A0000005272107": "YubiHSM Auth",
    "A000000527": "Yubico",
    "A0000006472F0001": "FIDO",
    "A000000647": "FIDO",
    "A000000063504B43532D3135": "PKCS#15",
    "A000000063": "RSA Laboratories",
    "A000000151000000": "GlobalPlatform card manager",
    "A0000001510000": "GlobalPlatform card manager",
    "A000000003000000": "Visa card manager",
    "A000000018434D00": "Gemplus card manager",
    "A000000079": "CAC",
    "A000000116": "GSC-IS (CAC)",
    "A000000177504B43532D3135": "Belgian eID",
    "A00000039742544659": "GIDS",
    "A000000397": "Microsoft",
    "A000000077": "Oberthur",
    "A000000247": "ICAO (passport)",
    "A000000167455349474E": "eSign",
    "A00000000101": "MUSCLE",
    "A000000087": "3GPP (SIM)",
    "A000000847": "Solo or Nitrokey",
    "E82B0601040181C31F": "SmartCard-HSM",
    "E80704007F0007": "German eID",
    "D276000085": "NFC Forum",
    "D276": "a name registered in Germany",
}
_LONGEST_FIRST: Final = sorted(APPLETS, key=len, reverse=True)
REGISTERED: Final = "A00000"  # how every internationally registered name begins that is in use
RID_BYTES: Final = 5


def applet_name(name: bytes) -> tuple[str, str | None]:
    """What may be shown of a name: hex digits of this table, or of a registered provider, and what it stands for.

    An empty text where the bytes are no name that anybody registered: then they may be anything, a PIN as well.
    """
    digits = name.hex().upper()
    for known in _LONGEST_FIRST:
        if digits.startswith(known):
            return known, APPLETS[known]
    if digits.startswith(REGISTERED) and 5 <= len(name) <= 16:
        return digits[: 2 * RID_BYTES], None
    return "", None
