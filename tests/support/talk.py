"""A conversation with pcscd, byte by byte, as a library and a pcscd of one protocol version hold it."""

from __future__ import annotations

from collections.abc import Callable

from gpgdoctor.instruments.trace.conversation import Conversation
from gpgdoctor.instruments.trace.events import Call, Client, Event
from gpgdoctor.instruments.trace.lines import line
from gpgdoctor.pcsc import wire
from gpgdoctor.pcsc.wire import Command, ReaderState

READER = "A Reader 00 00"
CONTEXT, CARD = 0x11223344, 0x55667788


def state(name: str = READER, *, sharing: int = 0) -> ReaderState:
    return ReaderState(name=name, event_counter=0, state=0x34, sharing=sharing, atr=b"\x3b", protocol=2)


class Talk:
    """What both sides say, told to a conversation; ``cut`` splits the bytes of each message."""

    def __init__(
        self, minor: int = 4, *, program: str = "prog", cut: Callable[[bytes], list[bytes]] = lambda data: [data]
    ) -> None:
        self.minor = minor
        self.events: list[Event] = []
        self.conversation = Conversation(1, Client(pid=42, program=program), self.events.append)
        self._cut = cut
        self.now_s = 0.0

    def ask(self, command: Command, payload: bytes = b"", **values: int | bytes) -> None:
        self.from_client(wire.request(command, **values) + payload)

    def answer(self, command: Command, payload: bytes = b"", **values: int | bytes) -> None:
        self.from_pcscd(wire.LAYOUTS[command].encode(**values) + payload)

    def from_client(self, data: bytes) -> None:
        for piece in self._cut(data):
            self.now_s += 0.001
            self.conversation.from_client(piece, self.now_s)

    def from_pcscd(self, data: bytes) -> None:
        for piece in self._cut(data):
            self.now_s += 0.001
            self.conversation.from_pcscd(piece, self.now_s)

    # -- calls ------------------------------------------------------------------------------------------------------

    def establish(self) -> None:
        self.ask(Command.VERSION, major=4, minor=self.minor)
        self.answer(Command.VERSION, major=4, minor=self.minor)
        self.ask(Command.ESTABLISH_CONTEXT, dwScope=2)
        self.answer(Command.ESTABLISH_CONTEXT, dwScope=2, hContext=CONTEXT)

    def states(self, *readers: ReaderState) -> None:
        """Fetch the readers' states."""
        if self.minor >= 6:
            self.ask(Command.READERS_STATE_SIZE)
            self.from_pcscd(wire.NUMBER.pack(20))
            self.ask(Command.READERS_STATE_ARRAY)
            self.from_pcscd(_list(readers, 20))
        else:
            self.ask(Command.READERS_STATE)
            self.from_pcscd(_list(readers, wire.OLD_LIST_LENGTH))

    def wait(self, *readers: ReaderState) -> None:
        """Begin to wait for a change."""
        if self.minor <= 3:
            self.states(*readers)
            self.from_client(wire.HEADER.pack(8, Command.WAIT_STATE_CHANGE) + bytes(8))
            return
        self.ask(Command.WAIT_STATE_CHANGE)
        if self.minor <= 5:
            self.from_pcscd(_list(readers, wire.OLD_LIST_LENGTH))
        else:
            self.states(*readers)

    def signal(self, code: int = 0) -> None:
        self.from_pcscd(wire.SIGNAL.pack(0, code))

    def stop_waiting(self) -> None:
        if self.minor <= 3:
            self.from_client(wire.HEADER.pack(8, Command.STOP_WAITING) + bytes(8))
        else:
            self.ask(Command.STOP_WAITING)
        self.signal()

    def connect(self, share: int = 2, code: int = 0, reader: str = READER) -> None:
        named = {"hContext": CONTEXT, "szReader": reader.encode(), "dwShareMode": share, "dwPreferredProtocols": 3}
        self.ask(Command.CONNECT, **named)  # type: ignore[arg-type]
        self.answer(Command.CONNECT, **named, hCard=CARD, dwActiveProtocol=2, rv=code)  # type: ignore[arg-type]

    def transmit(self, command: bytes, answer: bytes = b"\x90\x00", code: int = 0) -> None:
        self.ask(Command.TRANSMIT, command, hCard=CARD, cbSendLength=len(command), pcbRecvLength=258)
        self.answer(
            Command.TRANSMIT, b"" if code else answer, hCard=CARD, pcbRecvLength=0 if code else len(answer), rv=code
        )

    def control(self, control: int, data: bytes, answer: bytes = b"") -> None:
        self.ask(Command.CONTROL, data, hCard=CARD, dwControlCode=control, cbSendLength=len(data), cbRecvLength=258)
        self.answer(Command.CONTROL, answer, hCard=CARD, dwControlCode=control, dwBytesReturned=len(answer))

    def simple(self, command: Command, code: int = 0, **values: int | bytes) -> None:
        self.ask(command, b"", **values)
        self.answer(command, b"", **values, rv=code)

    # -- what was told ------------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        return [event for event in self.events if isinstance(event, Call)]

    @property
    def names(self) -> list[str]:
        return [call.name for call in self.calls]

    @property
    def lines(self) -> list[str]:
        return [line(event) for event in self.events]


def encode_state(reader: ReaderState) -> bytes:
    """The entry as pcscd sends it."""
    name = reader.name.encode("utf-8", "surrogateescape")
    return wire._STATE.pack(
        name, reader.event_counter, reader.state, reader.sharing, reader.atr, len(reader.atr), reader.protocol
    )


def _list(readers: tuple[ReaderState, ...], length: int) -> bytes:
    return b"".join(encode_state(reader) for reader in readers).ljust(length * wire.STATE_BYTES, b"\0")
