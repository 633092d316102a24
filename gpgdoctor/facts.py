"""All that is known of one machine, at one moment: data, and nothing that acts.

A fact that could not be found out is an :class:`Unknown` with its reason. Rules read such facts through
:func:`known`, which raises :class:`NotKnown`; mypy holds that no rule forgets it. A fact that is known to be
absent is ``None`` or an empty tuple.

Every field says what is private in it (:class:`Privacy`), unless it holds records that do.
"""

from __future__ import annotations

import math
import typing
from functools import cache
from typing import Annotated

from gpgdoctor.maybe import ABSENT as ABSENT
from gpgdoctor.maybe import WORDS as WORDS
from gpgdoctor.maybe import Maybe as Maybe
from gpgdoctor.maybe import NotKnown as NotKnown
from gpgdoctor.maybe import Reason as Reason
from gpgdoctor.maybe import Unknown as Unknown
from gpgdoctor.maybe import Word as Word
from gpgdoctor.maybe import known as known
from gpgdoctor.maybe import known_or as known_or
from gpgdoctor.maybe import words as words
from gpgdoctor.system.record import Record
from gpgdoctor.wording import Privacy as Privacy

TENTHS = 10
END_OF_TIME = 1e18


def seconds_between(earlier: float, later: float) -> float:
    """To a tenth of a second, as redacted snapshots have times: rules must compare times only by this."""
    return (_tenths(later) - _tenths(earlier)) / TENTHS


def _tenths(time: float) -> int:
    return math.floor(max(-END_OF_TIME, min(END_OF_TIME, time * TENTHS)))  # a snapshot may have any number


@cache
def privacy_of(kind: type[Record]) -> dict[str, Privacy]:
    """What each field of a record declares; fields that hold records are not in it."""
    hints = typing.get_type_hints(kind, include_extras=True)
    declared = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: metadata[0] for name, metadata in declared.items() if metadata}


class HomeProblem(Word):
    """What is wrong with GnuPG's home, in the words of the JSON."""

    MISSING = "it does not exist"
    NO_DIRECTORY = "it is no directory"
    FOREIGN = "it belongs to another user"
    WRITABLE = "others may write to it"


class Manager(Word):
    """Who manages a configuration file, as far as it matters who; others are called by their name."""

    ANOTHER_USER = "another user"
    CHEZMOI = "chezmoi"
    HOME_MANAGER = "home-manager"
    NIX = "Nix (home-manager)"


class SelfTest(Record):
    """What ``scdaemon --gpgconf-test`` said of the configuration, in English."""

    code: Annotated[int, Privacy.PUBLIC]
    messages: Annotated[tuple[str, ...], Privacy.MESSAGE]


class RunningScdaemon(Record):
    """What the scdaemon of this GNUPGHOME says of itself on its own socket."""

    pid: Annotated[int, Privacy.PID]
    version: Annotated[str, Privacy.PUBLIC]
    cards: Annotated[tuple[str, ...], Privacy.SERIAL]  # serial numbers of the cards it holds: GETINFO card_list


