"""The names of readers, which carry the serial numbers of tokens, and what reader-port has of them."""

from __future__ import annotations

import re

from gpgdoctor.redact.names import PrivateNames
from gpgdoctor.redact.search import PrivateText

# What may stand between the parentheses of a reader's name, besides a serial number.
# fmt: off
PLAIN_WORDS = frozenset({
    "contact", "contactless", "picc", "icc", "sam", "ccid", "iccd",
})
# fmt: on
PIECE = re.compile(
    r"\((?P<inside>[^()]*)(?P<end>\)?)|"
    r"(?P<label>\b(?:S/?N\b[\s:#=]*|serial(?: number| no\.?)?\s*[:#=]\s*))(?P<labelled>(?=[\w-]*\d)\w[\w-]*)|"
    r"[^\s()]*[@/\\][^\s()]*|[^\W_]+(?:[.-][^\W_]+)*|.",
    re.DOTALL | re.IGNORECASE,
)
SERIAL = re.compile(
    r"\d{6,}|(?=(?:[A-Z-]*\d){5})[0-9A-Z-]{8,}|(?=(?:[a-z-]*\d){5})[0-9a-z-]{8,}|(?i:(?=[A-F]*\d)[0-9A-F]{8,})"
)
ON_USB = re.compile(r"([0-9A-F]{4}:[0-9A-F]{4}:)([^:]+)(.*)", re.IGNORECASE | re.DOTALL)
INDEX = re.compile(r"\d{1,5}")
NO_SERIAL = re.compile(r"X|\d{1,2}", re.IGNORECASE)  # what scdaemon's driver writes for none, and a number of a slot
ANY_NUMBER = "999999-"  # no machine has so many readers: it means what the number meant


class PrivateReaders:
    """Keeps the model, and takes out the serial number."""

    def __init__(self, names: PrivateNames, search: PrivateText) -> None:
        self._names = names
        self._search = search
        self._known: dict[str, None] = {}

    def reader(self, name: str) -> str:
        """The name of a reader that is there."""
        self._known[name] = None
        return self.model(name)

    def model(self, text: str) -> str:
        return "".join(redacted for _, redacted in self._pieces(text))

    def port(self, value: str) -> str:
        """The beginning of a reader's name stays a beginning of it, even where it ends within the serial number."""
        wanted = value.strip(" \t'\"")
        if INDEX.fullmatch(wanted):
            return value
        for name in self._known:
            if wanted and name.startswith(wanted):
                return value.replace(wanted, self._beginning(name, len(wanted)), 1)
        on_usb = ON_USB.fullmatch(wanted)
        if on_usb and not NO_SERIAL.fullmatch(on_usb[2]):
            return value.replace(wanted, f"{on_usb[1]}{self._names.serial(on_usb[2])}{on_usb[3]}", 1)
        return self.model(value)

    def _beginning(self, name: str, length: int) -> str:
        kept = []
        for piece, redacted in self._pieces(name):
            if length <= 0:
                break
            kept.append(redacted if piece != redacted else piece[:length])
            length -= len(piece)
        return "".join(kept)

    def _pieces(self, text: str) -> list[tuple[str, str]]:
        return [(match[0], self._piece(match)) for match in PIECE.finditer(text)]

    def _piece(self, match: re.Match[str]) -> str:
        text, inside = match[0], match["inside"]
        if inside is not None:
            private = inside.strip() and inside.strip().lower() not in PLAIN_WORDS
            return f"({self._names.serial(inside)}{match['end']}" if private else text
        if match["labelled"]:
            return f"{match['label']}{self._names.serial(match['labelled'])}"
        if SERIAL.fullmatch(text) and text.strip("0-"):
            number = ANY_NUMBER if match.start() == 0 and text.isdigit() else ""
            return number + self._names.serial(text)
        return self._search.text(text)
