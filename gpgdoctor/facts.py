"""All that is known of one machine, at one moment: data, and nothing that acts.

A fact that could not be had is an :class:`Unknown` with its reason. Rules read such facts through
:func:`known`, which raises :class:`NotKnown`; mypy holds that no rule forgets it. A fact that is known to be
absent is ``None`` or an empty tuple.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from gpgdoctor.system.record import Record

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be had, and why, in a few words that read well after a colon."""

    reason: str


Maybe: TypeAlias = T | Unknown


class NotKnown(Exception):
    """Raised where a fact is needed that is unknown; the message is the reason."""


def known(fact: T | Unknown) -> T:
    """The fact itself; raises NotKnown where it could not be had."""
    if isinstance(fact, Unknown):
        raise NotKnown(fact.reason)
    return fact


def known_or(fact: T | Unknown, otherwise: T) -> T:
    """For facts that only refine a severity or a culprit: never for the judgement itself."""
    return otherwise if isinstance(fact, Unknown) else fact


class SelfTest(Record):
    """What ``scdaemon --gpgconf-test`` said of the configuration, in English."""

    code: int
    messages: tuple[str, ...]


class RunningScdaemon(Record):
    """What the scdaemon of this GNUPGHOME says of itself on its own socket."""

    pid: int
    version: str
    cards: tuple[str, ...]  # serial numbers of the cards it holds: GETINFO card_list


class Gnupg(Record):
    gpgconf: Maybe[str | None]
    homedir: Maybe[str]
    home_is_default: Maybe[bool]  # whether GnuPG's tools take it without being told: no GNUPGHOME, no --homedir
    socketdir: Maybe[str]
    sysconfdir: Maybe[str]
    agent_socket: Maybe[str]
    agent_listener: Maybe[str | None]  # the program that listens on agent_socket
    scdaemon: Maybe[str | None]  # the path gpgconf names
    scdaemon_exists: Maybe[bool]
    scdaemon_version: Maybe[str | None]
    scdaemon_options: Maybe[tuple[str, ...]]  # every option it knows, the hidden ones too
    own_ccid_driver: Maybe[bool]
    self_test: Maybe[SelfTest | None]
    running: Maybe[RunningScdaemon | None]
    card_keys: Maybe[int]  # stubs of keys on cards in private-keys-v1.d
    homedir_problems: Maybe[tuple[str, ...]]


class ConfigLine(Record):
    """A line of a configuration file that matters: an option, a meta command, a mistake, a commented-out option."""

    number: int
    text: str  # without its line end; bytes that are not UTF-8 as surrogates
    kind: str  # "option", "meta", "problem", "commented-out"
    option: str | None = None
    value: str | None = None
    problem: str | None = None
    meant: str | None = None  # the line as it ought to be, where that can be told


class ConfigFile(Record):
    path: str
    program: str  # "scdaemon", "gpg-agent" or "common"
    scope: str  # "user" or "global"
    # "absent", "regular", "unreadable", "not-regular", "binary", "encrypted", "template", "utf-16", "too-large"
    status: str
    detail: str | None = None  # of a status that is neither absent nor regular
    changed: Maybe[float | None] = None  # the later of mtime and ctime of link and target, seconds since the epoch
    owner: Maybe[int | None] = None
    mode: Maybe[int | None] = None
    target: Maybe[str | None] = None  # where a symbolic link leads
    manager: Maybe[str | None] = None  # who manages the file, where somebody does
    length: int = 0  # in lines
    line_end: str = "\n"
    final_newline: bool = True
    last_line: str | None = None  # only where it lacks its line end
    lines: tuple[ConfigLine, ...] = ()


class Setting(Record):
    """An option that is in force, and the line that says so."""

    option: str
    value: str | None
    path: str
    line: int


class Voided(Record):
    """A line of the user's file that a global file takes out of force."""

    option: str
    line: int
    by_path: str
    by_line: int | None  # None where a whole section does


class PcscDriver(Record):
    """What came of loading the library that ``pcsc-driver`` names, or libpcsclite."""

    name: str
    usable: bool
    reason: str | None = None