class Gnupg(Record):
    gpgconf: Annotated[Maybe[str | None], Privacy.PATH]
    homedir: Annotated[Maybe[str], Privacy.PATH]
    # whether GnuPG's tools take it without being told: no GNUPGHOME, no --homedir
    home_is_default: Annotated[Maybe[bool], Privacy.PUBLIC]
    socketdir: Annotated[Maybe[str], Privacy.PATH]
    sysconfdir: Annotated[Maybe[str], Privacy.PATH]
    agent_socket: Annotated[Maybe[str], Privacy.PATH]
    agent_listener: Annotated[Maybe[str | None], Privacy.PROGRAM]  # the program that listens on agent_socket
    scdaemon: Annotated[Maybe[str | None], Privacy.PATH]  # the path gpgconf names
    scdaemon_exists: Annotated[Maybe[bool], Privacy.PUBLIC]
    scdaemon_version: Annotated[Maybe[str | None], Privacy.PUBLIC]
    scdaemon_options: Annotated[Maybe[tuple[str, ...]], Privacy.PUBLIC]  # every option it knows, the hidden ones too
    own_ccid_driver: Annotated[Maybe[bool], Privacy.PUBLIC]
    self_test: Maybe[SelfTest | None]
    running: Maybe[RunningScdaemon | None]
    card_keys: Annotated[Maybe[int], Privacy.PUBLIC]  # stubs of keys on cards in private-keys-v1.d
    # the serial numbers that those stubs name: an OpenPGP card's application identifier in hexadecimal
    stub_serials: Annotated[Maybe[tuple[str, ...]], Privacy.SERIAL] = ABSENT
    scdaemon_real: Annotated[Maybe[str | None], Privacy.PATH] = ABSENT  # the same program with every link followed
    agent: Annotated[Maybe[str | None], Privacy.PATH] = (
        ABSENT  # the gpg-agent that gpgconf names, with every link followed
    )
    agent_version: Annotated[Maybe[str | None], Privacy.PUBLIC] = ABSENT
    agent_unit: Maybe[AgentUnit | None] = ABSENT  # None where systemd does not hold the socket, or there is none
    keyboxd: Annotated[Maybe[str | None], Privacy.PATH] = ABSENT  # the path gpgconf names
    keyboxd_exists: Annotated[Maybe[bool | None], Privacy.PUBLIC] = ABSENT  # None where gpgconf names none
    homedir_problems: Annotated[Maybe[tuple[HomeProblem | str, ...]], Privacy.FREE_TEXT]


class AgentUnit(Record):
    """The unit of `systemd --user` that starts gpg-agent where its socket is connected to."""

    path: Annotated[str, Privacy.PATH]
    options: Annotated[tuple[str, ...], Privacy.PUBLIC]  # the long options of its command, without their values


class ConfigLine(Record):
    """A line of a configuration file that matters: an option, a meta command, a mistake, a commented-out option."""

    number: Annotated[int, Privacy.PUBLIC]
    text: Annotated[str, Privacy.LINE]  # without its line end; bytes that are not UTF-8 as surrogates
    kind: Annotated[str, Privacy.PUBLIC]  # "option", "meta", "problem", "commented-out"
    option: Annotated[str | None, Privacy.PUBLIC] = None
    value: Annotated[str | None, Privacy.LINE] = None
    problem: Annotated[str | None, Privacy.PUBLIC] = None
    meant: Annotated[str | None, Privacy.LINE] = None  # the corrected line, where that can be known


class ConfigFile(Record):
    path: Annotated[str, Privacy.PATH]
    program: Annotated[str, Privacy.PUBLIC]  # "scdaemon", "gpg-agent" or "common"
    scope: Annotated[str, Privacy.PUBLIC]  # "user" or "global"
    # "absent", "regular", "unreadable", "not-regular", "binary", "encrypted", "template", "utf-16", "too-large"
    status: Annotated[str, Privacy.PUBLIC]
    detail: Annotated[str | None, Privacy.FREE_TEXT] = None  # of a status that is neither absent nor regular
    # the later of mtime and ctime of link and target, seconds since the epoch
    changed: Annotated[Maybe[float | None], Privacy.TIME] = None
    owner: Annotated[Maybe[int | None], Privacy.UID] = None
    mode: Annotated[Maybe[int | None], Privacy.PUBLIC] = None
    target: Annotated[Maybe[str | None], Privacy.PATH] = None  # where a symbolic link leads
    # who manages the file, where somebody does
    manager: Annotated[Maybe[Manager | str | None], Privacy.FREE_TEXT] = None
    length: Annotated[int, Privacy.PUBLIC] = 0  # in lines
    line_end: Annotated[str, Privacy.PUBLIC] = "\n"
    final_newline: Annotated[bool, Privacy.PUBLIC] = True
    last_line: Annotated[str | None, Privacy.LINE] = None  # only where it lacks its line end
    lines: tuple[ConfigLine, ...] = ()


class Setting(Record):
    """An option that is in force, and the line that says so."""

    option: Annotated[str, Privacy.PUBLIC]
    value: Annotated[str | None, Privacy.LINE]
    path: Annotated[str, Privacy.PATH]
    line: Annotated[int, Privacy.PUBLIC]


