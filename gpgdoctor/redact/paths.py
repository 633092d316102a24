"""Paths: their structure stays, and every part whose name somebody chose gets an alias."""

from __future__ import annotations

import re

from gpgdoctor import holders
from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.names import WORD, Names, fold
from gpgdoctor.redact.words import OF_SYSTEMS, SEGMENTS, VOCABULARY

PUBLIC_PROGRAMS = frozenset(("systemd", "pcscd", "scdaemon", "gpg-agent", "unknown"))

HOMES = r"(?:/var|/usr|/export)?/home|/Users|/media|/run/media|/etc/profiles/per-user|/nix/var/nix/profiles/per-user"
UNDER_HOMES = re.compile(rf"(?<![\w.-])(?:{HOMES})/([^/\s'\"]+)")
AT_HOME = re.compile(rf"({HOMES})/([^/]+)(/.*)?", re.DOTALL)
RUNTIME = re.compile(r"/run/user/(\d{1,10})(?=/|$)")
PROCESS = re.compile(r"/proc/(\d{1,10})(?=/|$)")
# Of the system and its packages, whose names are the same on many machines.
SYSTEM = re.compile(
    r"/(?:usr(?!/local|/home)|lib\w*|s?bin|etc|sys|proc|dev|nix|gnu|snap|app|run/(?!user|media)|var/lib/flatpak)(?:/|$)"
)
OF_PACKAGE = re.compile(r"/(?:usr|lib\w*|s?bin|sys)/")
LIBRARY = re.compile(r"(lib[\w+-]+|[\w+-]*pkcs11)\.(?:so|dylib)[\d.]*")
PLAIN_DIRECTORY = re.compile(r"[a-z]+")
SHORT, LONGEST_NUMBER = 3, 4


class Paths:
    def __init__(self, aliases: Aliases, names: Names) -> None:
        self._aliases, self._names = aliases, names

    def learn(self, path: str) -> None:
        home = AT_HOME.fullmatch(path)
        if home:
            self._names.learn_user(home[2])

    def path(self, path: str) -> str:
        """The path, with the same structure, so that code still sees what kind of place it is."""
        home, runtime, process = AT_HOME.fullmatch(path), RUNTIME.match(path), PROCESS.match(path)
        if home:
            return f"{home[1]}/{self._names.user(home[2])}{self._chosen(home[3] or '')}"
        if runtime:
            return f"/run/user/{self._aliases.uid(int(runtime[1]))}{self._chosen(path[runtime.end() :])}"
        if process:
            return f"/proc/{self._aliases.pid(int(process[1]))}{self._chosen(path[process.end() :])}"
        return self._of_system(path) if SYSTEM.match(path) else self._chosen(path)

    def _chosen(self, path: str) -> str:
        return "/".join(map(self._segment, path.split("/")))

    def _segment(self, segment: str) -> str:
        bare = segment.removeprefix("~")
        if not bare or _is_public(segment):
            return segment
        alias = self._names.known(bare) or self._aliases.alias("path", bare)
        return ("~" if segment.startswith("~") else "") + alias

    def _of_system(self, path: str) -> str:
        *directories, last = path.split("/")
        kept = PLAIN_DIRECTORY if OF_PACKAGE.match(path) else None
        parts = [self._names.replaced(it) if kept and kept.fullmatch(it) else self._of_words(it) for it in directories]
        return "/".join([*parts, self._of_words(last)])

    def _of_words(self, segment: str) -> str:
        return segment if _is_public(segment) else self._names.replaced(segment, self._word)

    def _word(self, word: str) -> str:
        known = fold(word)
        number = word.isdecimal() and len(word) <= LONGEST_NUMBER
        if number or len(word) <= SHORT or known in OF_SYSTEMS or known in VOCABULARY or is_public_program(known):
            return word
        return self._aliases.alias("path", word)


def is_public_program(name: str) -> bool:
    """Whether the name of a program reveals nothing: many people have it."""
    return name in PUBLIC_PROGRAMS or holders.known(name) is not None


def _is_public(segment: str) -> bool:
    return segment in SEGMENTS or is_public_program(segment) or _is_known_library(segment)


def _is_known_library(segment: str) -> bool:
    library = LIBRARY.fullmatch(segment)
    return library is not None and all(word in OF_SYSTEMS for word in WORD.findall(library[1].lower()))
