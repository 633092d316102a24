"""What pcscd has logged recently: typed events with their age, never raw lines.

systemd's journal is asked once, for this boot and the newest lines only; elsewhere the tail of a syslog file is
read. A log that this user may not read is unknown, never empty. Texts: pcsc-lite 2.5.1, src/auth.c, winscard.c,
winscard_svc.c, hotplug_libudev.c, pcscdaemon.c; libccid 1.8.2, src/ccid_usb.c; systemd 252, src/core/unit.c.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from gpgdoctor.facts import LogEvent, Maybe, Reason, Unknown
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import replace
from gpgdoctor.system.regular import NotRegular, open_regular

NEWEST_LINES = 2000
WAIT_S = 0.3
# Matches of different fields are ANDed and "+" is OR; -u with -k finds nothing (systemd issue 34007).
JOURNALCTL = (
    *("journalctl", "-b", "-o", "json", "-n", str(NEWEST_LINES), "--no-pager", "-q"),
    *("_SYSTEMD_UNIT=pcscd.service", "+", "UNIT=pcscd.service"),
)
SYSTEMD, MACHINE_ID = "/run/systemd/system", "/etc/machine-id"
JOURNALS = ("/var/log/journal", "/run/log/journal")
SYSLOGS = ("/var/log/pcscd.log", "/var/log/daemon.log", "/var/log/syslog", "/var/log/messages")
TAIL_BYTES = 1 << 20
LINE_LIMIT = 1000
EVENT_LIMIT = 200
REFUSALS_COUNT_S = 15 * 60.0  # older ones say nothing about now
OF_REFUSALS = frozenset({"refused-exclusive", "not-authorised", "caller-hidden", "no-polkit", "protocol-mismatch"})

TIME = r"^(?P<time>[A-Z][a-z]{2} +\d+ [\d:]{8}|\d{4}-\d\d-\d\d[T ][\d:]{8}\S*)"
SYSLOG_LINE = re.compile(rf"{TIME} \S+ pcscd(?:\[\d+\])?: (?P<text>.*)$")
AUTHORISED = re.compile(
    r"Process (?P<pid>\d{1,10}) \(user: (?P<uid>\d{1,10})\) is NOT authorized for action: (?P<action>\w+)"
)
PROTOCOL = re.compile(r"(?P<side>Client|Server) protocol is (?P<version>\d{1,3}:\d{1,3})")
LIBUSB = re.compile(r"LIBUSB_(?:ERROR_(?P<code>[A-Z_]+))")
OPEN_FAILED = re.compile(r"Can't (?:claim interface|libusb_open\(|get config descriptor|set configuration)")
PORT = re.compile(r"Open Port 0x\w+ Failed \(usb:(?P<vendor>[0-9a-fA-F]{4})/(?P<product>[0-9a-fA-F]{4})")
START_FAILED = re.compile(
    r"Failed with result '(?P<result>[\w-]+)'|Start request repeated too quickly|"
    r"(?P<other>Another pcscd)|Error initializing pcscd|Failed to start (?:pcscd|PC/SC)|invalid directory "
)
PLAIN = {
    "Error Reader Exclusive": "refused-exclusive",
    "polkit_authority_get_sync failed": "no-polkit",
    "Cannot open PC/SC drivers directory": "no-drivers",
    "No bundle files in pcsc drivers directory": "no-drivers",
}


def pcscds_log(now: float, deadline: Deadline) -> Maybe[tuple[LogEvent, ...]]:
    """The events of this boot, oldest first, at most EVENT_LIMIT; refusals of the last 15 minutes only.

    `now` is in seconds since the epoch. Waits 0.3 s at most. Unknown where no log of pcscd can be read.
    """
    if os.path.isdir(SYSTEMD):
        return _journal(now, deadline)
    return _syslog(now)


def _journal(now: float, deadline: Deadline) -> Maybe[tuple[LogEvent, ...]]:
    if not _may_read_the_systems_journal():
        return Unknown(Reason.NOT_PERMITTED, "the system's journal is not readable for this user")
    try:
        output = Command(list(JOURNALCTL)).result(deadline.sooner(WAIT_S))
    except CommandFailed as error:
        return Unknown.because(str(error))
    return events(_entries(output.stdout.splitlines()), now)


def _may_read_the_systems_journal() -> bool:
    """Without that permission journalctl shows an empty log and a hint, and no error."""
    try:
        with open(MACHINE_ID, encoding="ascii") as file:
            machine = file.read(64).strip()
    except (OSError, UnicodeDecodeError):
        return False
    return any(os.access(f"{place}/{machine}/system.journal", os.R_OK) for place in JOURNALS)


def _entries(lines: Iterable[str]) -> Iterator[tuple[float, str]]:
    """Time and text of journal entries; journalctl writes a text that is not UTF-8 as a list of bytes."""
    for line in lines:
        try:
            entry = json.loads(line)
            text, time = entry["MESSAGE"], int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            yield time, text if isinstance(text, str) else bytes(text[:LINE_LIMIT]).decode("utf-8", "replace")
        except (ValueError, KeyError, TypeError):
            continue


def _syslog(now: float) -> Maybe[tuple[LogEvent, ...]]:
    if not any(map(os.path.exists, SYSLOGS)):
        return Unknown.because("this system keeps no log that gpgdoctor knows")
    readable = [tail for tail in map(_tail, SYSLOGS) if tail is not None]
    if not readable:
        return Unknown(Reason.NOT_PERMITTED, "no log of the system is readable for this user")
    return events((entry for tail in readable for entry in _syslog_entries(tail, now)), now)


def _tail(path: str) -> str | None:
    """The end of a regular file; None where it is not one, or not readable."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode("utf-8", "replace")
    except (OSError, NotRegular):
        return None