class Voided(Record):
    """A line of the user's file that a global file takes out of force."""

    option: Annotated[str, Privacy.PUBLIC]
    line: Annotated[int, Privacy.PUBLIC]
    by_path: Annotated[str, Privacy.PATH]
    by_line: Annotated[int | None, Privacy.PUBLIC]  # None where a whole section does


class PcscDriver(Record):
    """The result of loading the library that ``pcsc-driver`` names, or libpcsclite."""

    name: Annotated[str, Privacy.PATH]
    usable: Annotated[bool, Privacy.PUBLIC]
    reason: Annotated[str | None, Privacy.FREE_TEXT] = None


class LogFile(Record):
    """Whether the log file that scdaemon.conf names could be written; it is not opened."""

    path: Annotated[str, Privacy.PATH]
    usable: Annotated[bool, Privacy.PUBLIC]
    reason: Annotated[str | None, Privacy.FREE_TEXT] = None


class Configuration(Record):
    files: Maybe[tuple[ConfigFile, ...]]
    in_force: Maybe[tuple[Setting, ...]]  # of scdaemon
    voided: Maybe[tuple[Voided, ...]]
    agent_in_force: Maybe[tuple[Setting, ...]]  # of gpg-agent
    scdaemon_program_exists: Annotated[Maybe[bool | None], Privacy.PUBLIC]
    pcsc_driver: Maybe[PcscDriver | None]  # None where none is configured
    common_in_force: Maybe[tuple[Setting, ...]] = ABSENT  # of common.conf, for all programs
    # whether pinentry-program names a program that can be run; where it is not set, False if the default one is
    # missing and no other is beside it, else None
    pinentry_exists: Annotated[Maybe[bool | None], Privacy.PUBLIC] = ABSENT
    log_file: Maybe[LogFile | None] = ABSENT  # None where none is configured, or it is a socket


class Process(Record):
    """A pcscd, scdaemon or gpg-agent, or a client of pcscd; no zombies."""

    pid: Annotated[int, Privacy.PID]
    program: Annotated[str, Privacy.PROGRAM]
    role: Annotated[str, Privacy.PUBLIC]  # "pcscd", "scdaemon", "gpg-agent" or "client"
    user: Annotated[Maybe[str], Privacy.USER]
    uid: Annotated[Maybe[int], Privacy.UID]
    parent: Annotated[Maybe[int], Privacy.PID]
    started: Annotated[Maybe[float], Privacy.TIME]  # seconds since the epoch
    state: Annotated[Maybe[str], Privacy.PUBLIC]  # one letter, as in /proc: "T" is stopped
    executable: Annotated[Maybe[str], Privacy.PATH]
    replaced: Annotated[Maybe[bool], Privacy.PUBLIC]  # the program's file was replaced since the process started
    homedir: Annotated[Maybe[str | None], Privacy.PATH]  # of GnuPG's daemons: the --homedir it was given
    sockets: Annotated[Maybe[tuple[str, ...]], Privacy.PATH] = ()  # of scdaemon: where it listens
    # of a scdaemon of mine with another home: how many cards it holds
    cards: Annotated[Maybe[int | None], Privacy.PUBLIC] = None
    ours: Annotated[bool, Privacy.PUBLIC] = False  # gpgdoctor itself, or what started it
    # what systemd runs it in, by its control group: "session-2.scope", "user@1000.service"; None: none of these
    session: Annotated[Maybe[str | None], Privacy.PUBLIC] = ABSENT
    options: Annotated[Maybe[tuple[str, ...]], Privacy.FREE_TEXT] = ABSENT  # of GnuPG's daemons


class Connection(Record):
    """An established connection of pcscd, seen in both looks."""

    inode: Annotated[int, Privacy.INODE]
    uid: Annotated[Maybe[int], Privacy.UID]
    pid: Annotated[Maybe[int], Privacy.PID]


