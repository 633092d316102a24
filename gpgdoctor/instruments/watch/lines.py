"""Events as lines: for people, and as JSON for scripts."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from gpgdoctor.instruments.watch.look import Certainty, least
from gpgdoctor.instruments.watch.naming import Who
from gpgdoctor.instruments.watch.timeline import Event
from gpgdoctor.system.escape import printable

NAMES_LIMIT = 3  # of programs in one line
NOBODY = "a program that is not visible"
_encode = json.JSONEncoder(sort_keys=True).encode


def as_json(event: Event) -> str:
    """One line, ASCII. ``by`` of a wait or a refusal names both sides: first who wants the card, then who has it."""
    people = (*event.by, *event.holders) if event.kind in ("wait", "refused") else event.by
    return _encode(
        {
            "t": round(event.t_s, 3),
            "event": event.kind,
            "change": event.change,
            "reader": event.reader,
            "share": event.share,
            "by": [{"pid": who.pid, "program": who.program, "certainty": who.certainty} for who in people],
        }
    )


class Words:
    """Lines for people; readers are numbered where there is more than one. ``began_at`` is Unix time."""

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._numbers: dict[str, int] = {}

    def line(self, event: Event) -> str:
        """Local time and a sentence, of printable characters."""
        return f"{self.clock(event.t_s)}  {printable(self.sentence(event), 1000)}"

    def saying(self, event: Event, what: str) -> str:
        """A line at that event's time, with other words."""
        return f"{self.clock(event.t_s)}  {printable(f'{self._where(event.reader)}: {what}', 1000)}"

    def clock(self, t_s: float) -> str:
        at = self._began_at + t_s
        return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at % 1 * 100):02d}"

    def sentence(self, event: Event) -> str:
        if event.kind == "reader" and event.reader is not None:
            return self._reader(event.reader, event)
        words = _SENTENCES[event.kind](event)
        where = self._where(event.reader)
        return f"{where}: {words}" if where else words

    def _reader(self, name: str, event: Event) -> str:
        verb = {"found": "is there", "came": "is plugged in"}.get(event.change, "is unplugged")
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        return f"reader {number}, {name}, {verb}"

    def _where(self, reader: str | None) -> str:
        if reader is None:
            return ""
        return f"reader {self._numbers.setdefault(reader, len(self._numbers) + 1)}"


def _card(event: Event) -> str:
    return {"found": "has a card", "came": "card inserted"}.get(event.change, "card removed")


def _take(event: Event) -> str:
    how = "alone" if event.share == "exclusive" else "shared"
    if event.reader is None:
        return f"{names(event.by)} has a card by its own driver, without pcscd{_sureness(event.by)}"
    verb = "has the card" if event.change == "found" else "takes the card"
    return f"{names(event.by)} {verb}, {how}{_sureness(event.by)}"


def _release(event: Event) -> str:
    lasted = f" after {duration(event.for_s)}" if event.for_s is not None else ""
    return f"{names(event.by)} lets go{lasted}{_sureness(event.by)}"


def _wait(event: Event) -> str:
    if event.change == "over":
        return f"{names(event.by)} waits no longer, after {duration(event.for_s or 0)}"
    return (
        f"{names(event.by)} waits for {names(event.holders)}: in a transaction, or an operation is "
        f"running{_sureness(event.by)}"
    )


def _refused(event: Event) -> str:
    if event.change == "over":
        return f"{names(event.by)} goes without a card no longer"
    how = "alone" if event.share == "exclusive" else "shared"
    return f"{names(event.by)} goes without the card: {names(event.holders)} has it, {how}{_sureness(event.holders)}"


def _pcscd(event: Event) -> str:
    pid = f" (pid {event.by[0].pid})" if event.by else ""
    verbs = {"found": "runs", "started": "has started", "replaced": "is another one now"}
    return f"pcscd{pid} {verbs.get(event.change, 'has ended')}"


def _slept(event: Event) -> str:
    return f"this machine slept for {duration(event.for_s or 0)}"


_SENTENCES = {
    "card": _card,
    "take": _take,
    "release": _release,
    "wait": _wait,
    "refused": _refused,
    "pcscd": _pcscd,
    "slept": _slept,
}


def names(by: Sequence[Who]) -> str:
    """The program with its process; of several, any of which it may be, the first three."""
    words = [who.program if who.pid is None else f"{who.program} (pid {who.pid})" for who in by]
    if not words:
        return NOBODY
    more = [f"{len(words) - NAMES_LIMIT} more"] if len(words) > NAMES_LIMIT else []
    return " or ".join([*words[:NAMES_LIMIT], *more])


def sureness(by: Sequence[Who]) -> Certainty:
    """The lowest certainty among them."""
    return least(*(who.certainty for who in by)) if by else "possible"


def _sureness(by: Sequence[Who]) -> str:
    return f" ({sureness(by)})"


def duration(seconds: float) -> str:
    """For people: 50 ms, 1.3 s, 2 min 5 s."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
