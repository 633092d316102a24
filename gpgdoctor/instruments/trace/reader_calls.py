"""The calls for which libpcsclite fetches the readers' states: lists of readers, and waits for a change.

SCardStatus fetches the states first, SCardListReaders fetches nothing else, and SCardGetStatusChange is a wait that
pcscd wakes, as often as something changes. So a list is held back until it shows what it was for (pcsc-lite 2.5.1,
src/winscard_clnt.c).
"""

from __future__ import annotations

from collections.abc import Callable

from gpgdoctor.instruments.trace.events import Call, Client, Event, Held, Waiting
from gpgdoctor.instruments.trace.framing import Exchange, Question, Signal
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import ReaderState

LISTED_AFTER_S = 0.05  # SCardStatus asks its second question at once
SLOW_S = 0.5
PRESENT = 0x0004


class _Span:
    """A call that takes several questions."""

    def __init__(self, began_s: float, ended_s: float = 0.0) -> None:
        self.began_s, self.ended_s = began_s, ended_s
        self.wakes = 0
        self.is_reported = False


class ReaderCalls:
    """Of one connection; ``tell`` is called with what they amount to."""

    def __init__(self, number: int, client: Client, tell: Callable[[Event], None]) -> None:
        self._number, self._client, self._tell = number, client, tell
        self._listed: _Span | None = None
        self._watch: _Span | None = None
        self.held: tuple[Held, ...] = ()
        """The readers at the last look."""
        self.is_old = False
        """Whether both sides speak 4:3 or before: then a wait fetches the states by a question of its own."""

    def states(self, exchange: Exchange, states: tuple[ReaderState, ...]) -> None:
        self.held = tuple(
            Held(name=reader.name, sharing=reader.sharing, has_card=bool(reader.state & PRESENT)) for reader in states
        )
        if self._watch is None:
            self._listed = _Span(exchange.question.at_s, exchange.at_s)

    def belongs_to_status(self) -> None:
        """The list before was fetched for an SCardStatus, which tells it itself."""
        self._listed = None

    def flush_list(self) -> None:
        """Report that what was fetched was a list of readers."""
        listed, self._listed = self._listed, None
        if listed is None:
            return
        # With 4:3 and before, a wait that did not have to wait looks the same.
        name = "SCardListReaders or SCardGetStatusChange" if self.is_old else "SCardListReaders"
        code = names.SUCCESS if self.held else names.NO_READERS_AVAILABLE
        self._tell(self._call(name, listed.began_s, listed.ended_s, code, None))

    def begin_to_wait(self, question: Question) -> None:
        began_s = question.at_s
        if self.is_old and self._listed is not None:
            began_s, self._listed = self._listed.began_s, None
        self.flush_list()
        if self._watch is None:
            self._watch = _Span(began_s)

    def woken(self, signal: Signal) -> None:
        if self._watch is None:
            return
        self._watch.wakes += 1
        if signal.code != names.SUCCESS or self.is_old:
            self.end_wait(signal.at_s, signal.code)

    def end_wait(self, at_s: float, code: int | None) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            woken = f"woken {watch.wakes} times" if watch.wakes > 1 else "woken by a change" if watch.wakes else None
            self._tell(self._call("SCardGetStatusChange", watch.began_s, at_s, code or None, woken))

    def forget(self) -> None:
        """Nothing more is understood."""
        self._listed = self._watch = None

    def look(self, now_s: float) -> None:
        """Tell of what has gone on for a while."""
        if self._listed is not None and now_s - self._listed.ended_s > LISTED_AFTER_S:
            self.flush_list()
        watch = self._watch
        if watch is not None and now_s - watch.began_s > SLOW_S and not watch.is_reported:
            watch.is_reported = True
            self._tell(self._waiting(watch.began_s, now_s - watch.began_s))

    def _call(self, name: str, began_s: float, ended_s: float, code: int | None, remark: str | None) -> Call:
        return Call(
            at_s=began_s,
            seconds=max(0.0, ended_s - began_s),
            connection=self._number,
            client=self._client,
            name=name,
            code=code,
            remark=remark,
            held=self.held,
            tells_readers=True,
        )

    def _waiting(self, began_s: float, seconds: float) -> Waiting:
        return Waiting(
            at_s=began_s,
            seconds=seconds,
            connection=self._number,
            client=self._client,
            name="SCardGetStatusChange",
            arguments=(),
            reader=None,
            held=self.held,
            for_change=True,
        )