class LogEvent(Record):
    """Something that pcscd, or systemd about pcscd, has logged."""

    # "refused-exclusive", "not-authorised", "caller-hidden", "no-polkit", "protocol-mismatch", "open-failed",
    # "no-drivers" or "start-failed"
    kind: Annotated[str, Privacy.PUBLIC]
    age: Annotated[float, Privacy.PUBLIC] = 0.0  # seconds before the look
    uid: Annotated[int | None, Privacy.UID] = None  # who was refused by polkit
    pid: Annotated[int | None, Privacy.PID] = None
    action: Annotated[str | None, Privacy.PUBLIC] = None  # "access_pcsc" or "access_card"
    client: Annotated[str | None, Privacy.PUBLIC] = None  # its protocol: "4:4"
    server: Annotated[str | None, Privacy.PUBLIC] = None
    code: Annotated[str | None, Privacy.PUBLIC] = None  # libusb's: "BUSY", "ACCESS"; systemd's result: "exit-code"
    vendor: Annotated[str | None, Privacy.PUBLIC] = None  # four hexadecimal digits
    product: Annotated[str | None, Privacy.PUBLIC] = None


class CardAccess(Record):
    """polkitd's answer to pcscd's second question: whether a program may connect to a card."""

    answer: Annotated[str, Privacy.PUBLIC]  # "yes", "no" or "challenge"
    about: Annotated[str, Privacy.PUBLIC]  # whose process was asked about: "scdaemon", "gpg-agent" or "gpgdoctor"
    with_reader: Annotated[bool, Privacy.PUBLIC]  # asked with the reader's name, as pcscd does; only root may


class Pcscd(Record):
    socket: Annotated[Maybe[str], Privacy.PATH]
    socket_file: Annotated[Maybe[str], Privacy.PUBLIC]  # "absent", "socket", or what else is there
    mounted: Annotated[Maybe[bool], Privacy.PUBLIC]  # a container has it from its host
    listener: Annotated[Maybe[str | None], Privacy.PUBLIC]  # "pcscd", "activator", or None where nobody listens
    refused: Annotated[Maybe[bool], Privacy.PUBLIC]  # connect() says ECONNREFUSED
    # "ok", "no-answer", or the code of SCardEstablishContext or SCardListReaders
    answer: Annotated[Maybe[str], Privacy.PUBLIC]
    version: Annotated[Maybe[str | None], Privacy.PUBLIC]
    library: Maybe[PcscDriver]
    library_version: Annotated[Maybe[str | None], Privacy.PUBLIC]
    installed: Annotated[Maybe[bool], Privacy.PUBLIC]
    unit: Annotated[Maybe[str | None], Privacy.PUBLIC]  # how systemd has pcscd.socket: "enabled", "disabled", "masked"
    polkit: Annotated[Maybe[bool], Privacy.PUBLIC]
    connections: Maybe[tuple[Connection, ...]]
    # connections whose other end is gone: a blocked call that nobody waits for
    waiting: Annotated[Maybe[int], Privacy.PUBLIC]
    hidden: Annotated[Maybe[int], Privacy.PUBLIC]  # connections that this network namespace does not show
    # programs that wait for the end of another's transaction, as pcscd's threads show
    waiting_programs: Annotated[Maybe[int], Privacy.PUBLIC] = ABSENT
    drivers: Annotated[Maybe[bool], Privacy.PUBLIC] = ABSENT  # whether any driver for readers is installed
    service: Annotated[Maybe[str | None], Privacy.PUBLIC] = (
        ABSENT  # systemd's ActiveState of pcscd.service; None: no such unit
    )
    policy: Annotated[Maybe[bool], Privacy.PUBLIC] = (
        ABSENT  # whether polkit's description of pcscd's actions is installed
    )
    card_access: Maybe[CardAccess | None] = ABSENT  # None where pcscd asks nobody
    log: Maybe[tuple[LogEvent, ...]] = ABSENT


PROBES = ("ok", "refused", "blocked", "stuck", "denied", "gone", "failed", "not-needed", "not-made")


