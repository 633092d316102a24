"""Decodes one connection into PC/SC calls."""

from __future__ import annotations

import struct
from collections.abc import Callable

from gpgdoctor.instruments.trace.arguments import CALLS, answered, asked
from gpgdoctor.instruments.trace.events import Call, Client, Ended, Event, NotUnderstood, Waiting
from gpgdoctor.instruments.trace.framing import LAST_WITH_BODIES, Exchange, Framing, Question, Signal
from gpgdoctor.instruments.trace.handles import Handles, selected
from gpgdoctor.instruments.trace.reader_calls import SLOW_S, ReaderCalls
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Command, Malformed

# What a defect of ours may raise on unexpected bytes; the traced program must not notice it.
UNFORESEEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)


class Conversation:
    """Feed it the bytes of one connection; ``tell`` is called with what they amount to. Never raises."""

    def __init__(self, number: int, client: Client, tell: Callable[[Event], None]) -> None:
        self.number, self.client, self._tell = number, client, tell
        self._framing = Framing()
        self._handles = Handles()
        self._readers = ReaderCalls(number, client, tell)
        self._version_s: float | None = None
        self._refused_version: Exchange | None = None
        self._reported: set[int] = set()  # the questions that are known to wait, by identity
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
            self._readers.forget()
            self._tell(NotUnderstood(at_s=at_s, connection=self.number, client=self.client))

    def _asked(self, question: Question) -> None:
        if question.command is Command.WAIT_STATE_CHANGE:
            self._readers.begin_to_wait(question)
        elif question.command not in (Command.STATUS, Command.READERS_STATE_ARRAY):
            self._readers.flush_list()

    def _came(self, found: Exchange | Signal) -> None:
        if isinstance(found, Signal):
            self._readers.woken(found)
            return
        command = found.question.command
        self._reported.discard(id(found.question))
        if found.states is not None:
            self._readers.states(found, found.states)
        elif command is Command.STOP_WAITING:
            self._readers.end_wait(found.at_s, found.answer["rv"] if found.answer else None)
        elif command is Command.VERSION:
            self._agreed(found)
        elif found.answer is not None:
            self._readers.belongs_to_status()
            self._tell(self._call(found))

    def _agreed(self, exchange: Exchange) -> None:
        if self._version_s is None:
            self._version_s = exchange.question.at_s
        refused = exchange.answer is not None and exchange.answer["rv"] != names.SUCCESS
        self._refused_version = exchange if refused else None
        minor = self._framing.minor
        self._readers.is_old = minor is not None and minor <= LAST_WITH_BODIES

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
            held=self._readers.held,
        )

    # -- what lasts, and the end ----------------------------------------------------------------------------------

    @property
    def _open(self) -> list[Question]:
        """The calls that have no answer yet."""
        return [question for question in self._framing.open if question.command in CALLS and not self.is_lost]

    def look(self, now_s: float) -> None:
        """Tell of what has gone on for a while; to be called every now and then."""
        self._readers.look(now_s)
        for question in self._open:
            if now_s - question.at_s > SLOW_S and id(question) not in self._reported:
                self._reported.add(id(question))
                self._tell(self._waiting(question, now_s))

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
        connects = (it.body for it in self._open if it.command is Command.CONNECT and it.body is not None)
        return any(body["dwShareMode"] == names.EXCLUSIVE for body in connects)

    def end(self, at_s: float, *, by_pcscd: bool) -> None:
        """The connection is over."""
        self._readers.flush_list()
        self._readers.end_wait(at_s, None)
        self._tell_of_refused_version(at_s)
        unanswered = tuple(CALLS[question.command] for question in self._open)
        left = () if self.is_lost else self._handles.open()
        if unanswered or left or by_pcscd:
            self._tell(
                Ended(
                    at_s=at_s,
                    connection=self.number,
                    client=self.client,
                    by_pcscd=by_pcscd,
                    unanswered=unanswered,
                    left=left,
                )
            )

    def _tell_of_refused_version(self, at_s: float) -> None:
        """A context that never was: pcscd speaks another protocol."""
        refused = self._refused_version
        if refused is None or refused.answer is None or refused.question.body is None:
            return
        ours, theirs = refused.question.body, refused.answer
        began_s = at_s if self._version_s is None else self._version_s
        self._tell(
            Call(
                at_s=began_s,
                seconds=max(0.0, refused.at_s - began_s),
                connection=self.number,
                client=self.client,
                name=CALLS[Command.ESTABLISH_CONTEXT],
                code=theirs["rv"],
                remark=f"the library speaks {ours['major']}:{ours['minor']}, pcscd {theirs['major']}:{theirs['minor']}",
            )
        )


def _handle(question: Question) -> int | None:
    return question.body.numbers.get("hCard") if question.body is not None else None
