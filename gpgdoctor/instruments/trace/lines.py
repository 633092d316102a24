"""Events as text: one line each, so that it can be searched; wrapped on a narrower terminal."""

from __future__ import annotations

import textwrap

from gpgdoctor.instruments.trace.events import (
    Call,
    Ended,
    Event,
    Held,
    NoService,
    NotUnderstood,
    Repeated,
    Waiting,
)
from gpgdoctor.pcsc import names
from gpgdoctor.system.escape import printable

TIME_WIDTH = 9
LIMIT = 1000
WITHOUT_A_CARD = ("SCardEstablishContext", "SCardReleaseContext", "SCardCancel")
NO_ANSWER = "pcscd itself does not answer"
BUSY = "another program is in a transaction, or an operation is running (a touch, a PIN entry, a key generation)"


def line(event: Event) -> str:
    """An event on one line, without control characters."""
    who = f"{event.client.program} ({event.client.pid})"
    return printable(f"{_time(event)} {who} #{event.connection} {_text(event)}", LIMIT)


def wrapped(text: str, width: int | None) -> str:
    """The same for a terminal; ``width`` None leaves it as it is."""
    if width is None or len(text) <= width:
        return text
    indent = " " * (TIME_WIDTH + 1)
    call, arrow, result = text.partition(" -> ")
    rows = _rows(call, "", indent, width)
    return "\n".join(rows + (_rows(f"-> {result}", indent, indent, width) if arrow else []))


def _rows(text: str, first: str, following: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        max(40, width),
        initial_indent=first,
        subsequent_indent=following,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _time(event: Event) -> str:
    return f"{event.at_s:{TIME_WIDTH}.4f}"


def _text(event: Event) -> str:
    if isinstance(event, Call):
        return _call(event)
    if isinstance(event, Waiting):
        return _waiting(event)
    if isinstance(event, Repeated):
        return f"... {event.name} {event.times} times more with the same outcome, until {event.until_s:.4f}"
    if isinstance(event, NotUnderstood):
        return "not understood from here on, only forwarded"
    if isinstance(event, NoService):
        return (
            f"pcscd does not take the connection ({event.reason}): the program is told "
            f"{names.described(names.NO_SERVICE)}"
        )
    return _ended(event)


def _call(call: Call) -> str:
    result = f"-> {names.described(call.code)}" if call.code is not None else ""
    remark = f"({call.remark})" if call.remark else ""
    readers = _readers(call.held) if call.tells_readers else ""
    words = (call.name, _arguments(call.arguments), readers, result, remark, _duration(call.seconds))
    return " ".join(filter(None, words))


def _arguments(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(_argument(name, value) for name, value in pairs)


def _argument(name: str, value: str) -> str:
    if name == "szReader":
        return f'{name} "{value}"'
    return f"{name} {value}" if name else value


def _readers(held: tuple[Held, ...]) -> str:
    return ", ".join(f'"{reader.name}"{_in_use(reader.sharing)}' for reader in held)


def _in_use(sharing: int) -> str:
    if sharing < 0:
        return " (in use, exclusive)"
    return f" ({sharing} connected)" if sharing else ""


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _waiting(event: Waiting) -> str:
    call = " ".join(filter(None, (event.name, _arguments(event.arguments))))
    if event.for_change:
        return f"... {call} waits for a change of {_readers(event.held) or 'any reader'}"
    why = NO_ANSWER if event.name in WITHOUT_A_CARD else BUSY
    return f"... {call} not answered after 0.5 s: {why}"


def _ended(event: Ended) -> str:
    by = "pcscd ended the connection" if event.by_pcscd else "the program ended the connection"
    unanswered = [f"{name} had no answer" for name in event.unanswered]
    left = [_left(reader, share, in_transaction) for reader, share, in_transaction in event.left]
    return "; ".join((by, *unanswered, *left))


def _left(reader: str, share: int, in_transaction: bool) -> str:
    """What pcscd does with a card that was not disconnected: src/winscard_svc.c, MSGCleanupClient."""
    how = names.constant(names.SHARE_MODES, share) + (", in a transaction" if in_transaction else "")
    what = "pcscd resets the card" if in_transaction or share == names.EXCLUSIVE else "the card is left as it is"
    return f'without SCardDisconnect from "{reader}" ({how}): {what}'
