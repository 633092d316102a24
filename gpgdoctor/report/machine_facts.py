"""The facts about a machine, in lines: the part of a report that is not about findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from gpgdoctor import __version__
from gpgdoctor.facts import ConfigFile, Facts, Maybe, Process, Reader, Setting, Unknown, UsbInterface, known_or, words
from gpgdoctor.report import evidence
from gpgdoctor.system.escape import printable

T = TypeVar("T")

ITEMS_SHOWN = 40


def sections(facts: Facts) -> Iterator[tuple[str, list[str]]]:
    """Titles, and the lines beneath each."""
    yield "Options in force", _each(facts.configuration.in_force, _setting)
    yield "Options of gpg-agent in force", _each(facts.configuration.agent_in_force, _setting)
    yield "Configuration files", _each(facts.configuration.files, _file)
    yield "Clients of pcscd", _clients(facts)
    yield "Readers", _each(facts.readers, _reader)
    yield "USB", _each(facts.usb, _interface)


def _each(items: Maybe[tuple[T, ...]], shown: Callable[[T], str]) -> list[str]:
    if isinstance(items, Unknown):
        return [f"  not known ({printable(words(items))})"]
    more = [f"  ... and {len(items) - ITEMS_SHOWN} more"] if len(items) > ITEMS_SHOWN else []
    return [*(f"  {shown(item)}" for item in items[:ITEMS_SHOWN]), *more] or ["  none"]


def _shown(fact: Maybe[T | None]) -> str:
    if isinstance(fact, Unknown):
        return f"not known ({printable(words(fact))})"
    return evidence.value(fact)


def versions(facts: Facts) -> list[str]:
    running = known_or(facts.gnupg.running, None)
    started = f", running {printable(running.version)}" if running else ""
    host, pcscd = facts.host, facts.pcscd
    library = known_or(pcscd.library, None)
    library_version = known_or(pcscd.library_version, None)
    version = f", version {printable(library_version)}" if library_version else ""
    pairs = (
        ("gpgdoctor", __version__),
        ("scdaemon", f"{_shown(facts.gnupg.scdaemon_version)}{started}"),
        ("own driver", _shown(facts.gnupg.own_ccid_driver)),
        ("pcscd", f"{_shown(pcscd.version)}, listening: {_shown(pcscd.listener)}, answer: {_shown(pcscd.answer)}"),
        ("PC/SC", f"{_shown(library.name if library else pcscd.library)}{version}"),
        ("system", f"{_shown(host.distribution)}, {_shown(host.system)}"),
        ("init", f"{_shown(host.init)}, container: {_shown(host.container)}, session: {_shown(host.session)}"),
        ("seen as", "root" if known_or(host.root, False) else "a user"),
    )
    return [f"  {name:<11} {value}" for name, value in pairs]


def _setting(setting: Setting) -> str:
    value = f" {printable(setting.value)}" if setting.value is not None else ""
    return f"{printable(setting.option)}{value}  ({printable(setting.path)}, line {setting.line})"


def _file(file: ConfigFile) -> str:
    notes = [file.status if file.status != "regular" else f"{file.length} lines"]
    notes += [file.detail] if file.detail else []
    notes += [f"managed by {file.manager}"] if isinstance(file.manager, str) else []
    return f"{printable(file.path)}  ({printable(', '.join(notes))})"


def _reader(reader: Reader) -> str:
    state = reader.state if isinstance(reader.state, Unknown) else ", ".join(reader.state)
    code = f" {_shown(reader.probe_code)}" if known_or(reader.probe_code, None) else ""
    return f"{printable(reader.name)}: {_shown(state)}; probe {_shown(reader.probe)}{code}; ATR {_shown(reader.atr)}"


def _interface(interface: UsbInterface) -> str:
    numbers = f"{printable(interface.vendor)}:{printable(interface.product)}"
    kind = "CCID" if interface.ccid else "no CCID"
    return f"{numbers} {_shown(interface.title)}, {kind}, driver {_shown(interface.driver)}"


def _clients(facts: Facts) -> list[str]:
    """By program, with the number of connections, and those of which the program is not visible."""
    if isinstance(facts.pcscd.connections, Unknown):
        return _each(facts.pcscd.connections, str)
    pids = [known_or(connection.pid, 0) for connection in facts.pcscd.connections]
    lines = [
        f"  {_process(process)}, connections: {pids.count(process.pid)}"
        for process in known_or(facts.processes, ())
        if process.pid in pids
    ]
    seen = {process.pid for process in known_or(facts.processes, ())}
    unseen = sum(pid not in seen for pid in pids)
    connections = "connection" if unseen == 1 else "connections"
    more = [f"  {unseen} {connections} of programs that are not visible"] if unseen else []
    return [*lines[:ITEMS_SHOWN], *more] or ["  none"]


def _process(process: Process) -> str:
    return f"{printable(process.program)} (pid {process.pid}, {_shown(process.user)})"
