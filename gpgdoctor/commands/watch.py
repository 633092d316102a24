"""`gpgdoctor watch`: who takes which card when, live."""

from __future__ import annotations

import os
import select
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from gpgdoctor.collect import pcscd
from gpgdoctor.commands.output import complain
from gpgdoctor.commands.watch_page import Page
from gpgdoctor.instruments.watch import daemon, lines, table
from gpgdoctor.instruments.watch.claims import Claims
from gpgdoctor.instruments.watch.merging import Merger
from gpgdoctor.instruments.watch.poll import Poll
from gpgdoctor.instruments.watch.run import NothingToWatch, Watch
from gpgdoctor.instruments.watch.timeline import Event, Timeline
from gpgdoctor.system.caller import run_as
from gpgdoctor.system.invocation import as_root
from gpgdoctor.system.record import Record
from gpgdoctor.system.sockets import Sockets
from gpgdoctor.system.terminal import width

CONFLICT, UNWRITTEN, NOTHING_TO_WATCH = 1, 1, 3
Tell = Callable[[Iterable[Event], float, "str | None"], bool]
INDENT = " " * 13  # as wide as the time and what follows it
READER_CHECK_S = 0.5


class WatchOptions(Record):
    for_s: float | None
    rate_hz: float
    until_conflict: bool
    stay: bool
    json: bool
    html: str | None = None


def watch(options: WatchOptions) -> int:
    """Watch until the end; 0, 1 where a conflict ended it, 3 where nothing can be watched."""
    if options.html is not None:
        import jinja2  # noqa: F401 - where it is missing, that is said before anything is watched
    path = pcscd.socket_path()
    reason = _unwatchable(path)
    if reason is not None:
        return _refuse(reason)
    _hint(path, options.stay)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # timeout(1) ends it like Ctrl-C, with the summary
    me = run_as(os.environ, None)
    poll = Poll(path, rate_hz=options.rate_hz, stay=options.stay, run_as=me)
    run = Watch(poll, Claims(me), rate_hz=options.rate_hz)
    out = _JsonOutput() if options.json else _TextOutput(run.began_at)
    page = Page(options.html, run.timeline) if options.html is not None else None
    conflict: Event | None = None
    try:
        conflict = run.run(_telling(out, page), for_s=options.for_s, until_conflict=options.until_conflict)
    except KeyboardInterrupt:
        pass
    except NothingToWatch as why:
        return _refuse(str(why))
    finally:
        run.close()
    out.finish(run.timeline())
    if page is not None and not page.finish():
        return UNWRITTEN
    if conflict is not None:
        complain(f"conflict: {lines.Words(run.began_at).sentence(conflict)}")
        return CONFLICT
    return 0


def _telling(out: _Output, page: Page | None) -> Tell:
    if page is None:
        return out.tell

    def tell(events: Iterable[Event], at_s: float, trouble: str | None) -> bool:
        goes_on = out.tell(events, at_s, trouble)
        page.refresh()
        return goes_on

    return tell


def _hint(path: str, stay: bool) -> None:
    """Why nothing is shown yet."""
    found = daemon.candidates(path)
    if not found and not Sockets().peers(path):
        complain("pcscd does not run, or sleeps; what happens is shown once it does")
    elif not stay and not Sockets().peers(path) and daemon.ends_by_itself(found[0]):
        complain(
            "nobody is connected to pcscd, which may go to sleep: readers are shown once somebody is, or with --stay"
        )


def _refuse(reason: str) -> int:
    complain(f"nothing can be watched: {reason}")
    return NOTHING_TO_WATCH


def _unwatchable(path: str) -> str | None:
    """Why waiting is of no use; a pcscd that only sleeps may be woken by somebody."""
    sockets = Sockets()
    if sockets.error is not None:
        return sockets.error
    if sockets.listening(path) or sockets.peers(path) or daemon.candidates(path):
        return None
    if pcscd.mounted(path) is True:
        return "pcscd's socket comes from outside this container, and who is connected to it is not visible here"
    if not os.path.exists(path) and not pcscd.installed():
        return "pcscd is not installed"
    return None


class _Output:
    """Where events go; ``tell`` returns False when the reader has gone."""

    def __init__(self) -> None:
        self._remark: str | None = None
        self._closed = select.poll()
        with suppress(OSError, ValueError):
            self._closed.register(sys.stdout.fileno(), 0)
        self._checked_s = 0.0

    def tell(self, events: Iterable[Event], at_s: float, remark: str | None) -> bool:
        if remark != self._remark and remark is not None:
            complain(remark)
        self._remark = remark
        return all(map(_print, self.lines(events, at_s))) and not self._is_closed(at_s)

    def lines(self, events: Iterable[Event], at_s: float) -> Iterable[str]:
        raise NotImplementedError

    def finish(self, timeline: Timeline) -> None:
        """Print the summary."""

    def _is_closed(self, at_s: float) -> bool:
        """Whether the other end of the pipe has gone, which a write would show only when something happens."""
        if at_s - self._checked_s < READER_CHECK_S:
            return False
        self._checked_s = at_s
        return any(state & (select.POLLERR | select.POLLHUP) for _, state in self._closed.poll(0))


class _JsonOutput(_Output):
    def lines(self, events: Iterable[Event], at_s: float) -> Iterable[str]:
        return map(lines.as_json, events)


class _TextOutput(_Output):
    def __init__(self, began_at: float) -> None:
        super().__init__()
        self._merger = Merger(lines.Words(began_at))
        self._width = width(sys.stdout)

    def lines(self, events: Iterable[Event], at_s: float) -> Iterator[str]:
        for event in events:
            yield from self._wrapped(self._merger.feed(event))
        yield from self._wrapped(self._merger.pass_time(at_s))

    def _wrapped(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            yield "\n".join(textwrap.wrap(text, self._width, subsequent_indent=INDENT, break_on_hyphens=False))

    def finish(self, timeline: Timeline) -> None:
        for line in (*self._wrapped(self._merger.finish()), "", *table.table(timeline, self._width)):
            if not _print(line):
                return
        if os.geteuid() != 0 and any(row.times and not row.pids for row in timeline.rows):
            complain(f"programs of other users have no name here; root sees more: {as_root()} watch")


def _print(text: str) -> bool:
    """False where the reader has gone; raises OSError for a full disk."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:
        return False
    return True