class Configuration(Record):
    files: Maybe[tuple[ConfigFile, ...]]
    in_force: Maybe[tuple[Setting, ...]]  # of scdaemon
    voided: Maybe[tuple[Voided, ...]]
    agent_in_force: Maybe[tuple[Setting, ...]]  # of gpg-agent
    scdaemon_program_exists: Maybe[bool | None]
    pcsc_driver: Maybe[PcscDriver | None]  # None where none is configured


class Process(Record):
    """A pcscd, scdaemon or gpg-agent, or a client of pcscd. Zombies are none."""

    pid: int
    program: str
    role: str  # "pcscd", "scdaemon", "gpg-agent" or "client"
    user: Maybe[str]
    uid: Maybe[int]
    parent: Maybe[int]
    started: Maybe[float]  # seconds since the epoch
    state: Maybe[str]  # one letter, as in /proc: "T" is stopped
    executable: Maybe[str]
    replaced: Maybe[bool]  # the program's file was replaced since the process started
    homedir: Maybe[str | None]  # of GnuPG's daemons: the --homedir it was given
    sockets: Maybe[tuple[str, ...]] = ()  # of scdaemon: where it listens
    cards: Maybe[int | None] = None  # of a scdaemon of mine with another home: how many cards it holds
    ours: bool = False  # gpgdoctor itself, or what started it


class Connection(Record):
    """An established connection of pcscd, seen in both looks."""

    inode: int
    uid: Maybe[int]
    pid: Maybe[int]


class Pcscd(Record):
    socket: Maybe[str]
    socket_file: Maybe[str]  # "absent", "socket", or what else is there
    mounted: Maybe[bool]  # a container has it from its host
    listener: Maybe[str | None]  # "pcscd", "activator", or None where nobody listens
    refused: Maybe[bool]  # connect() says ECONNREFUSED
    answer: Maybe[str]  # "ok", "no-answer", or the code of SCardEstablishContext or SCardListReaders
    version: Maybe[str | None]
    library: Maybe[PcscDriver]
    library_version: Maybe[str | None]
    installed: Maybe[bool]
    unit: Maybe[str | None]  # how systemd has pcscd.socket: "enabled", "disabled", "masked"
    polkit: Maybe[bool]
    connections: Maybe[tuple[Connection, ...]]
    waiting: Maybe[int]  # connections whose other end is gone: a blocked call that nobody waits for
    hidden: Maybe[int]  # connections that this network namespace does not show


PROBES = ("ok", "refused", "blocked", "stuck", "denied", "gone", "failed", "not-needed", "not-made")


class Reader(Record):
    name: str
    state: Maybe[tuple[str, ...]]  # as in the first look
    later_state: Maybe[tuple[str, ...] | None]  # the second look, where the reader was in use
    probe: Maybe[str]  # one of PROBES
    probe_code: Maybe[str | None] = None  # of a refused or failed probe
    not_made_because: str | None = None
    seconds: Maybe[float | None] = None  # how long the probe took or stayed blocked
    atr: Maybe[str | None] = None


class UsbInterface(Record):
    """A USB interface of class 0b (CCID), or one that libccid knows, or a token without its CCID interface."""

    name: str  # as in sysfs: 1-2:1.1
    vendor: str  # four hexadecimal digits
    product: str
    title: Maybe[str]
    ccid: bool
    driver: Maybe[str | None]  # the kernel's name of who claims it: "usbfs" is a program
    node: Maybe[str]
    accessible: Maybe[bool]  # to me, for reading and writing
    opened_by: Maybe[tuple[int, ...]]  # pids, as far as they are visible
    in_libccid: Maybe[bool]


class Host(Record):
    system: Maybe[str]
    distribution: Maybe[str]
    init: Maybe[str]
    container: Maybe[str | None]
    session: Maybe[str | None]  # "ssh", or what XDG_SESSION_TYPE says
    user: Maybe[str]
    uid: Maybe[int]
    root: Maybe[bool]  # gpgdoctor sees what root sees
    called_by: Maybe[str | None]  # "sudo", "pkexec", "doas"
    time: Maybe[float]


class Facts(Record):
    gnupg: Gnupg
    configuration: Configuration
    processes: Maybe[tuple[Process, ...]]
    pcscd: Pcscd
    readers: Maybe[tuple[Reader, ...]]
    usb: Maybe[tuple[UsbInterface, ...]]
    host: Host
