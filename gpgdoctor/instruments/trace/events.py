"""The events of a trace, in the order in which they happen. None holds a byte that must not be shown."""

from __future__ import annotations

from typing import TypeAlias

from gpgdoctor.system.record import Record


class Client(Record):
    """A program that is connected through the proxy."""

    pid: int
    program: str


class Held(Record):
    """A reader as pcscd last reported it: how many connections it has, -1 for an exclusive one."""

    name: str
    sharing: int
    has_card: bool


class Call(Record):
    """A call of PC/SC that is over."""

    at_s: float
    """When it was made, since the trace began."""
    seconds: float
    connection: int
    client: Client
    name: str
    arguments: tuple[tuple[str, str], ...] = ()
    """By their names in winscard.h, ready to be shown; without a name where "" stands for one."""
    code: int | None = None
    """None: the library makes it itself, or pcscd went away."""
    remark: str | None = None
    reader: str | None = None
    """The reader that it was about."""
    share: int | None = None
    """Of SCardConnect and SCardReconnect."""
    disposition: int | None = None
    applet: str | None = None
    """Of a SELECT by name: what it is called, or its first digits."""
    held: tuple[Held, ...] = ()
    """The readers as pcscd had them at the last look of this connection."""
    tells_readers: bool = False
    """Whether it is this call that looked at them."""


class Waiting(Record):
    """A call that is not answered yet, or one that waits for a change of a reader."""

    at_s: float
    seconds: float
    connection: int
    client: Client
    name: str
    arguments: tuple[tuple[str, str], ...]
    reader: str | None
    held: tuple[Held, ...] = ()
    for_change: bool
    """Whether to wait is what the call is for: it waits for a change of these readers."""


class Repeated(Record):
    """The call before, made again and again with the same outcome, and left out."""

    at_s: float
    connection: int
    client: Client
    name: str
    times: int
    until_s: float


class Ended(Record):
    """A connection that ended with something left open, or by pcscd."""

    at_s: float
    connection: int
    client: Client
    by_pcscd: bool
    unanswered: tuple[str, ...]
    left: tuple[tuple[str, int, bool], ...]
    """Of each card that was not disconnected: reader, share mode, whether in a transaction."""


class NotUnderstood(Record):
    """From here on a connection is only forwarded."""

    at_s: float
    connection: int
    client: Client


class NoService(Record):
    """pcscd did not accept the connection: the program gets the answer that there is no service."""

    at_s: float
    connection: int
    client: Client
    reason: str


Event: TypeAlias = Call | Waiting | Repeated | Ended | NotUnderstood | NoService
