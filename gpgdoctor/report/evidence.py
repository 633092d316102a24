"""The facts that a finding rests on, for people: what each is, and its value in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from gpgdoctor.diagnosis import Evidence
from gpgdoctor.facts import Maybe, Unknown, seconds_between
from gpgdoctor.system.escape import printable
from gpgdoctor.system.record import replace

NOT_TOLD = Unknown.because("nobody told")
SHOWN = 12
LISTED = 6  # of the items of one value
TIMES = re.compile(r"\.(?:changed|started)$")  # in seconds since the epoch; in a redacted snapshot, since the look
INDEX = re.compile(r"\[\d+\]")
# Places whose own words, made of their names, would not be plain.
NAMES = {
    "configuration.files[].changed": "file changed",
    "configuration.files[].detail": "reason",
    "configuration.files[].status": "file",
    "configuration.in_force": "options in force",
    "configuration.in_force[]": "option in force",
    "configuration.agent_in_force[]": "gpg-agent's option",
    "configuration.voided[]": "without effect",
    "configuration.pcsc_driver": "PC/SC library that is set",
    "configuration.pinentry_exists": "the pinentry is there",
    "configuration.scdaemon_program_exists": "the scdaemon that is set is there",
    "gnupg.agent_listener": "listener on the agent's socket",
    "gnupg.agent_socket": "the agent's socket",
    "gnupg.gpgconf": "gpgconf",
    "gnupg.homedir": "GnuPG home",
    "gnupg.homedir_problems": "trouble with the home",
    "gnupg.keyboxd_exists": "keyboxd is there",
    "gnupg.own_ccid_driver": "scdaemon has its own driver",
    "gnupg.running": "running scdaemon",
    "gnupg.running.cards": "cards of the running scdaemon",
    "gnupg.running.pid": "running scdaemon, pid",
    "gnupg.running.version": "version of the running scdaemon",
    "gnupg.scdaemon": "scdaemon's path",
    "gnupg.scdaemon_exists": "scdaemon is there",
    "gnupg.scdaemon_options": "options that scdaemon knows",
    "gnupg.scdaemon_version": "scdaemon",
    "gnupg.self_test.code": "exit code of scdaemon's test of its options",
    "gnupg.self_test.messages": "scdaemon about its options",
    "gnupg.stub_serials": "cards that the keys name",
    "host.container": "container",
    "host.hides_processes": "processes of others are hidden",
    "host.session": "session",
    "pcscd.answer": "pcscd's answer",
    "pcscd.card_access": "polkit about cards",
    "pcscd.connections": "connected to pcscd",
    "pcscd.drivers": "drivers for readers are installed",
    "pcscd.hidden": "connections of programs that are not visible",
    "pcscd.installed": "pcscd is installed",
    "pcscd.library": "PC/SC library",
    "pcscd.library_version": "PC/SC library, version",
    "pcscd.listener": "listener on pcscd's socket",
    "pcscd.log": "pcscd's log",
    "pcscd.log[]": "pcscd's log",
    "pcscd.polkit": "pcscd asks polkit",
    "pcscd.refused": "pcscd's socket refuses",
    "pcscd.service": "service pcscd",
    "pcscd.socket_file": "pcscd's socket",
    "pcscd.unit": "unit pcscd.socket",
    "processes[].executable": "program",
    "processes[].pid": "pid",
    "processes[].replaced": "program replaced on disk since it started",
    "processes[].started": "process started",
    "processes[].state": "state of the process",
    "readers": "readers",
    "readers[].name": "reader",
    "readers[].probe": "test connection",
    "readers[].seconds": "seconds that the test connection waited",
    "readers[].state": "reader state",
    "usb": "on USB",
    "usb[].accessible": "device may be opened",
    "usb[].accessible_to_pcscd": "device may be opened by pcscd",
    "usb[].driver": "driver of the USB device",
    "usb[].in_libccid": "libccid knows it",
    "usb[].node": "USB device",
    "usb[].product": "USB product id",
    "usb[].vendor": "USB vendor id",
    "usb_blocked[]": "blocked on USB",
}


def as_lines(because: Iterable[Evidence], *, look: Maybe[float] = NOT_TOLD, places: bool = False) -> list[str]:
    """One text for each fact, with its place in the JSON where that is wanted; a line of a file is one fact.

    Times are told as seconds before ``look``, the time of the look as the facts have it.
    """
    aged = (_aged(it, look) for it in because)
    texts = [_fact(place, list(items), places) for place, items in groupby(aged, _line_of)]
    return (
        texts if len(texts) <= SHOWN else [*texts[: SHOWN - 1], f"and {len(texts) - SHOWN + 1} more, which --json has"]
    )


def _aged(evidence: Evidence, look: Maybe[float]) -> Evidence:
    if isinstance(look, Unknown) or not isinstance(evidence.value, int | float) or not TIMES.search(evidence.fact):
        return evidence
    return replace(evidence, value=f"{seconds_between(evidence.value, look)} s before the look")


def _line_of(evidence: Evidence) -> str:
    place, _, field = evidence.fact.rpartition(".")
    return place if field in ("number", "text") and place.rpartition(".")[2].startswith("lines[") else evidence.fact


def _fact(place: str, items: list[Evidence], places: bool) -> str:
    at = f" [{place}]" if places else ""
    if place == items[0].fact:
        return f"{_name(place)}: {value(items[0].value)}{at}"
    fields = {item.fact.rpartition(".")[2]: item.value for item in items}
    number = f"line {fields['number']}" if "number" in fields else "line"
    return f"{number}: {value(fields.get('text'))}{at}"


def _name(place: str) -> str:
    """What a place holds; a place that has no name of its own is named by its parts."""
    general = INDEX.sub("[]", place)
    return NAMES.get(general) or re.sub(r"[\[\]]", "", general).replace("_", " ").replace(".", " ")


def value(item: Any) -> str:
    """A fact's value in words."""
    if item is None or item == []:
        return "none"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, dict):
        return _record(item)
    if isinstance(item, list):
        shown = [value(part) for part in item[:LISTED]]
        more = [f"and {len(item) - LISTED} more"] if len(item) > LISTED else []
        return ("; " if isinstance(item[0], dict) else ", ").join([*shown, *more])
    return printable(str(item))


