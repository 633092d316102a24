"""What a scenario consists of: data, and nothing that acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CardKind = Literal["openpgp", "foreign", "mute", "absent"]
ClientKind = Literal["idle", "shared", "direct", "exclusive", "transaction", "foreign-select", "crowd"]
PcscdState = Literal["running", "never-started", "killed", "stopped"]
Package = Literal["gnupg", "scdaemon", "pcscd", "libpcsclite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    name: str = "Yubico YubiKey OTP+FIDO+CCID"
    card: CardKind = "openpgp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Another program that uses PC/SC. ``reader`` counts the scenario's readers."""

    kind: ClientKind
    program: str = "firefox"
    reader: int = 0
    other_network: bool = False
    user: int | None = None  # None: root, as pcscd; only root can have other users in the lab
    after_steps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file below the home directory, or anywhere if ``path`` is absolute."""

    path: str
    content: str | bytes
    mode: int = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A program that listens where a daemon would, counts who connects, and says nothing."""

    path: str  # {sockets} stands for GnuPG's socket directory
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command that is run once all else stands; ``code`` None means that any will do."""

    argv: tuple[str, ...]
    code: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    about: str
    readers: tuple[Reader, ...] = (Reader(),)
    clients: tuple[Client, ...] = ()
    files: tuple[File, ...] = ()
    homes: tuple[str, ...] = (".gnupg",)
    pcscd: PcscdState = "running"
    listeners: tuple[Listener, ...] = ()
    hidden: tuple[Package, ...] = ()
    steps: tuple[Step, ...] = ()
    user: int = 0  # whose home it is, who runs gpg and gpgdoctor; other than 0 only for root
    expect: tuple[str, ...] = ()  # the findings that `check` must report, no other above info
