"""Leaves out what is made again and again with the same outcome, and says how often that was."""

from __future__ import annotations

from collections.abc import Callable

from gpgdoctor.instruments.trace.events import Call, Event, Repeated, Waiting
from gpgdoctor.pcsc import names


class Folding:
    """Passes events on to ``tell``. A wait for a change is told of once for a connection, until something else is."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._last: dict[int, Call] = {}
        self._waited: set[int] = set()
        self._repeated: dict[int, Repeated] = {}

    def take(self, event: Event) -> None:
        if isinstance(event, Waiting) and event.for_change:
            if event.connection in self._waited:
                return
            self._waited.add(event.connection)
        elif isinstance(event, Call) and self._is_repeated(event):
            before = self._repeated.get(event.connection)
            self._repeated[event.connection] = Repeated(
                at_s=before.at_s if before else event.at_s,
                connection=event.connection,
                client=event.client,
                name=event.name,
                times=(before.times if before else 0) + 1,
                until_s=event.at_s + event.seconds,
            )
            return
        elif isinstance(event, Call):
            self._flush(event.connection)
            self._last[event.connection] = event
            if event.name != "SCardGetStatusChange":
                self._waited.discard(event.connection)
        else:
            self._flush(event.connection)
        self._tell(event)

    def _is_repeated(self, call: Call) -> bool:
        last = self._last.get(call.connection)
        if last is None or not _may_repeat(call):
            return False
        return (call.name, call.arguments, call.code) == (last.name, last.arguments, last.code)

    def _flush(self, connection: int) -> None:
        repeated = self._repeated.pop(connection, None)
        if repeated is not None:
            self._tell(repeated)

    def finish(self) -> None:
        """Tell of what was left out last."""
        for connection in list(self._repeated):
            self._flush(connection)


def _may_repeat(call: Call) -> bool:
    """What libraries and programs poll with; the library itself asks again while a transaction is held."""
    return call.name == "SCardGetStatusChange" or (call.code == names.SHARING_VIOLATION and call.name != "SCardConnect")