def _record(fields: dict[str, Any]) -> str:
    """The records that findings rest on, by their fields; others with all that they have."""
    words = {name: value(item) for name, item in fields.items()}
    match words:
        case {"unknown": reason}:
            return f"not known ({reason})"
        case {"option": option, "path": path, "line": line}:
            return f"{_with(option, words.get('value'))} ({path}, line {line})"
        case {"option": option, "by_path": path, "line": line}:
            return f"{option} in line {line}, by {path}" + (f", line {words['by_line']}" if "by_line" in words else "")
        case {"kind": kind, "age": age}:
            others = [f"{name} {item}" for name, item in words.items() if name not in ("kind", "age")]
            return ", ".join([kind, f"{age} s before the look", *others])
        case {"inode": _, "pid": pid}:
            return f"pid {pid}" if fields["pid"] else f"of uid {words.get('uid')}, pid not visible"
        case {"vendor": vendor, "product": product, "name": name}:
            title = words.get("title", "USB reader")
            return f"{title} ({vendor}:{product}, USB {name}, driver {words.get('driver', 'none')})"
        case {"name": name, "usable": usable}:
            return f"{name}, {words.get('reason') or f'usable {usable}'}"
        case {"name": name, "state": state}:
            return f"{name} ({state})"
    return ", ".join(f"{name} {item}" for name, item in words.items())


def _with(option: str, argument: str | None) -> str:
    return f"{option} {argument}" if argument is not None else option
