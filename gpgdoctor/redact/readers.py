"""Readers' names, in which only words stay that makers use for all their readers, and values of reader-port."""

from __future__ import annotations

import re

from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.names import Names, composed, fold
from gpgdoctor.redact.reader_words import READER_WORDS

PIECE = re.compile(
    r"(?P<slots>(?:(?:^|(?<=\s))[0-9A-F]{2}\s)?(?:^|(?<=\s))[0-9A-F]{2}$)|"  # pcscd counts readers and slots
    r"\((?P<inside>[^()]*)(?P<end>\)?)|"
    r"(?P<label>\b(?:S/?N\b[\s:#=]*|serial(?: number| no\.?)?\s*[:#=]\s*))(?P<labelled>\w[\w-]*)|"
    r"(?P<chunk>[^\s()\[\]]+)|.",
    re.DOTALL | re.IGNORECASE,
)
WORD = re.compile(r"[^\W_]+")
ON_USB = re.compile(r"([0-9A-F]{4}:[0-9A-F]{4}:)([^:]+)(:\d{1,2})?(.*)", re.IGNORECASE | re.DOTALL)
BEGINS_ON_USB = re.compile(r"[0-9A-F]{1,4}|[0-9A-F]{4}:[0-9A-F]{0,4}:?", re.IGNORECASE)
NO_SERIAL = re.compile(r"X|\d{1,2}", re.IGNORECASE)  # what scdaemon's driver writes for none, and slot numbers
NUMBER = re.compile(r"(\d+)(.*)", re.DOTALL)
LONGEST_INDEX = 5
ANY_NUMBER = "999999-"  # no machine has so many readers, so it means the same as the original number
NO_VENDOR = "0000:"  # to scdaemon a colon there is an identifier on USB


class Readers:
    """Keeps the model, and removes what distinguishes one reader from others of its kind."""

    def __init__(self, aliases: Aliases, names: Names) -> None:
        self._aliases, self._names = aliases, names
        self._known: dict[str, None] = {}

    def learn(self, name: str) -> None:
        """Learn the name of a reader that is present."""
        self._known[name] = None
        for match in PIECE.finditer(name):
            if match["inside"] is not None and not _is_model(match["inside"]):
                self._names.learn_serial(match["inside"])

    def name(self, text: str) -> str:
        return "".join(redacted for _, redacted in self._pieces(text))

    def port(self, value: str) -> str:
        """The beginning of a reader's name stays a beginning of it, even where it ends within the serial number."""
        wanted = value.strip(" \t'\"")
        return value.replace(wanted, self._wanted(wanted), 1) if wanted else value

    def _wanted(self, wanted: str) -> str:
        for name in self._known:
            if name.startswith(wanted):
                return self._beginning(name, len(wanted))
        on_usb, number = ON_USB.fullmatch(wanted), NUMBER.fullmatch(wanted)
        if on_usb:
            serial = on_usb[2] if NO_SERIAL.fullmatch(on_usb[2]) else self._names.serial(on_usb[2])
            return f"{on_usb[1]}{serial}{on_usb[3] or ''}{self._alias(on_usb[4]) if on_usb[4] else ''}"
        if BEGINS_ON_USB.fullmatch(wanted):
            return wanted
        if ":" in wanted:
            alias = self._alias(wanted)
            return f"{NO_VENDOR}{alias}" if len(wanted) > 5 and wanted[4] == ":" else f"{alias}:"
        if number and int(number[1][:18]) > 0:
            index = number[1] if len(number[1]) <= LONGEST_INDEX else ANY_NUMBER + self._names.serial(number[1])
            return index + self.name(number[2])
        return self.name(wanted)

    def _beginning(self, name: str, length: int) -> str:
        kept = []
        for piece, redacted in self._pieces(name):
            if length <= 0:
                break
            shown = redacted if piece != redacted else piece[:length]
            kept.append(shown if ":" in piece[:length] else shown.rstrip(":"))
            length -= len(piece)
        return "".join(kept)

    def _pieces(self, text: str) -> list[tuple[str, str]]:
        return [(match[0], self._piece(match)) for match in PIECE.finditer(text)]

    def _piece(self, match: re.Match[str]) -> str:
        inside, chunk = match["inside"], match["chunk"]
        if inside is not None:
            return match[0] if _is_model(inside) else f"({self._names.serial_of_reader(inside)}{match['end']}"
        if match["labelled"]:
            return f"{match['label']}{self._names.serial_of_reader(match['labelled'])}"
        return self._chunk(composed(chunk)) if chunk else match[0]

    def _chunk(self, chunk: str) -> str:
        words = list(WORD.finditer(chunk))
        if not words:
            return chunk
        start, end = words[0].start(), words[-1].end()
        bare, whole = chunk[start:end], self._names.known(chunk)
        if ":" in bare:
            whole = f"{self._alias(bare)}:"  # an address; to scdaemon a colon in reader-port has a meaning
        elif "." in bare and not all(_is_known(word[0]) for word in words):
            whole = whole or self._alias(bare)  # a host: no part of it is a model
        if whole:
            return chunk[:start] + whole + chunk[end:]
        model = all(_is_known(word[0]) or self._names.known(word[0]) for word in words)
        return self._names.replaced(
            chunk, lambda word: word if _is_known(word) and (model or word.isalpha()) else self._alias(word)
        )

    def _alias(self, text: str) -> str:
        if any(map(str.isdigit, text)):
            return self._names.serial_of_reader(text)
        return self._aliases.alias("name", text)


def _is_model(inside: str) -> bool:
    """Whether the text in parentheses is known words, and not a number, which would be a serial number."""
    words = WORD.findall(inside)
    return all(map(_is_known, words)) and (not words or any(map(str.isalpha, inside)))


def _is_known(word: str) -> bool:
    return fold(word) in READER_WORDS
