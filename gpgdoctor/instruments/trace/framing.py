"""Bytes of one connection, in both directions, as questions and their answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.names import SUCCESS
from gpgdoctor.pcsc.wire import LAYOUTS, Body, Command, Malformed, ReaderState
from gpgdoctor.system.record import Record

QUESTIONS_LIMIT = 64  # that wait for their answers; the library asks one after the other
LAST_WITH_BODIES = 3  # up to 4:3 a wait has a body, and is answered with nothing
LAST_WITH_FIXED_LIST = 5  # up to 4:5 a wait is answered with the readers' states
_LENGTH_OF_PAYLOAD = {Command.TRANSMIT: "cbSendLength", Command.CONTROL: "cbSendLength"}
_LENGTH_OF_ANSWER = {Command.TRANSMIT: "pcbRecvLength", Command.CONTROL: "dwBytesReturned"}


class Question(Record):
    command: Command
    body: Body | None
    payload: bytes
    at_s: float


class Exchange(Record):
    """A question and its answer."""

    question: Question
    at_s: float
    """When the last byte of the answer came."""
    answer: Body | None = None
    payload: bytes = b""
    states: tuple[ReaderState, ...] | None = None


class Signal(Record):
    """pcscd wakes who waits for a change: a change, or the code of a cancelled wait."""

    at_s: float
    code: int


class Framing:
    """Feed it the bytes as they come; it raises Malformed for what is no conversation of this protocol."""

    def __init__(self) -> None:
        self._up, self._down = bytearray(), bytearray()
        self._began_s: float | None = None
        self._listed = wire.OLD_LIST_LENGTH
        self._waits = False
        self.minor: int | None = None
        """What both sides speak; None until they have agreed."""
        self.open: deque[Question] = deque()
        """The questions that have no answer yet."""

    def from_client(self, data: bytes, at_s: float) -> Iterator[Question]:
        """The questions that are complete with these bytes."""
        if not self._up:
            self._began_s = at_s
        self._up += data
        while (question := self._question()) is not None:
            self._began_s = at_s
            if self._has_no_answer(question.command):
                yield question
                continue
            if len(self.open) >= QUESTIONS_LIMIT:
                raise Malformed("too many questions at once")
            self.open.append(question)
            yield question

    def _has_no_answer(self, command: Command) -> bool:
        if command is Command.WAIT_STATE_CHANGE and not self._wait_is_answered:
            self._waits = True
            return True
        # Nobody waits any more: pcscd has sent a signal, which the library takes for the answer.
        return command is Command.STOP_WAITING and not self._waits

    def _question(self) -> Question | None:
        if len(self._up) < wire.HEADER.size:
            return None
        command, size = wire.header(self._up)
        end = wire.HEADER.size + size
        if len(self._up) < end:
            return None
        body = LAYOUTS[command].decode(self._up[wire.HEADER.size : end]) if command in LAYOUTS else None
        payload_bytes = body[_LENGTH_OF_PAYLOAD[command]] if body and command in _LENGTH_OF_PAYLOAD else 0
        if payload_bytes > wire.PAYLOAD_LIMIT_BYTES:
            raise Malformed("more data than pcscd takes")
        if len(self._up) < end + payload_bytes:
            return None
        payload = bytes(self._up[end : end + payload_bytes])
        del self._up[: end + payload_bytes]
        return Question(command=command, body=body, payload=payload, at_s=self._began_s or 0.0)

    def from_pcscd(self, data: bytes, at_s: float) -> Iterator[Exchange | Signal]:
        """The answers and signals that are complete with these bytes."""
        self._down += data
        while True:
            found = self._next_from_pcscd(at_s)
            if found is None:
                return
            yield found

    def _next_from_pcscd(self, at_s: float) -> Exchange | Signal | None:
        question = self.open[0] if self.open else None
        if question is None:
            return self._signal(at_s)
        if question.command is Command.STOP_WAITING:
            return self._stopped(question, at_s)
        if question.command in wire.STATE_COMMANDS:
            return self._states(question, at_s)
        return self._answer(question, at_s)

    def _signal(self, at_s: float) -> Signal | None:
        if not self._down:
            return None
        if not self._waits:
            raise Malformed("an answer without a question")
        code = self._take_code()
        if code is None:
            return None
        self._waits = False
        return Signal(at_s=at_s, code=code)

    def _stopped(self, question: Question, at_s: float) -> Exchange | None:
        code = self._take_code()
        if code is None:
            return None
        self.open.popleft()
        self._waits = False
        return Exchange(question=question, at_s=at_s, answer=Body(numbers={"rv": code}, long=b""))

    def _take_code(self) -> int | None:
        if len(self._down) < wire.SIGNAL.size:
            return None
        _, code = wire.SIGNAL.unpack_from(self._down)
        del self._down[: wire.SIGNAL.size]
        return int(code)

    def _states(self, question: Question, at_s: float) -> Exchange | None:
        size = self._size_of_states(question.command)
        if len(self._down) < size:
            return None
        answer = bytes(self._down[:size])
        del self._down[:size]
        self.open.popleft()
        if question.command is Command.READERS_STATE_SIZE:
            (self._listed,) = wire.NUMBER.unpack(answer)
            if not 0 < self._listed <= wire.READERS_LIMIT:
                raise Malformed("a senseless number of readers")
            return Exchange(question=question, at_s=at_s)
        if question.command is Command.READER_EVENTS:
            return Exchange(question=question, at_s=at_s)
        self._waits = self._waits or question.command is Command.WAIT_STATE_CHANGE
        return Exchange(question=question, at_s=at_s, states=wire.reader_states(answer))

    def _size_of_states(self, command: Command) -> int:
        if command is Command.READERS_STATE_SIZE:
            return wire.NUMBER.size
        if command is Command.READER_EVENTS:
            return wire.SIGNAL.size
        listed = self._listed if command is Command.READERS_STATE_ARRAY else wire.OLD_LIST_LENGTH
        return listed * wire.STATE_BYTES

    def _answer(self, question: Question, at_s: float) -> Exchange | None:
        layout = LAYOUTS[question.command]
        if len(self._down) < layout.size:
            return None
        body = layout.decode(self._down)
        size = 0
        if question.command in _LENGTH_OF_ANSWER and body["rv"] == SUCCESS:
            size = body[_LENGTH_OF_ANSWER[question.command]]
            if size > wire.PAYLOAD_LIMIT_BYTES:
                raise Malformed("more data than pcscd sends")
        if len(self._down) < layout.size + size:
            return None
        payload = bytes(self._down[layout.size : layout.size + size])
        del self._down[: layout.size + size]
        self.open.popleft()
        if question.command is Command.VERSION and question.body is not None and body["rv"] == SUCCESS:
            self.minor = min(question.body["minor"], body["minor"])
        return Exchange(question=question, at_s=at_s, answer=body, payload=payload)

    @property
    def _wait_is_answered(self) -> bool:
        """At 4:4 and 4:5, with the readers' states."""
        return self.minor is None or LAST_WITH_BODIES < self.minor <= LAST_WITH_FIXED_LIST
