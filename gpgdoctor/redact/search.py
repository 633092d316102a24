"""Free text from the machine, searched for private parts: known values, and typical forms."""

from __future__ import annotations

import re

from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.names import Names
from gpgdoctor.redact.paths import UNDER_HOMES, Paths, is_public_program

CARRIES_ARGUMENTS = re.compile(r"\s[-/]|[=@:/]")
META_USER = re.compile(r"^\s*\[\s*user\s+([^\]\s]{1,64})", re.MULTILINE)
COMM_BYTES = 15  # the kernel cuts a name there

BEFORE, AFTER = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
ENDS_PATH = r"\s'\"`,;:()<>|"
# No form can match from the middle of its own match, so that a text is read once, however long it is.
FORMS = (
    ("kept", r"\bGD\d{3}\b|\b0x(?:8010[0-9A-F]{4}|[0-9A-F]{1,6})\b|\b\d+ bytes\b"),
    ("url", r"(?<![\w+.-])[\w+.-]+://[^\s'\"<>]+"),
    ("mail", r"(?<![\w.+-])[\w.+-]*[\w+]@[\w-]+(?:\.[\w-]+)*"),
    ("path", rf"(?<![\w.~/-])(?:(?:~[\w.-]*)?/[^{ENDS_PATH}]*[^{ENDS_PATH}.]|~[\w.-]+)"),
    ("account", r"(?<![\w.-])[\w.-]+\\[\w.-]+"),
    ("uid", r"\buid \d{1,10}\b"),
    ("pid", r"\bpid \d{1,10}\b"),
    ("serial", rf"{BEFORE}D2 ?76 ?00 ?01 ?24(?: ?[0-9A-F]{{2}})+{AFTER}"),
    ("key", rf"{BEFORE}(?:0x)?(?:(?:[0-9A-F]{{4}}\s{{1,2}}){{4,}}[0-9A-F]{{4}}|[0-9A-F]{{16,}}){AFTER}"),
    ("hardware", rf"{BEFORE}[0-9A-F]{{2}}(?:[:-][0-9A-F]{{2}}){{5,7}}{AFTER}"),
    ("short_key", rf"{BEFORE}(?:0x)?(?=\d{{0,8}}[A-F])(?=[A-F]{{0,8}}\d)[0-9A-F]{{8}}{AFTER}"),
    ("number", rf"{BEFORE}\d{{7,}}{AFTER}"),
    ("address", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w)|(?<![\w:])[0-9A-F:]{2,40}(?![\w:])"),
)
FORM = re.compile("|".join(f"(?P<{name}>{form})" for name, form in FORMS), re.IGNORECASE)


class Search:
    """Replaces private parts by aliases. Names have to be learnt before they can be found."""

    def __init__(self, aliases: Aliases, names: Names, paths: Paths) -> None:
        self._aliases, self._names, self._paths = aliases, names, paths
        self._odd_paths: dict[str, list[str]] = {}  # paths with blanks, for example, by the part that the form matches

    def learn(self, text: str) -> None:
        for user in (*UNDER_HOMES.findall(text), *META_USER.findall(text)):
            self._names.learn_user(user)

    def learn_path(self, path: str) -> None:
        self._paths.learn(path)
        beginning = FORM.match(path)
        if beginning and beginning.lastgroup == "path" and beginning[0] != path:
            self._odd_paths.setdefault(beginning[0], []).append(path)

    def text(self, text: str) -> str:
        parts, at = [], 0
        for match in FORM.finditer(text):
            if match.start() >= at:
                odd = (path for path in self._odd_paths.get(match[0], ()) if text.startswith(path, match.start()))
                found = max(odd, key=len, default=match[0])
                parts += [self._names.replaced(text[at : match.start()]), self._alias(match.lastgroup or "", found)]
                at = match.start() + len(found)
        return "".join([*parts, self._names.replaced(text[at:])])

    def program(self, name: str) -> str:
        """A program's name. Known ones are kept, and arguments are removed."""
        if is_public_program(name):
            return name
        if CARRIES_ARGUMENTS.search(name):
            self._aliases.count("arguments", name)
            first = re.split(r"[^\w.+-]", name, maxsplit=1)[0]
            return f"{self.text(first)} [arguments]".lstrip()
        if len(name.encode("utf-8", "surrogateescape")) == COMM_BYTES:
            return self._names.replaced(name, cut=True)
        return self.text(name)

    def _alias(self, form: str, found: str) -> str:
        if form == "path":
            return self._paths.path(found)
        if form == "pid":
            return f"pid {self._aliases.pid(int(found[4:]))}"
        if form in ("uid", "account"):
            return self._names.user(found.casefold())
        if form == "serial" or (form == "number" and _is_serial(found)):
            return self._names.serial(found)
        if form in ("key", "short_key"):
            return self._aliases.alias("key", found.lower().removeprefix("0x"))
        if form in ("url", "mail"):
            return self._aliases.alias(form, found)
        if form == "hardware" or (form == "address" and _is_address(found)):
            return self._aliases.alias("address", found)
        return found


def _is_serial(found: str) -> bool:
    """A number that is not an error code of GnuPG: those have their source in the upper byte, and a small code."""
    if len(found) > 9:
        return True
    source, code = divmod(int(found), 1 << 24)
    return not (0 < source < 32 and code < 1 << 16)


def _is_address(found: str) -> bool:
    import ipaddress

    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
