"""What a trace has seen that the rules of `check` can use: refusals, and calls that waited."""

from __future__ import annotations

from gpgdoctor.instruments.trace.events import Call, Client, Ended, Event, Held, NoService, Waiting
from gpgdoctor.pcsc import names
from gpgdoctor.system.record import Record

SCDAEMON = "scdaemon"
REFUSING = (names.SECURITY_VIOLATION, names.COMM_ERROR)


class Refusal(Record):
    """A connect that was refused because of another connection."""

    client: Client
    reader: str
    share: int
    held: Held | None
    """The reader as the program saw it just before."""


class Seen:
    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.waited_s: dict[str, float] = {}
        """For how long at most a call about this reader went unanswered."""
        self.answer: int | None = None
        """The code with which pcscd, or the library for it, refused a whole context."""
        self.is_silent = False
        """Whether a context was asked for, and pcscd did not so much as answer."""
        self.denied_card: int | None = None
        """The code with which pcscd refused a card for lack of permission."""
        self.scdaemon_got_card = False
        self.scdaemon_called = False
        self.no_card = False
        """Whether a connect found no card in the reader."""
        self._open: dict[tuple[int, str], Waiting] = {}
        self._polled: dict[tuple[int, str], float] = {}
        self._established: set[int] = set()

    def take(self, event: Event) -> None:
        if event.client.program == SCDAEMON:
            self.scdaemon_called = True
        if isinstance(event, Call):
            self._take_call(event)
        elif isinstance(event, Waiting) and not event.for_change and event.reader:
            self._open[event.connection, event.name] = event
        elif isinstance(event, Ended):
            self._take_end(event)
        elif isinstance(event, NoService):
            self.answer = names.NO_SERVICE

    def _take_call(self, call: Call) -> None:
        waiting = self._open.pop((call.connection, call.name), None)
        if waiting is not None and waiting.reader:
            self._note_wait(waiting.reader, call.seconds)
        self._follow_polling(call)
        if call.name == "SCardEstablishContext":
            self._established.add(call.connection)
            if call.code in (*REFUSING, names.NO_SERVICE, names.SERVICE_STOPPED):
                self.answer = call.code
        elif call.name == "SCardConnect":
            self._take_connect(call)

    def _take_connect(self, call: Call) -> None:
        if call.code == names.SUCCESS and call.client.program == SCDAEMON:
            self.scdaemon_got_card = True
        elif call.code == names.SECURITY_VIOLATION:
            self.denied_card = call.code
        elif call.code == names.NO_SMARTCARD:
            self.no_card = True
        elif call.code == names.SHARING_VIOLATION and call.reader and call.share is not None:
            held = next((it for it in call.held if it.name == call.reader), None)
            self.refusals.append(Refusal(client=call.client, reader=call.reader, share=call.share, held=held))

    def _follow_polling(self, call: Call) -> None:
        """While another program is in a transaction, the library asks again every 0.1 s for the same."""
        key = (call.connection, call.name)
        if call.code != names.SHARING_VIOLATION or call.name == "SCardConnect":
            self._polled.pop(key, None)
        elif call.reader:
            began_s = self._polled.setdefault(key, call.at_s)
            self._note_wait(call.reader, call.at_s + call.seconds - began_s)

    def _take_end(self, event: Ended) -> None:
        for key, waiting in list(self._open.items()):
            if key[0] == event.connection and waiting.reader:
                del self._open[key]
                self._note_wait(waiting.reader, event.at_s - waiting.at_s)
        is_new = event.connection not in self._established and bool(event.unanswered)
        self.is_silent = self.is_silent or (is_new and not event.by_pcscd)
        # pcscd closes a connection that polkit forbids, without an answer.
        if event.by_pcscd and is_new:
            self.answer = names.SECURITY_VIOLATION

    def _note_wait(self, reader: str, seconds: float) -> None:
        self.waited_s[reader] = max(self.waited_s.get(reader, 0.0), seconds)

    @property
    def has_trouble(self) -> bool:
        """Whether there is anything that somebody else could explain."""
        refused = self.answer is not None or self.denied_card is not None or self.is_silent
        return bool(self.refusals or self.waited_s) or refused

    def refusals_of_scdaemon(self) -> list[Refusal]:
        return [refusal for refusal in self.refusals if refusal.client.program == SCDAEMON]
