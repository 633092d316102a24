"""Free text that came from the machine, searched for what is private: by what is known, and by its form."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gpgdoctor import holders
from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.names import AFTER, BEFORE, UNDER_HOMES, PrivateNames, any_of

TOLD_PROGRAMS = frozenset(("systemd", "pcscd", "scdaemon", "gpg-agent", "unknown"))
CARRIES_ARGUMENTS = re.compile(r"\s[-/]|[=@:/]")

BEFORE_WORDS = 6  # so many of the forms may have a name within
REST_OF_PATH = r"[^\s'\"`,;:()<>|]*[^\s'\"`,;:()<>|.]"
FORMS = (
    ("kept", r"\bGD\d{3}\b|\b0x(?:8010[0-9A-F]{4}|[0-9A-F]{1,6})\b|\b\d+ bytes\b"),
    ("url", r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+"),
    ("mail", r"[\w.+-]*[\w+]@[\w-]+(?:\.[\w-]+)*"),
    ("path", rf"(?<![\w.~/-])(?:(?:~[\w.-]*)?/{REST_OF_PATH}|~[\w.-]+)"),
    ("account", r"\b[\w.-]+\\[\w.-]+"),
    ("uid", r"\buid \d+"),
    ("aid", rf"{BEFORE}D2 ?76 ?00 ?01 ?24(?: ?[0-9A-F]{{2}})+{AFTER}"),
    ("key", rf"{BEFORE}(?:0x)?(?:(?:[0-9A-F]{{4}}\s+){{4,}}[0-9A-F]{{4}}|[0-9A-F]{{16,}}){AFTER}"),
    ("short_key", rf"{BEFORE}(?:0x)?(?=\d*[A-F])(?=[A-F]*\d)[0-9A-F]{{8}}{AFTER}"),
    ("number", rf"{BEFORE}\d{{7,}}{AFTER}"),
    ("address", r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])[0-9A-F:]*:[0-9A-F:]*:[0-9A-F:]*(?!\w)"),
)
HARDWARE_ADDRESS = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){5}", re.IGNORECASE)


class PrivateText:
    """Puts aliases in the place of what is private. What is to be found by name has to be learnt before."""

    def __init__(self, aliases: Aliases, names: PrivateNames, known: Iterable[str]) -> None:
        """``known`` are words that stay in one piece."""
        self._aliases = aliases
        self._names = names
        self._paths: set[str] = set()
        self._known = tuple(known)
        self._compiled: re.Pattern[str] | None = None
        self.learning = True  # what is to be found is not all known yet

    def path(self, path: str) -> str:
        """A path, which free text may have as well, blanks and all."""
        if self.learning and path.startswith("/") and len(path) > 1:
            self._compiled = None
            self._paths.add(path)
        return self._names.path(path)

    def text(self, text: str) -> str:
        if self.learning:
            self._compiled = None
            for user in UNDER_HOMES.findall(text):
                self._names.user(user)
            return text
        return self._pattern().sub(self._replaced, text)

    def program(self, name: str) -> str:
        """A program's name. What is known is kept, and what carries arguments loses them."""
        if name in TOLD_PROGRAMS or holders.known(name):
            self._names.keep(name)
            return name
        if CARRIES_ARGUMENTS.search(name):
            self._aliases.count("arguments")
            first = re.split(r"[^\w.+-]", name, maxsplit=1)[0]
            return f"{self.text(first)} [arguments]".lstrip()
        return self.text(name)

    def _pattern(self) -> re.Pattern[str]:
        if self._compiled is None:
            words = self._names.telling_words()
            first = [("known", rf"(?<![\w-])(?:{any_of(self._known)})(?![\w-])")] if self._known else []
            first += (
                [("learnt", rf"(?:{any_of(self._paths)})(?=/|[^\w.-]|\.?$)(?:/{REST_OF_PATH})?")] if self._paths else []
            )
            last = [("word", f"{BEFORE}(?:{any_of(words)}){AFTER}")] if words else []
            parts = (*first, *FORMS[:BEFORE_WORDS], *last, *FORMS[BEFORE_WORDS:])
            self._compiled = re.compile("|".join(f"(?P<{name}>{form})" for name, form in parts), re.IGNORECASE)
        return self._compiled

    def _replaced(self, match: re.Match[str]) -> str:
        found, form = match[0], match.lastgroup
        if form in ("learnt", "path"):
            return self._names.path(found)
        if form == "word":
            return self._aliases.alias(*self._names.known_as(found))
        if form in ("uid", "account"):
            return self._names.user(found.casefold())
        if form == "aid":
            return self._names.serial(found)
        if form in ("url", "mail"):
            return self._aliases.alias(form, found)
        if form in ("key", "short_key"):
            return self._aliases.alias("key", found.lower().removeprefix("0x"))
        if form == "number" and _is_serial(found):
            return self._names.serial(found)
        return self._aliases.alias("address", found) if form == "address" and _is_address(found) else found


def _is_serial(found: str) -> bool:
    """A number, and not one of GnuPG's errors: they have their source in the upper byte, and a small code."""
    source, code = divmod(int(found), 1 << 24)
    return not (0 < source < 32 and code < 1 << 16 and len(found) <= 9)


def _is_address(found: str) -> bool:
    import ipaddress

    if HARDWARE_ADDRESS.fullmatch(found):
        return True
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
