"""Private things of a known kind, with an alias in their place: users, serial numbers, paths."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gpgdoctor.redact.aliases import Aliases

# Who runs services: these users are the same everywhere, and tell who holds a card.
# fmt: off
SYSTEM_USERS = frozenset({
    "root", "daemon", "bin", "sys", "nobody", "pcscd", "pcsc", "scard", "polkitd", "messagebus", "dbus", "gdm",
    "Debian-gdm", "sddm", "lightdm", "lxdm", "greeter", "geoclue", "colord", "rtkit", "avahi", "usbmux", "saned",
    "cups", "sshd", "sssd", "tss", "nagios", "icinga", "zabbix", "nrpe", "www-data", "tomcat",
    "gnome-initial-setup", "gnome-remote-desktop",
})
# fmt: on

HOMES = r"(?:/var|/usr|/export)?/home|/Users|/media|/run/media|/etc/profiles/per-user|/nix/var/nix/profiles/per-user"
UNDER_HOMES = re.compile(rf"(?<![\w.-])(?:{HOMES})/([^/\s'\"]+)")
AT_HOME = re.compile(rf"({HOMES})/([^/]+)(/.*)?", re.DOTALL)
# Of the system, and the same on every machine that has it: nothing in there has a name of its owner's choice.
SYSTEM = re.compile(
    r"/(?:usr(?!/local|/home)|lib\w*|s?bin|etc|sys|proc|dev|nix|gnu|snap|app|run/(?!user|media)|var/lib/flatpak)(?:/|$)"
)
RUNTIME = re.compile(r"/run/user/(\d+)(?=/|$)")
LIBRARY = re.compile(r"lib[\w+-]+\.(?:so|dylib)[\d.]*")
# fmt: off
KNOWN_SEGMENTS = frozenset({
    "~", ".", "..", "root", "home", "run", "user", "tmp", "var", "opt", "usr", "local", "srv", "mnt", "data",
    "bin", "sbin", "lib", "lib64", "libexec", "share", "etc", "config", ".config", ".local", ".cache", ".gnupg",
    "gnupg", ".gnupg-home", "private-keys-v1.d", "openpgp-revocs.d", "S.scdaemon", "S.gpg-agent",
    "S.gpg-agent.ssh", "S.gpg-agent.extra", "S.gpg-agent.browser", "S.keyboxd", "scdaemon", "scdaemon.conf",
    "gpg-agent", "gpg-agent.conf", "common.conf", "gpg.conf", "gpg", "gpgconf", "gpgdoctor", "pcscd",
    "pcscd.comm", "pcsc-shared", "dotfiles", ".dotfiles", "chezmoi", ".chezmoi", "yadm", "stow", "home-manager",
    ".nix-profile", "homebrew", "Cellar", "Library",
})
# fmt: on
# Names of people and hosts that are also words of this field: where they are only words, they tell nothing.
# fmt: off
VOCABULARY = frozenset({
    "agent", "alma", "alpine", "arch", "card", "cards", "ccid", "centos", "client", "config", "daemon",
    "debian", "disable", "docker", "enabled", "fedora", "file", "gentoo", "gnu", "gnuk", "gnupg", "gpg",
    "gpgconf", "group", "home", "host", "installed", "kali", "key", "keys", "linux", "localhost", "lxc",
    "machine", "mint", "name", "nitrokey", "nixos", "none", "openpgp", "opensuse", "option", "pcsc", "pcscd",
    "pin", "pipe", "podman", "port", "probe", "process", "program", "raspbian", "reader", "rhel", "rocky",
    "root", "running", "scdaemon", "serial", "server", "session", "shared", "smart", "socket", "ssh", "suse",
    "system", "systemd", "test", "the", "this", "time", "token", "tty", "ubuntu", "unknown", "usb", "user",
    "version", "void", "wayland", "x11", "yubico", "yubikey",
})
# fmt: on
SHORTEST_WORD = 3
BEFORE, AFTER = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
AID = re.compile(r"D276000124[0-9A-F]{10}([0-9A-F]{8})", re.IGNORECASE)


class PrivateNames:
    """Aliases for things that are known to be what they are."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._programs: set[str] = set()
        # How each of them is written, in lower case, and what it is: for a search in free text.
        self.words: dict[str, tuple[str, str]] = {}

    def user(self, name: str) -> str:
        number = re.fullmatch(r"uid (\d+)", name)
        if number:
            return f"uid {self._aliases.uid(int(number[1]))}"
        if name in SYSTEM_USERS or name.startswith(("_", "systemd-")):
            return name
        domain, local, realm = _parts(name.casefold())
        for form in (name.casefold(), local):
            self.words.setdefault(form, ("user", local))
        for place in filter(None, (domain, realm)):
            self.words.setdefault(place, ("host", place))
        return self._aliases.alias("user", local)

    def host(self, name: str) -> None:
        """A host to look for: by its whole name, and without the domain."""
        label = name.casefold().partition(".")[0]
        for form in (name.casefold(), label):
            self.words.setdefault(form, ("host", label))

    def serial(self, text: str) -> str:
        """In every form that a card's or a token's number has: as part of an AID, with leading zeros, with blanks."""
        compact = re.sub(r"\s", "", text)
        found = AID.match(compact)
        key = (found[1] if found else compact).casefold().lstrip("0") or compact
        for form in (text.casefold(), compact.casefold(), key):
            self.words.setdefault(form, ("serial", key))
        return self._aliases.alias("serial", key)

    def uid(self, uid: int) -> int:
        return self._aliases.uid(uid)

    def keep(self, program: str) -> None:
        """A program whose name is told: it may be told in paths as well."""
        self._programs.add(program)

    # -- paths ---------------------------------------------------------------------------------------------------

    def path(self, path: str) -> str:
        """The same structure; homes, and every part whose name somebody chose, have aliases."""
        home = AT_HOME.fullmatch(path)
        if home:
            return f"{home[1]}/{self.user(home[2])}{self._segments(home[3] or '')}"
        runtime = RUNTIME.match(path)
        if runtime:
            return f"/run/user/{self.uid(int(runtime[1]))}{self._segments(path[runtime.end() :])}"
        return self._segments(path, of_system=SYSTEM.match(path) is not None)

    def _segments(self, path: str, *, of_system: bool = False) -> str:
        return "/".join(self._segment(segment, of_system) for segment in path.split("/"))

    def _segment(self, segment: str, of_system: bool) -> str:
        if not segment or segment in KNOWN_SEGMENTS or segment in self._programs:
            return segment
        if LIBRARY.fullmatch(segment):
            return self._without_names(segment)
        tilde = "~" if segment.startswith("~") else ""
        found = self.words.get(segment.removeprefix("~").casefold())
        if found is None and of_system:
            return self._without_names(segment)
        return tilde + self._aliases.alias(*(found or ("path", segment)))

    def telling_words(self) -> list[str]:
        """Those to be found wherever they stand."""
        return [word for word in self.words if len(word) >= SHORTEST_WORD and word not in VOCABULARY]

    def _without_names(self, segment: str) -> str:
        """What the system or a package named, where somebody's name is a part of it: /usr/bin/alice-card."""
        words = self.telling_words()
        if not words:
            return segment
        pattern = f"{BEFORE}(?:{any_of(words)}){AFTER}"
        return re.sub(
            pattern, lambda match: self._aliases.alias(*self.known_as(match[0])), segment, flags=re.IGNORECASE
        )

    def known_as(self, text: str) -> tuple[str, str]:
        """What a word is that was found in any case; letters like the dotted capital I have more cases than two."""
        found = self.words.get(text.casefold())
        same = (what for word, what in self.words.items() if re.fullmatch(re.escape(word), text, re.IGNORECASE))
        return found or next(same, ("user", text))


def any_of(words: Iterable[str]) -> str:
    """The longest first, since the first that fits is taken."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def _parts(name: str) -> tuple[str, str, str]:
    """DOMAIN\\user@realm in its parts."""
    domain, _, rest = name.rpartition("\\")
    local, _, realm = rest.partition("@")
    return domain, local or name, realm