class Reader(Record):
    name: Annotated[str, Privacy.READER]
    state: Annotated[Maybe[tuple[str, ...]], Privacy.PUBLIC]  # as in the first look
    # the second look, where the reader was in use
    later_state: Annotated[Maybe[tuple[str, ...] | None], Privacy.PUBLIC]
    probe: Annotated[Maybe[str], Privacy.PUBLIC]  # one of PROBES
    probe_code: Annotated[Maybe[str | None], Privacy.PUBLIC] = None  # of a refused or failed probe
    not_made_because: Annotated[str | None, Privacy.FREE_TEXT] = None
    not_made_reason: Annotated[Reason | None, Privacy.PUBLIC] = None  # where code branches on it
    seconds: Annotated[Maybe[float | None], Privacy.PUBLIC] = None  # how long the probe took or stayed blocked
    atr: Annotated[Maybe[str | None], Privacy.PUBLIC] = None
    # how many connections pcscd counts on it; -1: one that shares with nobody
    handles: Annotated[Maybe[int], Privacy.PUBLIC] = ABSENT


class UsbInterface(Record):
    """A USB interface of class 0b (CCID), or one that libccid knows, or a token without its CCID interface."""

    name: Annotated[str, Privacy.PUBLIC]  # as in sysfs: 1-2:1.1
    vendor: Annotated[str, Privacy.PUBLIC]  # four hexadecimal digits
    product: Annotated[str, Privacy.PUBLIC]
    title: Annotated[Maybe[str], Privacy.READER]
    ccid: Annotated[bool, Privacy.PUBLIC]
    driver: Annotated[Maybe[str | None], Privacy.PUBLIC]  # the kernel's name of who claims it: "usbfs" is a program
    node: Annotated[Maybe[str], Privacy.PATH]
    accessible: Annotated[Maybe[bool], Privacy.PUBLIC]  # to me, for reading and writing
    in_libccid: Annotated[Maybe[bool], Privacy.PUBLIC]
    # to the user that pcscd runs as; None where no pcscd runs
    accessible_to_pcscd: Annotated[Maybe[bool | None], Privacy.PUBLIC] = ABSENT
    removable: Annotated[Maybe[str | None], Privacy.PUBLIC] = None  # "removable", "fixed", as the kernel has it


class BlockedDevice(Record):
    """A known token or reader that the kernel was told not to use: `authorized` is 0, and it has no interfaces."""

    name: Annotated[str, Privacy.PUBLIC]  # as in sysfs: 1-2
    vendor: Annotated[str, Privacy.PUBLIC]
    product: Annotated[str, Privacy.PUBLIC]
    title: Annotated[Maybe[str], Privacy.READER]


class Host(Record):
    system: Annotated[Maybe[str], Privacy.PUBLIC]
    distribution: Annotated[Maybe[str], Privacy.FREE_TEXT]
    init: Annotated[Maybe[str], Privacy.PUBLIC]
    container: Annotated[Maybe[str | None], Privacy.FREE_TEXT]
    session: Annotated[Maybe[str | None], Privacy.FREE_TEXT]  # "ssh", or what XDG_SESSION_TYPE says
    user: Annotated[Maybe[str], Privacy.USER]
    uid: Annotated[Maybe[int], Privacy.UID]
    root: Annotated[Maybe[bool], Privacy.PUBLIC]  # gpgdoctor sees what root sees
    called_by: Annotated[Maybe[str | None], Privacy.PUBLIC]  # "sudo", "pkexec", "doas"
    time: Annotated[Maybe[float], Privacy.TIME]
    hides_processes: Annotated[Maybe[bool], Privacy.PUBLIC] = ABSENT  # /proc is mounted with hidepid
    # what systemd runs gpgdoctor in: "session-2.scope", "user@1000.service"; None: none of these
    session_unit: Annotated[Maybe[str | None], Privacy.PUBLIC] = ABSENT
    at_seat: Annotated[Maybe[bool], Privacy.PUBLIC] = ABSENT  # a session of this user is the active one of a seat


class Facts(Record):
    gnupg: Gnupg
    configuration: Configuration
    processes: Maybe[tuple[Process, ...]]
    pcscd: Pcscd
    readers: Maybe[tuple[Reader, ...]]
    usb: Maybe[tuple[UsbInterface, ...]]
    host: Host
    usb_blocked: Maybe[tuple[BlockedDevice, ...]] = ABSENT
