"""Machines as literals: a healthy one, and what a test changes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gpgdoctor.collect import configuration
from gpgdoctor.facts import (
    ConfigFile,
    Configuration,
    Connection,
    Facts,
    Gnupg,
    Host,
    Maybe,
    Pcscd,
    PcscDriver,
    Process,
    Reader,
    RunningScdaemon,
    Unknown,
    UsbInterface,
)
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.system.record import replace

OPTION_TABLES = Path(__file__).resolve().parents[2] / "fixtures" / "conf"
HOME = "/home/alice/.gnupg"
CONF, AGENT_CONF, COMMON_CONF = (f"{HOME}/{name}.conf" for name in ("scdaemon", "gpg-agent", "common"))
SYSTEM_CONF = "/etc/gnupg/scdaemon.conf"
ALICE, BOB, ROOT = 1000, 1001, 0
NOW = 1_700_000_000.0
BOOT = NOW - 5000
YUBIKEY = "Yubico YubiKey OTP+FIDO+CCID 00 00"
NITROKEY = "Nitrokey Nitrokey Start (FSIJ-1.2.15) 00 00"
SHARING = "disable-ccid\npcsc-shared\n"

PCSCD = Process(
    pid=500,
    program="pcscd",
    role="pcscd",
    user="root",
    uid=ROOT,
    parent=1,
    started=BOOT,
    state="S",
    executable="/usr/sbin/pcscd",
    replaced=False,
    homedir=None,
    session=None,
    options=(),
)
AGENT = replace(
    PCSCD, pid=600, program="gpg-agent", role="gpg-agent", user="alice", uid=ALICE, executable="/usr/bin/gpg-agent"
)
SCDAEMON = replace(
    AGENT,
    pid=700,
    program="scdaemon",
    role="scdaemon",
    parent=600,
    started=NOW - 100,
    executable="/usr/lib/gnupg/scdaemon",
)
RUNNING = RunningScdaemon(pid=700, version="2.2.40", cards=("D2760001240103040006123456780000",))
EMPTY_HANDED = replace(RUNNING, cards=())
ON_USB = UsbInterface(
    name="1-2:1.2",
    vendor="1050",
    product="0407",
    title="YubiKey OTP+FIDO+CCID",
    ccid=True,
    driver="usbfs",
    node="/dev/bus/usb/001/007",
    accessible=True,
    in_libccid=True,
    accessible_to_pcscd=True,
)
FREE_ON_USB = replace(ON_USB, driver=None)
OF_THE_KERNEL = replace(FREE_ON_USB, vendor="072f", product="2200", title="ACR122U", driver="pn533_usb")


def reader(*state: str, name: str = YUBIKEY, probe: str = "not-needed", **more: Any) -> Reader:
    held = {"INUSE", "EXCLUSIVE"} & set(state)
    later = {"later_state": tuple(state) if held else None, "handles": -1 if "EXCLUSIVE" in held else len(held)}
    return Reader(name=name, state=tuple(state or ("PRESENT",)), probe=probe, **{**later, **more})


PRESENT = reader()
IN_USE = reader("PRESENT", "INUSE", probe="ok")
EXCLUSIVE = reader("PRESENT", "EXCLUSIVE", probe="refused", probe_code="0x8010000B")


def client(program: str, pid: int = 800, **more: Any) -> Process:
    return replace(AGENT, **{"pid": pid, "program": program, "role": "client", "parent": 1, **more})


def connection(process: Process, pid: Maybe[int] | None = None) -> Connection:
    return Connection(inode=process.pid, uid=process.uid, pid=process.pid if pid is None else pid)


def machine(
    *,
    version: str = "2.2.40",
    conf: str | None = None,
    system_conf: str | None = None,
    agent_conf: str | None = None,
    common_conf: str | None = None,
    running: RunningScdaemon | None = None,
    own_driver: bool = True,
    clients: Sequence[Process] = (),
    others: Iterable[Process] = (),
    readers: Maybe[tuple[Reader, ...]] = (PRESENT,),
    usb: Maybe[tuple[UsbInterface, ...]] = (ON_USB,),
    **parts: dict[str, Any],
) -> Facts:
    """A machine on which all is well, but for what is said. Running, scdaemon is a client of pcscd if it has a card."""
    table = scdaemon_table(version)
    mine = (SCDAEMON,) if running else ()
    connected = (*clients, *(mine if running and running.cards else ()))
    return Facts(
        gnupg=replace(_gnupg(version, table, own_driver, running), **parts.get("gnupg", {})),
        configuration=replace(
            configured(table, conf, system_conf, agent_conf, common_conf), **parts.get("configuration", {})
        ),
        processes=(PCSCD, AGENT, *mine, *clients, *others),
        pcscd=replace(_pcscd(tuple(connection(process) for process in connected)), **parts.get("pcscd", {})),
        readers=readers,
        usb=usb,
        usb_blocked=(),
        host=replace(_HOST, **parts.get("host", {})),
    )


def without_pcscd(**how: Any) -> Facts:
    """The same machine, and nothing listens where pcscd would."""
    nobody = {
        "listener": None,
        "socket_file": "absent",
        "answer": Unknown.because("pcscd does not run"),
        "connections": (),
    }
    facts = machine(**{"readers": (), "usb": (FREE_ON_USB,), **how, "pcscd": {**nobody, **how.get("pcscd", {})}})
    assert isinstance(facts.processes, tuple)
    return replace(facts, processes=tuple(process for process in facts.processes if process.role != "pcscd"))


def _gnupg(version: str, table: OptionTable, own_driver: bool, running: RunningScdaemon | None) -> Gnupg:
    return Gnupg(
        gpgconf="/usr/bin/gpgconf",
        homedir=HOME,
        home_is_default=True,
        socketdir="/run/user/1000/gnupg",
        sysconfdir="/etc/gnupg",
        agent_socket="/run/user/1000/gnupg/S.gpg-agent",
        agent_listener="gpg-agent",
        scdaemon="/usr/lib/gnupg/scdaemon",
        scdaemon_exists=True,
        scdaemon_version=version,
        scdaemon_options=table.names,
        own_ccid_driver=own_driver,
        self_test=None,
        running=running and replace(running, version=version),
        card_keys=0,
        homedir_problems=(),
        stub_serials=(),
        scdaemon_real="/usr/lib/gnupg/scdaemon",
        agent="/usr/bin/gpg-agent",
        agent_version=version,
        agent_unit=None,
        keyboxd="/usr/lib/gnupg/keyboxd",
        keyboxd_exists=True,
    )


def _pcscd(connections: tuple[Connection, ...]) -> Pcscd:
    return Pcscd(
        socket="/run/pcscd/pcscd.comm",
        socket_file="socket",
        mounted=False,
        listener="pcscd",
        refused=False,
        answer="ok",
        version="1.9.9",
        library=PcscDriver(name="libpcsclite.so.1", usable=True),
        library_version=None,
        installed=True,
        unit="enabled",
        polkit=False,
        connections=connections,
        waiting=0,
        hidden=0,
        waiting_programs=0,
        drivers=True,
        service="active",
        policy=True,
        card_access=None,
        log=(),
    )


_HOST = Host(
    system="linux",
    distribution="debian Debian GNU/Linux 12 (bookworm)",
    init="systemd",
    container=None,
    session="wayland",
    user="alice",
    uid=ALICE,
    root=True,
    called_by=None,
    time=NOW,
    hides_processes=False,
    session_unit="session-2.scope",
)


# -- configuration -----------------------------------------------------------------------------------------------


@cache
def scdaemon_table(version: str) -> OptionTable:
    """What scdaemon prints; one before 2.2.28 does not know pcsc-shared."""
    known = "2.2.40" if version.startswith("2.2") else "2.4.7"
    table = parse_option_table((OPTION_TABLES / f"scdaemon-{known}.options").read_text())
    if tuple(map(int, version.split("."))) >= (2, 2, 28):
        return table
    return OptionTable(options=tuple(option for option in table.options if option.name != "pcsc-shared"))


@cache
def _agent_table() -> OptionTable:
    return parse_option_table((OPTION_TABLES / "gpg-agent-2.2.40.options").read_text())


def configured(
    table: OptionTable, conf: str | None, system_conf: str | None, agent_conf: str | None, common_conf: str | None
) -> Configuration:
    """The files as the collector reads them. None: there is no such file."""
    mine, effective = configuration.judge(
        [source(SYSTEM_CONF, "scdaemon", system_conf), source(CONF, "scdaemon", conf)], table, "alice"
    )
    agents, agent = configuration.judge([source(AGENT_CONF, "gpg-agent", agent_conf)], _agent_table(), "alice")
    common, _ = configuration.judge([source(COMMON_CONF, "common", common_conf)], COMMON_OPTIONS, "alice")
    paths = {"global": SYSTEM_CONF, "user": CONF}
    return Configuration(
        files=(*mine, *agents, *common),
        in_force=configuration.settings(effective, paths),
        voided=configuration.voided(effective, paths),
        agent_in_force=configuration.settings(agent, {"user": AGENT_CONF}),
        scdaemon_program_exists=None,
        pcsc_driver=None,
        common_in_force=(),
        pinentry_exists=None,
        log_file=None,
    )


def source(path: str, program: str, text: str | None) -> configuration.Source:
    there = {"status": "regular", "changed": BOOT, "owner": ALICE, "mode": 0o600}
    file = ConfigFile(
        path=path,
        program=program,
        scope="global" if path == SYSTEM_CONF else "user",
        **({"status": "absent"} if text is None else there),
    )
    return configuration.Source(file=file, content=(text or "").encode())


def with_file(facts: Facts, path: str, **changes: Any) -> Facts:
    """The same machine, and one of its files is another."""
    assert isinstance(facts.configuration.files, tuple)
    files = tuple(replace(file, **changes) if file.path == path else file for file in facts.configuration.files)
    return replace(facts, configuration=replace(facts.configuration, files=files))
