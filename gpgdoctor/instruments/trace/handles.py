"""The cards that one connection has open: which reader, how shared, in a transaction or not, and what it offers."""

from __future__ import annotations

from collections.abc import Mapping

from gpgdoctor.instruments.trace.apdu import shown
from gpgdoctor.instruments.trace.framing import Exchange
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Command

HANDLES_LIMIT = 1000  # of one connection; pcscd gives out 200
FEATURE_BYTES = 6  # tag, length (4), control code: PC/SC part 10, 2.2


class _Card:
    def __init__(self, reader: str, share: int) -> None:
        self.reader, self.share = reader, share
        self.transactions = 0
        self.features: dict[int, int] = {}


class Handles:
    def __init__(self) -> None:
        self._cards: dict[int, _Card] = {}

    def reader(self, handle: int | None) -> str | None:
        card = self._cards.get(handle) if handle is not None else None
        return card.reader if card else None

    def features(self, handle: int | None) -> Mapping[int, int]:
        """Control codes that the reader told for its features: code to feature."""
        card = self._cards.get(handle) if handle is not None else None
        return card.features if card else {}

    def open(self) -> tuple[tuple[str, int, bool], ...]:
        """Of each card that is still open: reader, share mode, whether in a transaction."""
        return tuple((card.reader, card.share, card.transactions > 0) for card in self._cards.values())

    def follow(self, exchange: Exchange) -> str | None:
        """Take an answered question in; returns the reader it was about."""
        question, answer = exchange.question, exchange.answer
        if question.body is None or answer is None:
            return None
        if question.command is Command.CONNECT:
            if answer["rv"] == names.SUCCESS and len(self._cards) < HANDLES_LIMIT:
                self._cards[answer["hCard"]] = _Card(question.body.text, question.body["dwShareMode"])
            return question.body.text
        if question.command is Command.RELEASE_CONTEXT and answer["rv"] == names.SUCCESS:
            self._cards.clear()  # a connection has one context
        handle = question.body.numbers.get("hCard")
        card = self._cards.get(handle) if handle is not None else None
        if card is None or handle is None:
            return None
        if answer["rv"] == names.SUCCESS:
            self._change(card, handle, exchange)
        return card.reader

    def _change(self, card: _Card, handle: int, exchange: Exchange) -> None:
        question = exchange.question
        if question.command is Command.DISCONNECT:
            del self._cards[handle]
        elif question.command is Command.RECONNECT and question.body is not None:
            card.share = question.body["dwShareMode"]
        elif question.command is Command.BEGIN_TRANSACTION:
            card.transactions += 1
        elif question.command is Command.END_TRANSACTION:
            card.transactions = max(0, card.transactions - 1)
        elif question.command is Command.CONTROL and question.body is not None:
            asks_features = question.body["dwControlCode"] == names.GET_FEATURE_REQUEST
            card.features = _features(exchange.payload) if asks_features else card.features


def selected(exchange: Exchange) -> str | None:
    """What a SELECT by name asked for: the applet's name, or the first digits of it."""
    if exchange.question.command is not Command.TRANSMIT:
        return None
    command = shown(exchange.question.payload)
    return command.applet_name or command.applet


def _features(answer: bytes) -> dict[int, int]:
    """Control code to feature, out of the list of TLVs that a reader answers."""
    found = {}
    for offset in range(0, len(answer) - FEATURE_BYTES + 1, FEATURE_BYTES):
        tag, length = answer[offset], answer[offset + 1]
        if length == FEATURE_BYTES - 2:
            found[int.from_bytes(answer[offset + 2 : offset + FEATURE_BYTES], "big")] = tag
    return found
