"""What a scenario consists of: data, and nothing that acts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

CardKind = Literal["openpgp", "foreign", "mute", "absent"]
ClientKind = Literal["idle", "shared", "direct", "exclusive", "transaction", "foreign-select", "crowd"]
PcscdState = Literal["running", "never-started", "killed", "stopped"]
GpgOutcome = Literal["works", "fails", "hangs"]
Package = Literal["gnupg", "scdaemon", "keyboxd", "pcscd", "libpcsclite"]

# Since then scdaemon does not turn to PC/SC by itself when its own driver finds no reader: NEWS of Debian's 2.4.7-15.
GNUPG_2_3 = (2, 3)


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
    only_since_2_3: bool = False


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
    user: int | None = None  # None: whose home it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    about: str
    readers: tuple[Reader, ...] = (Reader(),)
    clients: tuple[Client, ...] = ()
    files: tuple[File, ...] = ()
    homes: tuple[str, ...] = (".gnupg",)
    pcscd: PcscdState = "running"
    polkit: bool = False  # a pcscd that is built with polkit asks it; without a system bus that refuses everybody
    listeners: tuple[Listener, ...] = ()
    hidden: tuple[Package, ...] = ()
    programs: tuple[str, ...] = ()  # Debian packages that are to be there, besides what every lab has
    steps: tuple[Step, ...] = ()
    user: int = 0  # whose home it is, who runs gpg and gpgdoctor; other than 0 only for root
    # What must be seen once all this stands: the findings of `check` at warning or above that are not the consequence
    # of another one, and no other; findings at info that must be there too; and what `gpg --card-status` does.
    expect: tuple[str, ...] = ()
    info: tuple[str, ...] = ()
    gpg: GpgOutcome | None = None  # None: it is not tried
    expect_since_2_3: tuple[str, ...] | None = None  # None: the same as before
    gpg_since_2_3: GpgOutcome | None = None
    cure: bool = False  # `fix --yes` cures it, and disturbs nobody


def as_of(scenario: Scenario, version: tuple[int, ...]) -> Scenario:
    """The scenario as this version of GnuPG plays it."""
    if version >= GNUPG_2_3:
        expect = scenario.expect if scenario.expect_since_2_3 is None else scenario.expect_since_2_3
        return replace(scenario, expect=expect, gpg=scenario.gpg_since_2_3 or scenario.gpg)
    return replace(scenario, files=tuple(file for file in scenario.files if not file.only_since_2_3))
