"""Leaves out calls that are repeated with the same outcome, and says how often they were made."""

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
        self._left_out: dict[int, list[Call]] = {}  # the first and the last of them
        self._times: dict[int, int] = {}

    def take(self, event: Event) -> None:
        connection = event.connection
        if isinstance(event, Waiting) and event.for_change:
            if connection in self._waited:
                return
            self._waited.add(connection)
        elif isinstance(event, Call) and self._is_repeated(event):
            self._left_out[connection] = [*self._left_out.get(connection, [])[:1], event]
            self._times[connection] = self._times.get(connection, 0) + 1
            return
        else:
            self._flush(connection)
        if isinstance(event, Call):
            self._last[connection] = event
            if event.name != "SCardGetStatusChange":
                self._waited.discard(connection)
        self._tell(event)

    def _is_repeated(self, call: Call) -> bool:
        last = self._last.get(call.connection)
        if last is None or not _may_repeat(call):
            return False
        return (call.name, call.arguments, call.code, call.held) == (last.name, last.arguments, last.code, last.held)

    def _flush(self, connection: int) -> None:
        left_out, times = self._left_out.pop(connection, []), self._times.pop(connection, 0)
        if times == 1:
            self._tell(left_out[0])
        elif times:
            first, last = left_out
            self._tell(
                Repeated(
                    at_s=first.at_s,
                    connection=connection,
                    client=first.client,
                    name=first.name,
                    times=times,
                    until_s=last.at_s + last.seconds,
                )
            )

    def finish(self) -> None:
        """Tell of what was left out last."""
        for connection in list(self._left_out):
            self._flush(connection)


def _may_repeat(call: Call) -> bool:
    """What libraries and programs poll with; the library itself asks again while a transaction is held."""
    return call.name == "SCardGetStatusChange" or (call.code == names.SHARING_VIOLATION and call.name != "SCardConnect")
