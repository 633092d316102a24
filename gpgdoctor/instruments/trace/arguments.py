"""The arguments of a call as they may be shown, by their names in winscard.h."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from gpgdoctor.instruments.trace.apdu import shown, status_word
from gpgdoctor.instruments.trace.framing import Exchange, Question
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Body, Command

Arguments: TypeAlias = tuple[tuple[str, str], ...]

CALLS: Final[Mapping[Command, str]] = {
    Command.ESTABLISH_CONTEXT: "SCardEstablishContext",
    Command.RELEASE_CONTEXT: "SCardReleaseContext",
    Command.CONNECT: "SCardConnect",
    Command.RECONNECT: "SCardReconnect",
    Command.DISCONNECT: "SCardDisconnect",
    Command.BEGIN_TRANSACTION: "SCardBeginTransaction",
    Command.END_TRANSACTION: "SCardEndTransaction",
    Command.TRANSMIT: "SCardTransmit",
    Command.CONTROL: "SCardControl",
    Command.STATUS: "SCardStatus",
    Command.CANCEL: "SCardCancel",
    Command.GET_ATTRIB: "SCardGetAttrib",
    Command.SET_ATTRIB: "SCardSetAttrib",
    Command.VERSION: "SCardEstablishContext",
}


def protocols(mask: int) -> str:
    return "|".join(names.flags(names.PROTOCOLS, mask)) or "SCARD_PROTOCOL_UNDEFINED"


def asked(question: Question, features: Mapping[int, int]) -> Arguments:
    """What a program asked; ``features`` are the control codes that the reader told it, by code."""
    if question.body is None or question.command not in _ASKED:
        return ()
    return _ASKED[question.command](question.body, question.payload, features)


def answered(exchange: Exchange) -> Arguments:
    """What came back, of a call that succeeded."""
    if exchange.answer is None or exchange.question.command not in _ANSWERED:
        return ()
    return _ANSWERED[exchange.question.command](exchange.answer, exchange.payload)


def _handle(name: str, body: Body) -> tuple[str, str]:
    return name, f"0x{body[name] & 0xFFFFFFFF:X}"


def _establish(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (("dwScope", names.constant(names.SCOPES, body["dwScope"])),)


def _context(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (_handle("hContext", body),)


def _connect(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (
        ("szReader", body.text),
        ("dwShareMode", names.constant(names.SHARE_MODES, body["dwShareMode"])),
        ("dwPreferredProtocols", protocols(body["dwPreferredProtocols"])),
    )


def _reconnect(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (
        _handle("hCard", body),
        ("dwShareMode", names.constant(names.SHARE_MODES, body["dwShareMode"])),
        ("dwPreferredProtocols", protocols(body["dwPreferredProtocols"])),
        ("dwInitialization", names.constant(names.DISPOSITIONS, body["dwInitialization"])),
    )


def _card(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (_handle("hCard", body),)


def _leave(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (_handle("hCard", body), ("dwDisposition", names.constant(names.DISPOSITIONS, body["dwDisposition"])))


def _transmit(body: Body, payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (_handle("hCard", body), ("", shown(payload).text))


def _control(body: Body, payload: bytes, features: Mapping[int, int]) -> Arguments:
    code = body["dwControlCode"]
    feature = names.FEATURES.get(features.get(code, -1))
    name = "CM_IOCTL_GET_FEATURE_REQUEST" if code == names.GET_FEATURE_REQUEST else feature
    shown_code = f"{name} ({names.hexadecimal(code)})" if name else names.hexadecimal(code)
    return (_handle("hCard", body), ("dwControlCode", shown_code), *((("", "data not shown"),) if payload else ()))


def _attribute(body: Body, _payload: bytes, _features: Mapping[int, int]) -> Arguments:
    return (_handle("hCard", body), ("dwAttrId", names.constant(names.ATTRIBUTES, body["dwAttrId"])))


_ASKED: Final[Mapping[Command, Callable[[Body, bytes, Mapping[int, int]], Arguments]]] = {
    Command.ESTABLISH_CONTEXT: _establish,
    Command.RELEASE_CONTEXT: _context,
    Command.CANCEL: _context,
    Command.CONNECT: _connect,
    Command.RECONNECT: _reconnect,
    Command.DISCONNECT: _leave,
    Command.END_TRANSACTION: _leave,
    Command.BEGIN_TRANSACTION: _card,
    Command.STATUS: _card,
    Command.TRANSMIT: _transmit,
    Command.CONTROL: _control,
    Command.GET_ATTRIB: _attribute,
    Command.SET_ATTRIB: _attribute,
}


def _established(answer: Body, _payload: bytes) -> Arguments:
    return (_handle("hContext", answer),)


def _connected(answer: Body, _payload: bytes) -> Arguments:
    return (_handle("hCard", answer), *_protocol(answer, _payload))


def _protocol(answer: Body, _payload: bytes) -> Arguments:
    return (("dwActiveProtocol", protocols(answer["dwActiveProtocol"])),)


def _transmitted(_answer: Body, payload: bytes) -> Arguments:
    word = status_word(payload)
    if not word:
        return (("", "no status word"),)
    more = (("", f"{len(payload) - 2} bytes not shown"),) if len(payload) > 2 else ()
    return (("SW", word), *more)


def _controlled(_answer: Body, payload: bytes) -> Arguments:
    return (("", f"{len(payload)} bytes came back"),) if payload else ()


def _got(answer: Body, _payload: bytes) -> Arguments:
    return (("cbAttrLen", str(answer["cbAttrLen"])),)


_ANSWERED: Final[Mapping[Command, Callable[[Body, bytes], Arguments]]] = {
    Command.ESTABLISH_CONTEXT: _established,
    Command.CONNECT: _connected,
    Command.RECONNECT: _protocol,
    Command.TRANSMIT: _transmitted,
    Command.CONTROL: _controlled,
    Command.GET_ATTRIB: _got,
}