def _syslog_entries(text: str, now: float) -> Iterator[tuple[float, str]]:
    for line in text.splitlines()[-NEWEST_LINES * 10 :]:
        found = SYSLOG_LINE.match(line[:LINE_LIMIT])
        time = _time(found["time"], now) if found else None
        if found and time is not None:
            yield time, found["text"]


def _time(text: str, now: float) -> float | None:
    """Seconds since the epoch; a syslog line of the old form has no year, so the most recent such day is taken."""
    try:
        if text[0].isdigit():
            return datetime.fromisoformat(text[:19]).timestamp()
        year = datetime.fromtimestamp(now).year
        stamps = [datetime.strptime(f"{year - back} {text}", "%Y %b %d %H:%M:%S").timestamp() for back in (0, 1)]
    except (ValueError, OverflowError):
        return None
    return next((stamp for stamp in stamps if stamp <= now + 60), None)


def events(entries: Iterable[tuple[float, str]], now: float) -> tuple[LogEvent, ...]:
    """Typed events from the times and texts of log entries; lines without meaning for us are left out."""
    found: list[LogEvent] = []
    for time, text in entries:
        event = _event(text[:LINE_LIMIT], max(0.0, now - time))
        if event is not None:
            _add(found, event)
    lasting = [event for event in found if event.kind not in OF_REFUSALS or event.age <= REFUSALS_COUNT_S]
    return tuple(lasting[-EVENT_LIMIT:])


def _event(text: str, age: float) -> LogEvent | None:
    for read in READERS:
        event = read(text)
        if event is not None:
            return replace(event, age=round(age, 1))
    return None


def _plain(text: str) -> LogEvent | None:
    kind = next((kind for phrase, kind in PLAIN.items() if phrase in text), None)
    return None if kind is None else LogEvent(kind=kind)


def _refused_by_polkit(text: str) -> LogEvent | None:
    found = AUTHORISED.search(text)
    if found:
        return LogEvent(kind="not-authorised", uid=int(found["uid"]), action=found["action"], pid=int(found["pid"]))
    # polkitd could not see the caller in /proc (hidepid), so no polkit rule was applied.
    hidden = "Error in authorization" in text and "/proc/" in text
    return LogEvent(kind="caller-hidden") if hidden else None


def _protocol(text: str) -> LogEvent | None:
    found = PROTOCOL.search(text)
    if found is None:
        return None
    sides = {found["side"].lower(): found["version"]}
    return LogEvent(kind="protocol-mismatch", client=sides.get("client"), server=sides.get("server"))


def _open_failed(text: str) -> LogEvent | None:
    code, port = LIBUSB.search(text), PORT.search(text)
    if port:
        return LogEvent(kind="open-failed", vendor=port["vendor"].lower(), product=port["product"].lower())
    return LogEvent(kind="open-failed", code=code["code"]) if code and OPEN_FAILED.search(text) else None


def _start_failed(text: str) -> LogEvent | None:
    found = START_FAILED.search(text)
    if found is None:
        return None
    result = found["result"] or ("another-pcscd" if found["other"] else None)
    return None if result == "success" else LogEvent(kind="start-failed", code=result)


READERS: tuple[Callable[[str], LogEvent | None], ...] = (
    _plain,
    _refused_by_polkit,
    _protocol,
    _open_failed,
    _start_failed,
)


def _add(found: list[LogEvent], event: LogEvent) -> None:
    """Lines about one thing become one event: both sides of a mismatch, a libusb code and its port."""
    last = found[-1] if found else None
    if last is not None and last.kind == event.kind == "protocol-mismatch" and last.server is None and event.server:
        found[-1] = replace(last, server=event.server)
    elif last is not None and last.kind == event.kind == "open-failed" and last.vendor is None and event.vendor:
        found[-1] = replace(last, vendor=event.vendor, product=event.product)
    else:
        found.append(event)
