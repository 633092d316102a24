"""Users, hosts and serial numbers: learnt where a fact declares them, and found wherever else they appear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.words import SYSTEM_USERS, VOCABULARY

WORD = re.compile(r"[^\W_]+")
UID = re.compile(r"uid (\d{1,10})")
AID = re.compile(r"D276000124[0-9A-F]{10}([0-9A-F]{8})", re.IGNORECASE)
# An OpenPGP card's: the application, 2 bytes of its version, 2 of the maker, 4 of the serial number; or redacted.
CARD = re.compile(r"D27600012401[0-9A-F]{4}([0-9A-F]{4})(?:([0-9A-F]{8})[0-9A-F]*|(serial\d{1,6}))", re.IGNORECASE)
OF_ANY_VERSION = "D276000124010000"
SHORTEST_WORD, LONGEST_TERM = 3, 9
LONGEST_CUT = 15  # the kernel keeps no more of a program's name
LIBRARY = "lib"  # stands before a name without a space: libjane.so
# As they are written in ASCII file names; other letters lose their accents (fold).
GERMAN = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00c4": "ae", "\u00d6": "oe", "\u00dc": "ue"})


class Names:
    """Searches word by word for what it has learnt, in time linear in the length of the text."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        # Kind and key of what was learnt, by its words; and the longest term, in words, that begins with each word.
        self._terms: dict[tuple[str, ...], tuple[str, str]] = {}
        self._longest: dict[str, int] = {}
        self._begun: dict[str, tuple[str, str]] = {}  # the same by what the kernel may have left of the first word
        self._written: dict[str, str] = {}  # serial numbers as written in readers' names

    # -- users -----------------------------------------------------------------------------------------------------

    def learn_user(self, name: str) -> None:
        """A log-in and each part of it: jane.doe, CORP\\jane, jane@corp.example, and jane-agent."""
        if is_system_user(name) or UID.fullmatch(name):
            return
        domain, local, realm = _parts(composed(name))
        for form in (name, local, *WORD.findall(local)):
            self._learn(form, "user", fold(local))
            self._learn(form.translate(GERMAN), "user", fold(local))
        for place in filter(None, (domain, realm)):
            self.learn_host(place)

    def user(self, name: str) -> str:
        number = UID.fullmatch(name)
        if number:
            return f"uid {self._aliases.uid(int(number[1]))}"
        return name if is_system_user(name) else self._aliases.alias("user", _parts(fold(name))[1])

    # -- hosts -----------------------------------------------------------------------------------------------------

    def learn_host(self, name: str) -> None:
        """A host by its name with and without its domain, and the domain by itself."""
        label, _, domain = fold(name).partition(".")
        self._learn(name, "host", label)
        self._learn(label, "host", label)
        for form in (domain, *domain.split(".")[:-1]):
            self._learn(form, "host", domain)

    # -- serial numbers --------------------------------------------------------------------------------------------

    def learn_serial(self, text: str) -> None:
        key = self._serial_key(text)
        for form in (text, re.sub(r"\s", "", text), key):
            self._learn(form, "serial", key)

    def serial(self, text: str) -> str:
        """A serial number in any of its forms: in an AID, with leading zeros, with blanks."""
        return self._aliases.alias("serial", self._serial_key(text))

    def card(self, text: str) -> str:
        """A card's number, in which the maker stays: it tells in whose reader the card is (rules/own_reader.py).

        The version does not: scdaemon 2.4 gives another one than older stubs do.
        """
        found = CARD.fullmatch(re.sub(r"\s", "", text))
        if found is None:
            return self.serial(text)
        return f"{OF_ANY_VERSION}{found[1].upper()}{self._aliases.alias('serial', self._serial_key(text))}"

    def serial_of_reader(self, text: str) -> str:
        """Two readers whose numbers are written differently stay distinct."""
        key = self._serial_key(text)
        return self.serial(text) if self._written.setdefault(key, text) == text else self._aliases.alias("serial", text)

    @staticmethod
    def _serial_key(text: str) -> str:
        compact = re.sub(r"\s", "", text)
        found, card = AID.match(compact), CARD.fullmatch(compact)
        plain = card[2] or card[3] if card else found[1] if found else compact
        return fold(plain).lstrip("0") or compact

    # -- search ----------------------------------------------------------------------------------------------------

    def known(self, text: str) -> str | None:
        """The alias of a text that is, as a whole, something learnt."""
        words = _words(text)
        length, alias = self._term_at(words, 0) if words else (0, "")
        return alias if length == len(words) else None

    def replaced(self, text: str, otherwise: Callable[[str], str] = str, *, cut: bool = False) -> str:
        """A text with aliases for what was learnt; ``otherwise`` says what becomes of other words.

        ``cut``: the text, and so its last word, may have been cut off.
        """
        return "".join(self._pieces(composed(text), otherwise, cut))

    def _pieces(self, text: str, otherwise: Callable[[str], str], cut: bool) -> Iterator[str]:
        found = list(WORD.finditer(text))
        words = [fold(word[0]) for word in found]
        number = at = 0
        while number < len(words):
            yield text[at : found[number].start()]
            length, alias = self._term_at(words, number)
            if not length and cut and number == len(words) - 1 and words[number] in self._begun:
                alias = self._aliases.alias(*self._begun[words[number]])
            yield alias or otherwise(found[number][0])
            number += length or 1
            at = found[number - 1].end()
        yield text[at:]

    def _term_at(self, words: list[str], number: int) -> tuple[int, str]:
        """How many words from here on form a learnt term, and its alias."""
        for prefix in ("", LIBRARY) if words[number].startswith(LIBRARY) else ("",):
            first = words[number].removeprefix(prefix)
            for length in range(min(self._longest.get(first, 0), len(words) - number), 0, -1):
                found = self._terms.get((first, *words[number + 1 : number + length]))
                if found:
                    return length, prefix + self._aliases.alias(*found)
        return 0, ""

    def _learn(self, form: str, kind: str, key: str) -> None:
        words = tuple(_words(form)[:LONGEST_TERM])
        if len("".join(words)) < SHORTEST_WORD or (len(words) == 1 and words[0] in VOCABULARY):
            return
        self._terms.setdefault(words, (kind, key))
        self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))
        for end in range(SHORTEST_WORD + 1, min(len(words[0]), LONGEST_CUT)):
            self._begun.setdefault(words[0][:end], (kind, key))


def is_system_user(name: str) -> bool:
    return name in SYSTEM_USERS or name.startswith(("_", "systemd-"))


def composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """A spelling that ignores case and accents."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text).casefold().replace("\u0131", "i")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _words(text: str) -> list[str]:
    return [fold(word) for word in WORD.findall(composed(text))]


def _parts(name: str) -> tuple[str, str, str]:
    """DOMAIN\\user@realm in its parts."""
    domain, _, rest = name.rpartition("\\")
    local, _, realm = rest.partition("@")
    return domain, local or name, realm
