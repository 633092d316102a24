"""What one connection says, as calls of PC/SC.

libpcsclite asks pcscd several things for one call, and one thing for several calls: SCardStatus fetches the readers'
states first, SCardListReaders fetches nothing else, and SCardGetStatusChange is a wait that pcscd wakes. So a list of
readers is held back until it shows what it was for (pcsc-lite 2.5.1, src/winscard_clnt.c).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from gpgdoctor.instruments.trace.arguments import CALLS, answered, asked
from gpgdoctor.instruments.trace.events import Call, Client, Ended, Event, Held, NotUnderstood, Waiting
from gpgdoctor.instruments.trace.framing import LAST_WITH_BODIES, Exchange, Framing, Question, Signal
from gpgdoctor.instruments.trace.handles import Handles, selected
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Command, Malformed, ReaderState

LISTED_AFTER_S = 0.05  # SCardStatus asks its second question at once
SLOW_S = 0.5
PRESENT = 0x0004
# What a defect of ours could raise on bytes that nobody foresaw; the program that is traced must not feel it.
UNFORESEEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)


class _Span:
    """A call that takes several questions."""

    def __init__(self, began_s: float, ended_s: float = 0.0) -> None:
        self.began_s, self.ended_s = began_s, ended_s
        self.wakes = 0


class Conversation:
    """Feed it the bytes of one connection; ``tell`` is called with what they amount to. Never raises."""

    def __init__(self, number: int, client: Client, tell: Callable[[Event], None]) -> None:
        self.number, self.client, self._tell = number, client, tell
        self._framing = Framing()
        self._handles = Handles()
        self._held: tuple[Held, ...] = ()
        self._listed: _Span | None = None
        self._watch: _Span | None = None
        self._version_s: float | None = None
        self._refused_version: Exchange | None = None
        self._told: set[int] = set()  # the questions that are known to wait, by identity
        self.is_lost = False

    # -- what comes -----------------------------------------------------------------------------------------------

    def from_client(self, data: bytes, at_s: float) -> None:
        def parse() -> None:
            for question in self._framing.from_client(data, at_s):
                self._asked(question)

        self._guarded(parse, at_s)

    def from_pcscd(self, data: bytes, at_s: float) -> None:
        def parse() -> None:
            for found in self._framing.from_pcscd(data, at_s):
                self._came(found)

        self._guarded(parse, at_s)

    def _guarded(self, parse: Callable[[], None], at_s: float) -> None:
        if self.is_lost:
            return
        try:
            parse()
        except (Malformed, *UNFORESEEN):
            self.is_lost = True
            self._listed = self._watch = None
            self._tell(NotUnderstood(at_s=at_s, connection=self.number, client=self.client))

    def _asked(self, question: Question) -> None:
        if question.command is Command.WAIT_STATE_CHANGE:
            self._begin_watch(question)
        elif question.command not in (Command.STATUS, Command.READERS_STATE_ARRAY):
            self._flush_list()

    def _came(self, found: Exchange | Signal) -> None:
        if isinstance(found, Signal):
            self._woken(found)
            return
        command = found.question.command
        self._told.discard(id(found.question))
        if found.states is not None:
            self._states(found, found.states)
        elif command is Command.STOP_WAITING:
            self._end_watch(found.at_s, found.answer["rv"] if found.answer else None)
        elif command is Command.VERSION:
            self._agreed(found)
        elif found.answer is not None:
            self._listed = None  # it belongs to the SCardStatus that follows it
            self._tell(self._call(found))

    # -- readers' states and waits for their change ---------------------------------------------------------------

    def _states(self, exchange: Exchange, states: tuple[ReaderState, ...]) -> None:
        self._held = tuple(
            Held(name=reader.name, sharing=reader.sharing, has_card=bool(reader.state & PRESENT)) for reader in states
        )
        if self._watch is None:
            self._listed = _Span(exchange.question.at_s, exchange.at_s)

    def _begin_watch(self, question: Question) -> None:
        began_s = question.at_s
        if self._is_old and self._listed is not None:  # then it fetches the states before it waits
            began_s, self._listed = self._listed.began_s, None
        self._flush_list()
        if self._watch is None:
            self._watch = _Span(began_s)

    @property
    def _is_old(self) -> bool:
        return self._framing.minor is not None and self._framing.minor <= LAST_WITH_BODIES

    def _woken(self, signal: Signal) -> None:
        if self._watch is None:
            return
        self._watch.wakes += 1
        if signal.code != names.SUCCESS or self._is_old:
            self._end_watch(signal.at_s, signal.code)

    def _end_watch(self, at_s: float, code: int | None) -> None:
        watch, self._watch = self._watch, None
        if watch is None:
            return
        woken = f"woken {watch.wakes} times" if watch.wakes > 1 else "woken by a change" if watch.wakes else None
        self._told.discard(id(watch))
        self._tell(
            self._derived(
                "SCardGetStatusChange", watch.began_s, at_s, code=code or None, remark=woken, tells_readers=True
            )
        )

    def _flush_list(self) -> None:
        listed, self._listed = self._listed, None
        if listed is None:
            return
        # With 4:3 and before, a wait that did not have to wait looks the same.
        name = "SCardListReaders or SCardGetStatusChange" if self._is_old else "SCardListReaders"
        code = names.SUCCESS if self._held else names.NO_READERS_AVAILABLE
        self._tell(self._derived(name, listed.began_s, listed.ended_s, code=code, tells_readers=True))

    def _derived(
        self,
        name: str,
        began_s: float,
        ended_s: float,
        *,
        code: int | None,
        remark: str | None = None,
        tells_readers: bool,
    ) -> Call:
        """A call that the library makes of what pcscd tells it."""
        return Call(
            at_s=began_s,
            seconds=max(0.0, ended_s - began_s),
            connection=self.number,
            client=self.client,
            name=name,
            code=code,
            remark=remark,
            held=self._held,
            tells_readers=tells_readers,
        )

    # -- calls that are one question ------------------------------------------------------------------------------

    def _agreed(self, exchange: Exchange) -> None:
        if self._version_s is None:
            self._version_s = exchange.question.at_s
        refused = exchange.answer is not None and exchange.answer["rv"] != names.SUCCESS
        self._refused_version = exchange if refused else None

    def _call(self, exchange: Exchange) -> Call:
        question, answer = exchange.question, exchange.answer
        assert answer is not None and question.body is not None
        code = answer["rv"]
        began_s, remark = question.at_s, None
        if question.command is Command.ESTABLISH_CONTEXT and self._version_s is not None:
            began_s, self._version_s = self._version_s, None
            remark = f"protocol 4:{self._framing.minor}"
        shown = asked(question, self._handles.features(_handle(question)))
        reader = self._handles.follow(exchange)
        return Call(
            at_s=began_s,
            seconds=max(0.0, exchange.at_s - began_s),
            connection=self.number,
            client=self.client,
            name=CALLS[question.command],
            arguments=(*shown, *(answered(exchange) if code == names.SUCCESS else ())),
            code=code,
            remark=remark,
            reader=reader,
            share=question.body.numbers.get("dwShareMode"),
            disposition=question.body.numbers.get("dwDisposition"),
            applet=selected(exchange),
            held=self._held,
        )

    # -- what lasts, and the end ----------------------------------------------------------------------------------

    def look(self, now_s: float) -> None:
        """Tell of what has gone on for a while; to be called every now and then."""
        if self._listed is not None and now_s - self._listed.ended_s > LISTED_AFTER_S:
            self._flush_list()
        for question in self._framing.open if not self.is_lost else ():
            if now_s - question.at_s > SLOW_S and question.command in CALLS and id(question) not in self._told:
                self._told.add(id(question))
                self._tell(self._waiting(question, now_s))
        watch = self._watch
        if watch is not None and now_s - watch.began_s > SLOW_S and id(watch) not in self._told:
            self._told.add(id(watch))
            self._tell(
                Waiting(
                    at_s=watch.began_s,
                    seconds=now_s - watch.began_s,
                    connection=self.number,
                    client=self.client,
                    name="SCardGetStatusChange",
                    arguments=(),
                    reader=None,
                    held=self._held,
                    for_change=True,
                )
            )

    def _waiting(self, question: Question, now_s: float) -> Waiting:
        return Waiting(
            at_s=question.at_s,
            seconds=now_s - question.at_s,
            connection=self.number,
            client=self.client,
            name=CALLS[question.command],
            arguments=asked(question, self._handles.features(_handle(question))),
            reader=self._reader(question),
            for_change=False,
        )

    def _reader(self, question: Question) -> str | None:
        if question.command is Command.CONNECT and question.body is not None:
            return question.body.text
        return self._handles.reader(_handle(question))

    @property
    def waits_for_exclusive(self) -> bool:
        """Whether pcscd has not yet answered an SCardConnect for a card alone."""
        return not self.is_lost and any(
            question.body is not None
            and question.command is Command.CONNECT
            and question.body["dwShareMode"] == names.EXCLUSIVE
            for question in self._framing.open
        )

    def end(self, at_s: float, *, by_pcscd: bool) -> None:
        """The connection is over."""
        self._flush_list()
        self._end_watch(at_s, None)
        self._tell_of_refused_version(at_s, by_pcscd=by_pcscd)
        unanswered = [CALLS[it.command] for it in self._framing.open if it.command in CALLS and not self.is_lost]
        left = self._handles.open()
        if unanswered or left or by_pcscd:
            self._tell(
                Ended(
                    at_s=at_s,
                    connection=self.number,
                    client=self.client,
                    by_pcscd=by_pcscd,
                    unanswered=tuple(unanswered),
                    left=left,
                )
            )

    def _tell_of_refused_version(self, at_s: float, *, by_pcscd: bool) -> None:
        """A context that never was: pcscd speaks another protocol."""
        refused = self._refused_version
        if refused is None or refused.answer is None or refused.question.body is None:
            return
        ours, theirs = refused.question.body, refused.answer
        remark = f"the library speaks {ours['major']}:{ours['minor']}, pcscd {theirs['major']}:{theirs['minor']}"
        self._tell(
            self._derived(
                "SCardEstablishContext",
                self._version_s or at_s,
                refused.at_s,
                code=theirs["rv"],
                remark=remark,
                tells_readers=False,
            )
        )


def _handle(question: Question) -> int | None:
    return question.body.numbers.get("hCard") if question.body is not None else None
