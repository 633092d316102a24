"""A diagnosis for a bug report: Markdown in which whatever came from the machine stands inside a fence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from gpgdoctor import __version__
from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.facts import ConfigFile, Facts, Maybe, Process, Reader, Setting, Unknown, UsbInterface, known_or, words
from gpgdoctor.report import evidence
from gpgdoctor.report.block import block
from gpgdoctor.report.escape import printable
from gpgdoctor.report.style import Style
from gpgdoctor.report.text import not_checked, verdict

T = TypeVar("T")

LIMIT_BYTES = 64 << 10  # what trackers take as one comment
SECTION_BYTES = 8 << 10
RESERVE_BYTES = 200  # for saying that something was left out
ITEMS_SHOWN = 40


def render(diagnosis: Diagnosis, ledger: Mapping[str, int], style: Style) -> str:
    """At most 64 KiB, the most telling first. The diagnosis is one of redacted facts, and the ledger is theirs."""
    parts: list[str] = []
    left, omitted = LIMIT_BYTES - RESERVE_BYTES, 0
    for part in (_head(diagnosis, ledger), *_sections(diagnosis, style)):
        size = len(part.encode("utf-8", "backslashreplace")) + 2
        if size <= left:
            parts.append(part)
            left -= size
        else:
            omitted += 1
    return "\n\n".join([*parts, *([f"{omitted} more sections were left out."] if omitted else [])])


def _head(diagnosis: Diagnosis, ledger: Mapping[str, int]) -> str:
    counted = ", ".join(f"{kind} {number}" for kind, number in ledger.items())
    redacted = f"Redacted, the same thing by the same name: {counted}." if counted else "Nothing had to be redacted."
    numbers = "Process numbers are aliases in the same order; times are seconds since the look."
    return f"## gpgdoctor report\n\n**{verdict(diagnosis)}**\n\n{redacted} {numbers}"


def _sections(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    facts = diagnosis.facts
    yield _section("Versions", _versions(facts), style)
    for finding in diagnosis.findings:
        _, *lines = block(diagnosis, finding, style)
        ignored = ", ignored" if finding.ignored else ""
        yield _section(f"{finding.id} {finding.rule.name} ({finding.found.severity}{ignored})", lines, style)
    yield _section("Not checked", [*not_checked(diagnosis, style)][1:-1] or ["  nothing"], style)
    yield _section("Options in force", _each(facts.configuration.in_force, _setting), style)
    yield _section("Options of gpg-agent in force", _each(facts.configuration.agent_in_force, _setting), style)
    yield _section("Configuration files", _each(facts.configuration.files, _file), style)
    yield _section("Clients of pcscd", _clients(facts), style)
    yield _section("Readers", _each(facts.readers, _reader), style)
    yield _section("USB", _each(facts.usb, _interface), style)


def _section(title: str, lines: Iterable[str], style: Style) -> str:
    text = _cut([style.encodable(line) for line in lines])
    # A fence ends only at one that is at least as long.
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"### {title}\n\n{fence}text\n{text}\n{fence}"


def _cut(lines: list[str]) -> str:
    size = 0
    kept: list[str] = []
    for line in lines:
        size += len(line.encode("utf-8", "backslashreplace")) + 1
        if size > SECTION_BYTES:
            return "\n".join([*kept, f"  ... and {len(lines) - len(kept)} more lines"])
        kept.append(line)
    return "\n".join(kept)


def _each(items: Maybe[tuple[T, ...]], render: Callable[[T], str]) -> list[str]:
    if isinstance(items, Unknown):
        return [f"  not known ({printable(words(items))})"]
    more = [f"  ... and {len(items) - ITEMS_SHOWN} more"] if len(items) > ITEMS_SHOWN else []
    return [*(f"  {render(item)}" for item in items[:ITEMS_SHOWN]), *more] or ["  none"]


def _fact(fact: Maybe[T | None]) -> str:
    if isinstance(fact, Unknown):
        return f"not known ({printable(words(fact))})"
    return evidence.value(fact)


def _versions(facts: Facts) -> list[str]:
    running = known_or(facts.gnupg.running, None)
    started = f", running {printable(running.version)}" if running else ""
    host, pcscd = facts.host, facts.pcscd
    library = known_or(pcscd.library, None)
    library_version = known_or(pcscd.library_version, None)
    version = f", version {printable(library_version)}" if library_version else ""
    pairs = (
        ("gpgdoctor", __version__),
        ("scdaemon", f"{_fact(facts.gnupg.scdaemon_version)}{started}"),
        ("own driver", _fact(facts.gnupg.own_ccid_driver)),
        ("pcscd", f"{_fact(pcscd.version)}, listening: {_fact(pcscd.listener)}, answer: {_fact(pcscd.answer)}"),
        ("PC/SC", f"{_fact(library.name if library else pcscd.library)}{version}"),
        ("system", f"{_fact(host.distribution)}, {_fact(host.system)}"),
        ("init", f"{_fact(host.init)}, container: {_fact(host.container)}, session: {_fact(host.session)}"),
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
    code = f" {_fact(reader.probe_code)}" if known_or(reader.probe_code, None) else ""
    return f"{printable(reader.name)}: {_fact(state)}; probe {_fact(reader.probe)}{code}; ATR {_fact(reader.atr)}"


def _interface(interface: UsbInterface) -> str:
    numbers = f"{printable(interface.vendor)}:{printable(interface.product)}"
    kind = "CCID" if interface.ccid else "no CCID"
    return f"{numbers} {_fact(interface.title)}, {kind}, driver {_fact(interface.driver)}"


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
    return f"{printable(process.program)} (pid {process.pid}, {_fact(process.user)})"
